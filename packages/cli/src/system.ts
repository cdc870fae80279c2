/** The composition root: the whole path in one process, in flow order. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Disposer, type Clock, type Disposable, type Logger, type Random } from '@towpath/kit';
import type { Ready } from './context.ts';
import { createBuiltins } from './system/builtins.ts';
import {
  frontServices,
  gatewayPorts,
  startCluster,
  type ClusterOptions,
  type RunningCluster,
} from './system/cluster.ts';
import { joinCluster } from './system/join-cluster.ts';
import { demoRepository } from './system/components.ts';
import { startDashboardPart } from './system/dashboard.ts';
import { openDataDir, writeAtomically, type DataDir } from './system/data-dir.ts';
import { deliverRepository, deliverShop } from './system/deliver.ts';
import { readHostFacts } from './system/host-facts.ts';
import { takeRepository, type OwnRepository, type RepositoryRequest } from './system/own-repository.ts';
import type { Progress } from './system/progress.ts';
import { startRepository, startSources } from './system/sources.ts';
import { startDelivery } from './system/delivery.ts';

export interface SystemOptions {
  readonly dataDir: string;
  readonly httpPort: number | undefined;
  readonly nodes: number;
  readonly runtime: 'process' | 'container';
  /** Of a cluster that is there already: nodes join it, and no cluster is started. */
  readonly kubeconfig: string | undefined;
  /** No controllers, no shop: for the walk and for people's own repositories. */
  readonly bare: boolean;
  /** In place of the shop, now or at an earlier start. */
  readonly repository: RepositoryRequest | undefined;
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
  /** The repository to clone and push to; undefined where that is the shop or the start repository. */
  readonly own: OwnRepository | undefined;
}

/** Addresses of a running Towpath, below the data folder. */
const readyName = 'ready.json';

/** Starts everything; resolves when `ready.json` is written. What was started before a failure is stopped again. */
export async function startSystem(options: SystemOptions): Promise<RunningSystem> {
  const ends = new Disposer();
  try {
    const data = ends.own(await openDataDir(options.dataDir, { version: options.version }));
    // Left by a process that was killed: nothing is ready yet.
    await rm(join(data.path, readyName), { force: true });
    return await start(options, data, ends);
  } catch (error) {
    await ends.dispose().catch(() => {});
    throw error;
  }
}

async function start(options: SystemOptions, data: DataDir, ends: Disposer): Promise<RunningSystem> {
  const { clock, random, log, progress, bare, signal } = options;
  const frontPort = await data.port('http', options.httpPort);
  const gatewayPort = await data.port('gateway');
  const sources = ends.own(await startSources({ clock, log, data, assetsDir: options.assetsDir, port: frontPort }));
  const own = await takeRepository({ request: options.repository, data, git: sources.git, clock, signal });
  const builtins = createBuiltins({
    clock,
    random,
    log,
    version: options.version,
    program: options.program,
    exposeMetrics: (handler) => sources.exposeMetrics(handler),
    env: options.env,
  });
  signal.throwIfAborted();
  const host = readHostFacts(options.env);
  const cluster = ends.own(
    await clusterOf(options.kubeconfig, {
      clock,
      random,
      log,
      data,
      host,
      nodes: options.nodes,
      runtime: options.runtime,
      builtins,
      frontPort,
      gatewayPort,
    }),
  );
  progress.done('cluster', `${cluster.url}, ${options.nodes} nodes (${cluster.nodes.runtime})`);
  signal.throwIfAborted();
  const delivery = ends.own(await startDelivery({ ...options, cluster, sources, data }));
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  ends.own(startDashboardPart({ ...options, cluster, sources, gatewayUrl }));
  // A repository of the user's own takes the place of the shop, but not of what the walk starts from.
  if (bare || own === undefined) await sources.seed({ bare });
  await sources.connect(delivery);
  progress.done('git', `${sources.url}/${own?.name ?? (bare ? startRepository : demoRepository)}.git`);
  if (!bare) {
    const deliver = { clock, random, signal, progress, cluster, sources };
    await (own === undefined ? deliverShop(deliver) : deliverRepository(deliver, own));
  }
  signal.throwIfAborted();
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
  await writeAtomically(join(data.path, readyName), `${JSON.stringify(ready, undefined, 2)}\n`);
  return { ready, own, dispose: () => ends.dispose() };
}

/** The embedded cluster, or nodes in the one of a kubeconfig. */
async function clusterOf(kubeconfig: string | undefined, options: ClusterOptions): Promise<RunningCluster> {
  if (kubeconfig === undefined) return startCluster(options);
  const { data, frontPort, gatewayPort, ...common } = options;
  const joined = await joinCluster({
    ...common,
    kubeconfig,
    nodesDir: await data.folder('nodes'),
    name: 'towpath',
    nodeIP: '127.0.0.1',
    kubeletPort: await data.port('kubelet'),
    mirror: `http://127.0.0.1:${frontPort}`,
    hostServices: frontServices(frontPort),
    hostPorts: gatewayPorts(gatewayPort),
  });
  return { ...joined, kubeconfig };
}
