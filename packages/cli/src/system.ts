/** The composition root: the whole path in one process, in flow order. */

import { join } from 'node:path';
import { Disposer, type Clock, type Disposable, type Logger, type Random } from '@towpath/kit';
import type { Ready } from './context.ts';
import { createBuiltins } from './system/builtins.ts';
import { startCluster, type RunningCluster } from './system/cluster.ts';
import { components, demoRepository, gitServiceUrl } from './system/components.ts';
import { startDashboardPart } from './system/dashboard.ts';
import { openDataDir, writeAtomically, type DataDir } from './system/data-dir.ts';
import { readHostFacts } from './system/host-facts.ts';
import { ensureRelease } from './system/install-charts.ts';
import type { Progress } from './system/progress.ts';
import { pipelineBuilt, podsReady, releasesDeployed, type WaitDeps } from './system/ready-wait.ts';
import { startSources, type Sources } from './system/sources.ts';
import { startDelivery } from './system/delivery.ts';

export interface SystemOptions {
  readonly dataDir: string;
  readonly httpPort: number | undefined;
  readonly nodes: number;
  /** No controllers, no shop: for the walk and for people's own repositories. */
  readonly bare: boolean;
  /** Folder with `charts/`, `shop/` and `web/`. */
  readonly assetsDir: string;
  /** The file of the program itself. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface RunningSystem extends Disposable {
  readonly ready: Ready;
}

/** The shop's namespace and how many releases it has. */
const shopNamespace = 'microservices-demo';
const shopReleases = 12;
const buildLimitMs = 300_000;
const deployLimitMs = 180_000;

/** Starts everything; resolves when `ready.json` is written. What was started before a failure is stopped again. */
export async function startSystem(options: SystemOptions): Promise<RunningSystem> {
  const ends = new Disposer();
  try {
    const data = ends.own(await openDataDir(options.dataDir, { version: options.version }));
    return await start(options, data, ends);
  } catch (error) {
    await ends.dispose().catch(() => {});
    throw error;
  }
}

async function start(options: SystemOptions, data: DataDir, ends: Disposer): Promise<RunningSystem> {
  const { clock, random, log, progress, bare } = options;
  const frontPort = await data.port('http', options.httpPort);
  const gatewayPort = await data.port('gateway');
  const sources = ends.own(await startSources({ clock, log, data, assetsDir: options.assetsDir, port: frontPort }));
  const builtins = createBuiltins({
    clock,
    random,
    log,
    version: options.version,
    exposeMetrics: (handler) => sources.exposeMetrics(handler),
  });
  const host = readHostFacts(options.env);
  const cluster = ends.own(
    await startCluster({ clock, random, log, data, host, nodes: options.nodes, builtins, frontPort, gatewayPort }),
  );
  progress.done('cluster', `${cluster.url}, ${options.nodes} nodes (process://${cluster.nodes.level})`);
  const delivery = ends.own(await startDelivery({ ...options, cluster, sources, data }));
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  ends.own(startDashboardPart({ ...options, cluster, sources, gatewayUrl }));
  await sources.seed({ bare });
  await sources.connect(delivery);
  progress.done('git', `${sources.url}/${bare ? 'start/microservices-demo' : demoRepository}.git`);
  if (!bare) await deliverShop(options, cluster, sources);
  const ready: Ready = {
    version: options.version,
    kubeconfig: cluster.kubeconfig,
    apiserver: cluster.url,
    git: sources.url,
    registry: sources.url,
    charts: `${sources.url}/charts`,
    dashboard: sources.url,
    gateway: gatewayUrl,
    metrics: `${sources.url}/prometheus`,
  };
  await writeAtomically(join(data.path, 'ready.json'), `${JSON.stringify(ready, undefined, 2)}\n`);
  return { ready, dispose: () => ends.dispose() };
}

/** Pipeline, charts, releases: until every pod of the shop is Ready. */
async function deliverShop(options: SystemOptions, cluster: RunningCluster, sources: Sources): Promise<void> {
  const { clock, random, signal, progress } = options;
  const { client } = cluster;
  const wait: WaitDeps = { client, clock, signal, progress: (line) => progress.say(line) };
  const releases = components({
    repositoryUrl: `${gitServiceUrl}/${demoRepository}.git`,
    branch: 'master',
    path: 'deploy',
  });
  const deps = { client, clock, random, signal, chartsDir: sources.chartsDir, progress: () => {} };
  const built = pipelineBuilt(wait, demoRepository.replace('/', '.'), buildLimitMs);
  // A rejection is handled below, after the charts are in.
  built.catch(() => {});
  for (const release of releases.filter(({ name }) => name !== 'flux')) {
    const result = await ensureRelease(deps, release);
    progress.done('installed', `${release.namespace}/${release.name} (${result})`);
  }
  progress.done('built', `${await built} images`);
  for (const release of releases.filter(({ name }) => name === 'flux')) {
    const result = await ensureRelease(deps, release);
    progress.done('installed', `${release.namespace}/${release.name} (${result})`);
  }
  await releasesDeployed(wait, shopNamespace, shopReleases, deployLimitMs);
  progress.done('released', `${shopReleases} releases in ${shopNamespace}`);
  await podsReady(wait, ['istio-system', 'flux', shopNamespace], deployLimitMs);
  progress.done('ready', 'every pod of the shop');
}
