/** The embedded cluster put together: API server, controllers, scheduler, virtual nodes. */

import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Builtin } from '@towpath/api';
import {
  createApiServer,
  openLmdbStore,
  registryImages,
  startControllers,
  startNodes,
  startScheduler,
  type HostFacts,
  type RunningApiServer,
  type RunningNodes,
} from '@towpath/cluster';
import { Disposer, type Clock, type Disposable, type Logger, type Random } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { writeAtomically, type DataDir } from './data-dir.ts';
import { dockerConfig } from './host-facts.ts';
import { lateDialer, latePodStreams } from './late.ts';

export interface ClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly data: DataDir;
  readonly host: HostFacts;
  readonly nodes: number;
  readonly runtime: 'process' | 'container';
  readonly builtins: Readonly<Record<string, Builtin>>;
  /** The port of Git, registry, charts, metrics and dashboard. */
  readonly frontPort: number;
  readonly gatewayPort: number;
}

export interface RunningCluster extends Disposable {
  /** As an administrator, in process. */
  readonly client: Client;
  readonly nodes: RunningNodes;
  readonly kubeconfig: string;
  readonly url: string;
}

/** In-cluster names of what the front serves, below `.towpath-system`. */
const frontNames = ['git', 'registry', 'charts', 'dashboard'];

/** Where in-cluster names of the front lead: to its port on this machine. */
export function frontServices(frontPort: number): Record<string, { port: number }> {
  return Object.fromEntries(frontNames.map((name) => [`${name}.towpath-system:80`, { port: frontPort }]));
}

/** The gateway's port on this machine, as load balancers of nodes name it. */
export function gatewayPorts(gatewayPort: number): Record<string, number> {
  return { 'istio-system/istio-ingressgateway:80': gatewayPort };
}

/** Resolves when the nodes are Ready and pods are being started. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { clock, random, log, data } = options;
  const ends = new Disposer();
  try {
    const store = await openLmdbStore({ dir: await data.folder('store') });
    ends.add(() => store.close());
    const dialer = lateDialer();
    const podStreams = latePodStreams();
    const dataDir = await data.folder('apiserver');
    const port = await data.port('apiserver');
    const api = ends.own(
      await createApiServer({
        dataDir,
        store,
        clock,
        random,
        log,
        dialer: dialer.part,
        podStreams: podStreams.part,
        port,
      }),
    );
    const kubeconfig = join(data.path, 'kubeconfig');
    await writeAtomically(kubeconfig, api.kubeconfig({ name: 'towpath' }));
    await chmod(kubeconfig, 0o600);
    const controllers = ends.own(
      startControllers({ transportFor: () => api.transport(), clock, random, log, rootCa: api.caPem }),
    );
    const scheduler = ends.own(startScheduler({ transport: api.transport(), clock, log }));
    const nodes = ends.own(await startNodes(await nodeOptions(options, api)));
    dialer.set(nodes.dialer);
    podStreams.set(nodes.podStreams);
    await Promise.all([controllers.synced(), scheduler.synced()]);
    const client = new Client({ transport: api.transport(), fieldManager: 'towpath', userAgent: 'towpath/up' });
    return { client, nodes, kubeconfig, url: api.url, dispose: () => ends.dispose() };
  } catch (error) {
    await ends.dispose();
    throw error;
  }
}

async function nodeOptions(options: ClusterOptions, api: RunningApiServer): Promise<Parameters<typeof startNodes>[0]> {
  const { clock, random, log, data, host, frontPort, gatewayPort } = options;
  return {
    transport: api.transport(),
    transportWithToken: (token) => ({
      async request(request) {
        const headers = { ...request.headers, authorization: `Bearer ${await token()}` };
        return api.anonymousTransport().request({ ...request, headers });
      },
    }),
    clock,
    random,
    log,
    dataDir: await data.folder('nodes'),
    nodes: options.nodes,
    runtime: options.runtime,
    images: registryImages({
      mirror: `http://127.0.0.1:${frontPort}`,
      architecture: host.architecture,
      authFiles: [join(data.path, 'docker', 'config.json'), dockerConfig(host.env)],
    }),
    builtins: options.builtins,
    hostServices: { ...frontServices(frontPort), 'kubernetes.default:443': { port: api.port } },
    hostPorts: gatewayPorts(gatewayPort),
    host,
  };
}
