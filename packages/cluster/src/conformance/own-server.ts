/** Our server for real clients: on a port, with its store on disk, and a kubeconfig file. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { arch, cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Dialer } from '@towpath/api';
import { createLogger, Disposer, present, systemClock, systemRandom, type Disposable, type Logger } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { createApiServer, type RunningApiServer } from '../apiserver/serving/api-server.ts';
import type { PodStreams } from '../apiserver/pod-streams.ts';
import { startControllers } from '../controllers/index.ts';
import type { ImageSource } from '../node/images/image-source.ts';
import { startNodes, type HostFacts } from '../node/start-nodes.ts';
import { startScheduler } from '../scheduler/index.ts';
import { openLmdbStore } from '../store/lmdb-store.ts';
import { withEnvironment } from './environment.ts';

export interface OwnServerOptions {
  /** Our controllers run. */
  readonly hasControllers?: boolean;
  /** Our scheduler runs; defaults to `hasControllers`. */
  readonly hasScheduler?: boolean;
  /** Pods get a service account; defaults to `hasControllers`, who make them. */
  readonly hasServiceAccounts?: boolean;
  /** Where the images of a node come from; absent, there is no node. */
  readonly images?: ImageSource;
  /** Receives log lines of warnings and errors. */
  readonly log?: (line: string) => void;
}

export interface OwnServer extends Disposable {
  readonly kubeconfig: string;
  readonly api: RunningApiServer;
  /** As the administrator. */
  readonly client: Client;
  /** A folder that lasts as long as the server. */
  readonly folder: string;
}

/** Starts the server; what it started is gone after `dispose`, files included. */
export async function startOwnServer(options: OwnServerOptions = {}): Promise<OwnServer> {
  const ends = new Disposer();
  const folder = await mkdtemp(join(tmpdir(), 'towpath-own-'));
  ends.add(() => rm(folder, { recursive: true, force: true }));
  try {
    return await startIn(folder, options, ends);
  } catch (error) {
    await ends.dispose();
    throw error;
  }
}

async function startIn(folder: string, options: OwnServerOptions, ends: Disposer): Promise<OwnServer> {
  const log = createLogger({ level: 'warn', write: options.log ?? (() => {}) });
  const store = await openLmdbStore({ dir: join(folder, 'store') });
  ends.add(() => store.close());
  const node = nodeParts();
  const api = ends.own(
    await createApiServer({
      store,
      clock: systemClock,
      random: systemRandom,
      log,
      countsQuotas: options.hasControllers ?? false,
      serviceAccountAdmission: options.hasServiceAccounts ?? options.hasControllers ?? false,
      dialer: node.dialer,
      podStreams: node.podStreams,
    }),
  );
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, api.kubeconfig(), { mode: 0o600 });
  if (options.hasControllers === true) await startOwnControllers(api, log, ends);
  if (options.hasScheduler ?? options.hasControllers ?? false) {
    const scheduler = ends.own(startScheduler({ transport: api.transport(), clock: systemClock, log }));
    await scheduler.synced();
  }
  if (options.images !== undefined) node.set(await startNode(folder, options.images, { api, log, ends }));
  const client = new Client({ transport: api.transport(), fieldManager: 'conformance', userAgent: 'conformance' });
  return { kubeconfig, api, client, folder, dispose: () => ends.dispose() };
}

async function startOwnControllers(api: RunningApiServer, log: Logger, ends: Disposer): Promise<void> {
  const controllers = ends.own(
    startControllers({
      transportFor: () => api.transport(),
      clock: systemClock,
      random: systemRandom,
      log,
      rootCa: api.caPem,
    }),
  );
  await controllers.synced();
}

interface NodeParts {
  readonly dialer: Dialer;
  readonly podStreams: PodStreams;
  set(node: NodeEnds): void;
}

interface NodeEnds {
  readonly dialer: Dialer;
  readonly podStreams: PodStreams;
}

/** API server and node need each other: calls go to the node once there is one, and fail before. */
function nodeParts(): NodeParts {
  let node: NodeEnds | undefined;
  const real = (): NodeEnds => present(node, 'there is no node');
  return {
    dialer: { dial: async (target) => real().dialer.dial(target) },
    podStreams: {
      logs: (...args) => real().podStreams.logs(...args),
      exec: async (...args) => real().podStreams.exec(...args),
      attach: async (...args) => real().podStreams.attach(...args),
      portForward: async (...args) => real().podStreams.portForward(...args),
      usage: async (pod) => real().podStreams.usage?.(pod),
    },
    set(started) {
      node = started;
    },
  };
}

async function startNode(
  folder: string,
  images: ImageSource,
  { api, log, ends }: { api: RunningApiServer; log: Logger; ends: Disposer },
): Promise<NodeEnds> {
  const dataDir = join(folder, 'node');
  await mkdir(dataDir, { recursive: true });
  return ends.own(
    await startNodes({
      transport: api.transport(),
      transportWithToken: () => api.transport(),
      clock: systemClock,
      log,
      dataDir,
      nodes: 1,
      images,
      builtins: {},
      hostServices: { 'kubernetes.default:443': { port: api.port } },
      host: hostFacts(),
    }),
  );
}

/** This machine, as nodes of the suites describe it. */
export function hostFacts(): HostFacts {
  return {
    platform: process.platform,
    architecture: arch(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    kernelVersion: release(),
    osImage: process.platform,
    userId: process.getuid?.() ?? 0,
    tempDir: tmpdir(),
    node: process.execPath,
    env: withEnvironment({}),
  };
}
