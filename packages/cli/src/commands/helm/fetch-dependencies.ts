/** Dependencies that Chart.yaml names and charts/ lacks, fetched into memory: nothing on disk is changed. */

import { resolve } from 'node:path';
import { packageChart, type ChartDependency, type ChartFiles } from '@towpath/charts';
import { messageOf } from '@towpath/kit';
import {
  createPull,
  loadChartAt,
  releaseError,
  satisfies,
  type HttpOptions,
  type PullDependency,
} from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import type { ChartFlags } from './flags.ts';
import { httpOf } from './remote-chart.ts';
import { httpOptionsOf, readRepositories, type RepositoryEntry } from './repositories.ts';

/** A chart folder's files. */
export interface FolderChart {
  readonly source: ChartFiles;
  /** `file://` repositories are relative to it. */
  readonly path?: string;
}

/** The chart's files with the missing dependencies' archives below charts/. Throws `CHART_DEPENDENCY_MISSING`. */
export async function fetchDependencies(
  context: CliContext,
  chart: FolderChart,
  wanted: { missing: readonly ChartDependency[]; flags: ChartFlags },
): Promise<ChartFiles> {
  const complete = new Map(chart.source);
  for (const { name, version = '', repository = '' } of wanted.missing) {
    const target = { name, version, repository };
    const data = repository.startsWith('file://')
      ? await packFolder(resolve(chart.path ?? context.cwd, repository.slice('file://'.length)), target)
      : await (
          await pullOf(context, repository, wanted.flags)
        )(await named(context, target));
    complete.set(`charts/${name}-${version}.tgz`, data);
  }
  return complete;
}

interface Target {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
}

async function packFolder(folder: string, { name, version }: Target): Promise<Uint8Array> {
  const chart = await loadChartAt(folder).catch((error: unknown) => {
    throw missing(`directory ${folder} not found: ${messageOf(error)}`, error);
  });
  if (satisfies(chart.metadata.version, version === '' ? '*' : version)) return (await packageChart(chart)).data;
  throw missing(`can't get a valid version for dependency ${name}`);
}

/** `@NAME` and `alias:NAME` stand for an added repository. */
async function named(context: CliContext, target: Target): Promise<Target> {
  const alias = /^(?:@|alias:)(.+)$/.exec(target.repository)?.[1];
  if (alias === undefined && /^(https?|oci):\/\//.test(target.repository)) return target;
  const entry = alias === undefined ? undefined : await addedRepository(context, (one) => one.name === alias);
  if (entry !== undefined) return { ...target, repository: entry.url };
  throw missing(`no repository definition for ${target.repository}. Please add them via 'helm repo add'`);
}

async function addedRepository(
  context: CliContext,
  is: (entry: RepositoryEntry) => boolean,
): Promise<RepositoryEntry | undefined> {
  return (await readRepositories(helmEnvironment(context))).find(is);
}

/** With the credentials of the added repository of that address, else with those of the flags. */
async function pullOf(context: CliContext, repository: string, flags: ChartFlags): Promise<PullDependency> {
  const plain = (url: string): string => url.replace(/\/+$/, '');
  const added = await addedRepository(
    context,
    (entry) => plain(entry.url) === plain(repository) || [`@${entry.name}`, `alias:${entry.name}`].includes(repository),
  );
  const http: HttpOptions = added === undefined ? await httpOf(context, flags) : await httpOptionsOf(added);
  return createPull({ hostUrl: (url) => url, signal: context.signal, http });
}

function missing(message: string, cause?: unknown): Error {
  return releaseError('CHART_DEPENDENCY_MISSING', message, {
    next: 'correct the dependency in Chart.yaml, or vendor it below charts/',
    ...(cause === undefined ? {} : { cause }),
  });
}
