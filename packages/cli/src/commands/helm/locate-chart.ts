/** Finds a chart by what a user writes: a path, REPO/NAME, a URL, an oci:// address. */

import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { loadChart, type Chart, type ChartFiles } from '@towpath/charts';
import { readChartFolder, releaseError } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import type { ChartFlags } from './flags.ts';
import { flagError } from './pflag.ts';

/** A chart's files or archive, and the name it came under. */
export interface LocatedChart {
  readonly source: ChartFiles | Uint8Array;
  /** The file name of a downloaded archive. */
  readonly filename: string | undefined;
  /** The manifest's digest, of a chart from a registry. */
  readonly digest?: string;
  /** The path of a chart that is on this machine. */
  readonly path?: string;
}

export interface LocateOptions {
  /** Fetches dependencies that are not in charts/. */
  readonly dependencyUpdate?: boolean;
}

/** Loads the chart with its dependencies. Throws `CHART_NOT_FOUND`, `REPOSITORY_UNREACHABLE`, and what loading throws. */
export async function openChart(
  context: CliContext,
  name: string,
  flags: ChartFlags,
  options: LocateOptions = {},
): Promise<Chart> {
  const located = await locateChart(context, name, flags);
  const chart = await loadChart(located.source);
  return withItsDependencies(context, { located, chart, flags, fetch: options.dependencyUpdate === true });
}

/** The chart, with what charts/ lacks fetched into memory or refused. Throws `CHART_DEPENDENCY_MISSING`. */
export async function withItsDependencies(
  context: CliContext,
  input: { located: LocatedChart; chart: Chart; flags: ChartFlags; fetch: boolean; sentence?: string },
): Promise<Chart> {
  const { located, chart, flags } = input;
  const present = new Set(chart.dependencies.map((dependency) => dependency.metadata.name));
  const missing = (chart.metadata.dependencies ?? []).filter(({ name }) => !present.has(name));
  if (missing.length === 0) return chart;
  if (input.fetch && !(located.source instanceof Uint8Array)) {
    const { fetchDependencies } = await import('./fetch-dependencies.ts');
    return loadChart(await fetchDependencies(context, { ...located, source: located.source }, { missing, flags }));
  }
  const { sentence = installSentence } = input;
  const names = missing.map(({ name }) => name).join(', ');
  throw releaseError(
    'CHART_DEPENDENCY_MISSING',
    `${sentence}found in Chart.yaml, but missing in charts/ directory: ${names}`,
    { next: 'repeat with --dependency-update' },
  );
}

const installSentence =
  'An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch ' +
  'missing dependencies: ';

/** Source: helm 3 pkg/action/install.go, LocateChart. */
export async function locateChart(context: CliContext, name: string, flags: ChartFlags): Promise<LocatedChart> {
  const local = await localChart(resolve(context.cwd, name.trim()));
  if (local !== undefined) {
    if (flags.verify === true) throw refuseVerify(local.source instanceof Uint8Array);
    if (flags.repo !== undefined && flags.repo !== '') {
      const what = 'WARN local chart found in current working directory. repository url ignored';
      context.stderr(`${what} chart=${name} repository=${flags.repo}\n`);
    }
    return local;
  }
  if (isAbsolute(name) || name.startsWith('.')) throw chartNotFound(`path "${name}" not found`);
  if (flags.verify === true) throw refuseVerify(true);
  const { remoteChart } = await import('./remote-chart.ts');
  return remoteChart(context, name, flags);
}

function refuseVerify(isArchive: boolean): Error {
  if (!isArchive) return flagError('unpacked charts cannot be verified');
  return flagError('--verify is not supported: OpenPGP signatures are not read here; check the .prov file with gpg');
}

async function localChart(path: string): Promise<LocatedChart | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return undefined;
  const source = about.isDirectory() ? await readFolder(path) : await readFile(path);
  return { source, filename: undefined, path };
}

/** No chart goes by what the user wrote. */
export function chartNotFound(message: string): Error {
  return releaseError('CHART_NOT_FOUND', message, {
    next: 'name a chart folder, a .tgz file, REPO/CHART, a URL or an oci:// address',
  });
}

/** The files of a chart folder. Throws helm's sentence for one without Chart.yaml. */
export async function readFolder(path: string): Promise<ChartFiles> {
  const chartFile = await stat(join(path, 'Chart.yaml')).catch(() => undefined);
  if (chartFile !== undefined) return readChartFolder(path);
  throw releaseError('CHART_NOT_FOUND', 'Chart.yaml file is missing', {
    next: `name a folder that holds Chart.yaml in place of ${path}`,
  });
}
