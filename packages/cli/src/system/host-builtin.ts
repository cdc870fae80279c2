/** Runs a builtin outside a pod: against any cluster, with the host's own network. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Builtin, BuiltinContext, Dialer, PodNetwork, Transport } from '@towpath/api';
import { TowpathError, type Logger } from '@towpath/kit';

export interface HostBuiltinOptions {
  readonly name: string;
  readonly builtin: Builtin;
  readonly namespace: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly transport: Transport;
  readonly log: Logger;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
  /** Where its ports are bound: loopback on a user's machine, every address in a pod. */
  readonly listenHost: '127.0.0.1' | '0.0.0.0';
  /** The pod's name, unique among replicas. */
  readonly podName: string;
}

/** Resolves when the component ended; its folder is removed then. */
export async function runHostBuiltin(options: HostBuiltinOptions): Promise<void> {
  const { name, namespace, args, env, transport, print, signal, listenHost, podName } = options;
  const log = options.log.child({ component: name });
  const scratchDir = await mkdtemp(join(tmpdir(), `towpath-${name}-`));
  const context: BuiltinContext = {
    args,
    env,
    pod: { namespace, pod: podName, uid: '', labels: { app: name }, serviceAccount: name, node: 'host' },
    transport,
    dialer: hostDialer,
    network: hostNetwork(log, listenHost),
    hostUrl: (url) => url,
    log,
    print,
    scratchDir,
    mounts: {},
    signal,
  };
  try {
    const instance = await options.builtin(context);
    await instance.done;
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

/** Connects with the host's own network. */
export const hostDialer: Dialer = {
  dial: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ host, port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    }),
};

/** A port that is taken is said and left out. */
function hostNetwork(log: Logger, host: HostBuiltinOptions['listenHost']): PodNetwork {
  return {
    podIP: '127.0.0.1',
    listen(port, onConnection) {
      const server = createServer((stream) => onConnection({ stream, port }));
      server.on('error', (error) => log.warn('port is not served', { port, error: error.message }));
      server.listen({ host, port });
      return { close: () => server.close() };
    },
    attachSidecar() {
      throw new TowpathError('SIDECAR_OUTSIDE', 'a sidecar can only run in a pod of the embedded cluster', {
        next: 'use Istio on this cluster',
      });
    },
  };
}
