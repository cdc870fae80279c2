/** The chart a HelmRelease asks for: where it stands, whether it changed, and its content. */

import { loadChart, type Chart, type ChartFiles } from '@towpath/charts';
import { Secrets } from '@towpath/api';
import { parseRemoteUrl, safeUrl, wellKnownHosts, type GitAuth } from '@towpath/git';
import { messageOf } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import { withDependencies, type PullDependency } from '../sources/dependencies.ts';
import type { ChartSource, HelmReleaseSpec } from './helm-release.ts';
import type { GitCharts } from './git-charts.ts';

export interface ChartSourceDeps {
  readonly client: Client;
  readonly gitCharts: GitCharts;
  readonly gitDefaultRef: string;
  readonly updateDependencies: boolean;
  /** The Secret with the deploy key; undefined when none is configured. */
  readonly sshSecret: { readonly namespace: string; readonly name: string } | undefined;
  /** Fetches a chart's archive from an HTTP or OCI repository. */
  readonly pull: PullDependency;
  readonly cache: ChartCache;
}

/** A chart that was found. */
export interface FoundChart {
  /** Commit, or version. */
  readonly revision: string;
  /** Equal for equal content. */
  readonly fingerprint: string;
  /** The content differs from that at `revision`; true when that cannot be read. */
  changedSince(revision: string | undefined): Promise<boolean>;
  load(): Promise<Chart>;
  readFile(path: string): Promise<Uint8Array | undefined>;
}

/** Loaded charts by fingerprint, so that a comparison does not read the same files again. */
export class ChartCache {
  readonly #charts = new Map<string, Promise<Chart>>();
  readonly #limit: number;

  constructor(options: { limit: number }) {
    this.#limit = options.limit;
  }

  get(fingerprint: string, load: () => Promise<Chart>): Promise<Chart> {
    const known = this.#charts.get(fingerprint);
    if (known !== undefined) return known;
    const loading = load();
    this.#charts.set(fingerprint, loading);
    loading.catch(() => this.#charts.delete(fingerprint));
    if (this.#charts.size > this.#limit) this.#charts.delete(this.#charts.keys().next().value ?? '');
    return loading;
  }
}

/** Finds the chart. What it throws says why it cannot be had. */
export function findChart(spec: HelmReleaseSpec, deps: ChartSourceDeps): Promise<FoundChart> {
  return spec.chart.type === 'git' ? findInGit(spec.chart, deps) : findInRepository(spec.chart, deps);
}

type GitSource = Extract<ChartSource, { type: 'git' }>;

async function findInGit(source: GitSource, deps: ChartSourceDeps): Promise<FoundChart> {
  const auth = await authFor(source, deps);
  const revision = await deps.gitCharts.resolve({ url: source.url, ref: source.ref ?? deps.gitDefaultRef, auth });
  const { commit, mirror } = revision;
  const fingerprint = await revision.fingerprint(source.path);
  if (fingerprint === '') {
    throw releaseError(
      'CHART_NOT_FOUND',
      `there is no folder ${source.path} in ${safeUrl(source.url)} at ${commit.slice(0, 7)}`,
      {
        next: 'push the chart, or correct spec.chart.path',
      },
    );
  }
  const readFiles = (): Promise<ChartFiles> => mirror.readFiles(commit, source.path);
  return {
    revision: commit,
    fingerprint,
    async changedSince(before) {
      if (before === commit) return false;
      if (before === undefined || (await mirror.resolve(before)) === undefined) return true;
      return (await revision.fingerprint(source.path, before)) !== fingerprint;
    },
    load: () =>
      deps.cache.get(fingerprint, async () => {
        const files = await readFiles();
        const fetches = deps.updateDependencies && !source.skipDependencyUpdate;
        return loadChart(fetches ? await withDependencies(files, deps.pull) : files);
      }),
    readFile: (path) => mirror.readFile(commit, `${source.path}/${path}`),
  };
}

type RepositorySource = Extract<ChartSource, { type: 'repository' }>;

async function findInRepository(source: RepositorySource, deps: ChartSourceDeps): Promise<FoundChart> {
  const { url, name, version } = source;
  const fingerprint = `${url} ${name} ${version}`;
  const load = (): Promise<Chart> =>
    deps.cache.get(fingerprint, async () => {
      try {
        return await loadChart(await deps.pull({ name, version, repository: url }));
      } catch (error) {
        throw releaseError('CHART_NOT_FOUND', `chart unavailable: ${messageOf(error)}`, { cause: error });
      }
    });
  // A version never changes its content: fetched once, it is not fetched again.
  await load();
  return {
    revision: version,
    fingerprint,
    changedSince: async (before) => before !== version,
    load,
    readFile: async (path) => (await load()).raw.find((file) => file.name === path)?.data,
  };
}

/** Credentials for a Git chart: `secretRef` for HTTPS, the deploy key for SSH. */
async function authFor(source: GitSource, deps: ChartSourceDeps): Promise<GitAuth | undefined> {
  if (source.secret !== undefined) {
    const data = (await deps.client.get(Secrets, source.secret))?.data;
    const where = `${source.secret.namespace}/${source.secret.name}`;
    if (data === undefined) {
      throw releaseError('CHART_SOURCE_INVALID', `the secret ${where} of spec.chart.secretRef is not there`, {
        next: 'create it with the keys username and password',
      });
    }
    return { type: 'http', username: decode(data['username']) || 'git', password: decode(data['password']) };
  }
  if (deps.sshSecret === undefined || parseRemoteUrl(source.url).protocol !== 'ssh') return undefined;
  const data = (await deps.client.get(Secrets, deps.sshSecret))?.data;
  const privateKey = decode(data?.['identity']);
  if (privateKey === '') return undefined;
  return { type: 'ssh', privateKey, knownHosts: decode(data?.['known_hosts']) || wellKnownHosts };
}

function decode(value: string | undefined): string {
  return value === undefined ? '' : Buffer.from(value, 'base64').toString('utf8').trim();
}
