/** A real API server in memory, for tests of any package. */

import type { Dialer, Transport } from '@towpath/api';
import { seededRandom, silentLogger, systemClock, type Clock, type Logger } from '@towpath/kit';
import type { PodStreams } from '../apiserver/pod-streams.ts';
import { ApiServer } from '../apiserver/server.ts';
import { adminUser, inProcessTransport } from '../apiserver/transport.ts';
import type { UserInfo } from '../apiserver/http/message.ts';
import { createMemoryStore } from '../store/memory-store.ts';

export interface TestClusterOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Of uids and generated names; the same seed gives the same names. */
  readonly seed?: number;
  readonly podStreams?: PodStreams;
  /** Reaches admission webhooks. */
  readonly dialer?: Dialer;
}

export interface TestCluster {
  readonly server: ApiServer;
  /** The API as `user`; as an administrator when absent. */
  transport(user?: UserInfo): Transport;
  dispose(): Promise<void>;
}

/** Starts an empty cluster with the system namespaces: no controllers, no nodes. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const server = new ApiServer({
    store: createMemoryStore(),
    clock: options.clock ?? systemClock,
    random: seededRandom(options.seed ?? 1),
    log: options.log ?? silentLogger,
    podStreams: options.podStreams,
    dialer: options.dialer,
  });
  await server.start();
  return {
    server,
    transport: (user) => inProcessTransport(server, user ?? adminUser),
    dispose: () => server.dispose(),
  };
}
