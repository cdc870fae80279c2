/** Brings a repository's state into the cluster: its pipeline, the charts of the controllers, its releases and pods. */

import { readRefs } from '@towpath/git';
import { present, TowpathError, type Clock, type Random } from '@towpath/kit';
import type { RunningCluster } from './cluster.ts';
import { components, demoRepository, gitServiceUrl } from './components.ts';
import { ensureRelease } from './install-charts.ts';
import type { OwnRepository } from './own-repository.ts';
import type { Progress } from './progress.ts';
import {
  namespacesOf,
  pipelineBuilt,
  podsReady,
  releasesDeployed,
  releasesSettled,
  synchronised,
  type WaitDeps,
} from './ready-wait.ts';
import type { Sources } from './sources.ts';

export interface DeliverOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly cluster: RunningCluster;
  readonly sources: Sources;
}

/** The shop's namespace and how many releases it has. */
const shopNamespace = 'microservices-demo';
const shopReleases = 12;
const buildLimitMs = 300_000;
const deployLimitMs = 180_000;
const ownLimitMs = 120_000;
const systemNamespaces = ['istio-system', 'flux'];

/** Until every pod of the shop is Ready. Throws `PIPELINE_FAILED` or `START_TIMEOUT`. */
export async function deliverShop(options: DeliverOptions): Promise<void> {
  const { progress } = options;
  const wait = waitDeps(options);
  await installAround(options, { name: demoRepository, branch: 'master', path: 'deploy' }, async () => {
    progress.done('built', `${await pipelineBuilt(wait, objectName(demoRepository), buildLimitMs)} images`);
  });
  await releasesDeployed(wait, shopNamespace, shopReleases, deployLimitMs);
  progress.done('released', `${shopReleases} releases in ${shopNamespace}`);
  await podsReady(wait, [...systemNamespaces, shopNamespace], deployLimitMs);
  progress.done('ready', 'every pod of the shop');
}

/**
 * Until what the repository describes runs. What is wrong with the repository itself is said and does not end the
 * start: it is corrected by a push, and that needs a running Git server.
 */
export async function deliverRepository(options: DeliverOptions, own: OwnRepository): Promise<void> {
  const { progress } = options;
  const { name, path } = own;
  const wait = waitDeps(options);
  const { branch } = await stateOf(options.sources, name);
  await installAround(options, { name, branch, path }, () =>
    saying(options, async () => {
      const jobs = await pipelineBuilt(wait, objectName(name), buildLimitMs);
      progress.done('pipeline', jobs === 0 ? 'nothing to run' : `${jobs} jobs`);
    }),
  );
  await podsReady(wait, systemNamespaces, deployLimitMs);
  await saying(options, async () => {
    const problem = await synchronised(wait, async () => (await stateOf(options.sources, name)).commit, ownLimitMs);
    progress.done('synced', `${name}, ${path === '' ? 'the whole repository' : path}`);
    if (problem !== undefined) progress.say(`not applied: ${problem}; see: towpath describe sync flux -n flux`);
    const { deployed, failed } = await releasesSettled(wait, ownLimitMs);
    if (deployed + failed.length > 0) progress.done('released', `${deployed} releases`);
    if (failed.length > 0) progress.say(`not released: ${failed.join(', ')}; see: towpath get helmreleases -A`);
    await podsReady(wait, await namespacesOf(options.cluster.client), ownLimitMs);
    progress.done('ready', 'every pod');
  });
}

/** Says a failure and its next step; an abort is passed on. */
async function saying({ signal, progress }: DeliverOptions, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted || !(error instanceof TowpathError)) throw error;
    const next = error.code === 'START_TIMEOUT' ? 'see: towpath get pods -A, towpath events -A' : error.next;
    progress.say(`${error.message}${next === undefined ? '' : `; ${next}`}`);
  }
}

interface Followed {
  readonly name: string;
  readonly branch: string;
  /** Folder of the manifests; empty for the whole repository. */
  readonly path: string;
}

/** Installs the controllers while `built` runs; Flux after it, so that it finds the images, and what the shop does not wait for. */
async function installAround(options: DeliverOptions, followed: Followed, built: () => Promise<void>): Promise<void> {
  const { name, branch, path } = followed;
  const releases = components({ repositoryUrl: `${gitServiceUrl}/${name}.git`, branch, path });
  const isLater = ({ name: release }: { name: string }): boolean => release === 'flux' || release === 'towpath';
  const building = built();
  // A rejection is handled below, after the charts are in.
  building.catch(() => {});
  await install(
    options,
    releases.filter((release) => !isLater(release)),
  );
  await building;
  await install(options, releases.filter(isLater));
}

async function install(options: DeliverOptions, releases: ReturnType<typeof components>): Promise<void> {
  const { clock, random, signal, progress, cluster, sources } = options;
  const deps = { client: cluster.client, clock, random, signal, chartsDir: sources.chartsDir, progress: () => {} };
  for (const release of releases) {
    signal.throwIfAborted();
    const result = await ensureRelease(deps, release);
    progress.done('installed', `${release.namespace}/${release.name} (${result})`);
  }
}

async function stateOf(sources: Sources, name: string): Promise<{ branch: string; commit: string }> {
  const repo = present(sources.git.repository(name), `the repository ${name}`);
  const { head, branches } = await readRefs(repo);
  const commit = branches[head];
  if (commit === undefined) {
    throw new TowpathError('GIT_EMPTY', `the repository ${name} has no branch ${head}`, {
      next: `push it to ${sources.url}/${name}.git`,
    });
  }
  return { branch: head, commit };
}

function waitDeps({ cluster, clock, signal, progress }: DeliverOptions): WaitDeps {
  return { client: cluster.client, clock, signal, progress: (line) => progress.say(line) };
}

/** Of the Repository; names of such repositories lose nothing on the way. */
function objectName(repository: string): string {
  return repository.replace('/', '.');
}
