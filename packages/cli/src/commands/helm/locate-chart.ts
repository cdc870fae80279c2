/** Finds a chart by what a user writes: a path, REPO/NAME, a URL, an oci:// address. */

import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { loadChart, type Chart, type ChartFiles } from '@towpath/charts';
import {
  createPull,
  fetchIndex,
  httpGet,
  isOci,
  missingDependencies,
  pullFromRegistry,
  pullFromRepository,
  readChartFolder,
  releaseError,
  withDependencies,
  type HttpOptions,
} from '@towpath/releases';
import { getIn } from '@towpath/kit';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import type { ChartFlags } from './flags.ts';
import { cachedIndex, httpOptionsOf, readRepositories, updateIndex } from './repositories.ts';

/** A chart's files or archive, and the name it came under. */
export interface LocatedChart {
  readonly source: ChartFiles | Uint8Array;
  /** The file name of a downloaded archive. */
  readonly filename: string | undefined;
  /** The manifest's digest, of a chart from a registry. */
  readonly digest?: string;
}

export interface LocateOptions {
  /** Fetches dependencies that are not in charts/. */
  readonly dependencyUpdate?: boolean;
}

/** Loads the chart. Throws `CHART_NOT_FOUND`, `REPOSITORY_UNREACHABLE`, and what loading throws. */
export async function openChart(
  context: CliContext,
  name: string,
  flags: ChartFlags,
  options: LocateOptions = {},
): Promise<Chart> {
  const { source } = await locateChart(context, name, flags);
  if (source instanceof Uint8Array) return loadChart(source);
  const missing = missingDependencies(source);
  if (missing.length > 0 && options.dependencyUpdate === true) {
    return loadChart(await withDependencies(source, createPull({ hostUrl: (url) => url, signal: context.signal })));
  }
  if (missing.length > 0) {
    const names = missing.map((dependency) => dependency.name).join(', ');
    throw releaseError(
      'CHART_DEPENDENCY_MISSING',
      'An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch ' +
        `missing dependencies: found in Chart.yaml, but missing in charts/ directory: ${names}`,
      { next: 'repeat with --dependency-update' },
    );
  }
  return loadChart(source);
}

/** Source: helm 3 pkg/action/install.go, LocateChart. */
export async function locateChart(context: CliContext, name: string, flags: ChartFlags): Promise<LocatedChart> {
  const version = flags.version ?? (flags.devel === true ? '>0.0.0-0' : '');
  if (flags.repo === undefined) {
    const local = await localChart(resolve(context.cwd, name));
    if (local !== undefined) return local;
    if (isAbsolute(name) || name.startsWith('.')) throw notFound(`path "${name}" not found`);
  }
  if (isOci(name)) return fromRegistry(context, name, version, flags);
  const http = await httpOf(context, flags);
  if (flags.repo !== undefined) {
    const repository = { url: flags.repo, http };
    const index = await fetchIndex(httpGet, repository);
    const { entry, data } = await pullFromRepository(httpGet, repository, { index, name, version });
    return { source: data, filename: `${entry.name}-${entry.version}.tgz` };
  }
  if (/^https?:\/\//.test(name)) {
    return { source: await httpGet(name, http), filename: new URL(name).pathname.split('/').at(-1) };
  }
  return fromAddedRepository(context, name, version);
}

async function localChart(path: string): Promise<LocatedChart | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return undefined;
  return { source: about.isDirectory() ? await readChartFolder(path) : await readFile(path), filename: undefined };
}

async function fromRegistry(
  context: CliContext,
  address: string,
  version: string,
  flags: ChartFlags,
): Promise<LocatedChart> {
  const credentials =
    flags.username === undefined
      ? await storedCredentials(context, new URL(address.replace(/^oci:/, 'http:')).host)
      : { username: flags.username, password: flags.password ?? '' };
  const pulled = await pullFromRegistry(address, version, { credentials, plainHttp: flags.plainHttp === true });
  const name = address.split('/').at(-1) ?? 'chart';
  return { source: pulled.data, filename: `${name}-${pulled.version}.tgz`, digest: pulled.digest };
}

/** What `helm registry login` stored for a host; credential helpers are not asked. */
async function storedCredentials(
  context: CliContext,
  host: string,
): Promise<{ username: string; password: string } | undefined> {
  const text = await readFile(helmEnvironment(context).registryConfig, 'utf8').catch(() => '{}');
  const auth = getIn(JSON.parse(text), ['auths', host, 'auth']);
  if (typeof auth !== 'string') return undefined;
  const [username = '', ...rest] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return { username, password: rest.join(':') };
}

async function fromAddedRepository(context: CliContext, name: string, version: string): Promise<LocatedChart> {
  const environment = helmEnvironment(context);
  const slash = name.indexOf('/');
  if (slash < 1) {
    throw notFound(`non-absolute URLs should be in form of repo_name/path_to_chart, got: ${name}`);
  }
  const [repository, chart] = [name.slice(0, slash), name.slice(slash + 1)];
  const entry = (await readRepositories(environment)).find((candidate) => candidate.name === repository);
  if (entry === undefined) {
    throw releaseError('CHART_NOT_FOUND', `repo ${repository} not found`, {
      next: `add it with: towpath helm repo add ${repository} URL`,
    });
  }
  const index = (await cachedIndex(environment, repository)) ?? (await updateIndex(environment, entry));
  const target = { url: entry.url, http: await httpOptionsOf(entry) };
  const { entry: found, data } = await pullFromRepository(httpGet, target, { index, name: chart, version });
  return { source: data, filename: `${found.name}-${found.version}.tgz` };
}

async function httpOf(context: CliContext, flags: ChartFlags): Promise<HttpOptions> {
  const file = (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? Promise.resolve(undefined) : readFile(resolve(context.cwd, path), 'utf8');
  return {
    username: flags.username,
    password: flags.password,
    passCredentials: flags.passCredentials === true,
    ca: await file(flags.caFile),
    cert: await file(flags.certFile),
    key: await file(flags.keyFile),
    insecure: flags.insecureSkipTlsVerify === true,
    signal: context.signal,
  };
}

function notFound(message: string): Error {
  return releaseError('CHART_NOT_FOUND', message, {
    next: 'name a chart folder, a .tgz file, REPO/CHART, a URL or an oci:// address',
  });
}
