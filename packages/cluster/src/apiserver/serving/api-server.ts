/** A whole API server on a port: credentials, store, HTTPS and the way in for callers of the same process. */

import type { Dialer, Transport } from '@towpath/api';
import { Disposer, pooledRandom, type Clock, type Logger, type Random } from '@towpath/kit';
import type { Store } from '../../store/store.ts';
import type { UserInfo } from '../http/message.ts';
import type { PodStreams } from '../pod-streams.ts';
import { ApiServer } from '../server.ts';
import { adminUser, inProcessTransport } from '../transport.ts';
import { kubeconfigText, loadCredentials } from './credentials.ts';
import { ensureKubernetesService, ensureServiceRange, kubernetesServiceIP } from './kubernetes-service.ts';
import { listenHttps } from './https-server.ts';
import { handleUpgrade } from './upgrade.ts';

/** Names and addresses a client may know the server by; the virtual ones are the cluster's. */
const serverNames = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

export interface RunningApiServerOptions {
  /** Where the authority and the administrator's token are kept; without it they last as long as the process. */
  readonly dataDir?: string | undefined;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dialer?: Dialer | undefined;
  readonly podStreams?: PodStreams | undefined;
  /** Pods get a service account and its token; defaults to true. */
  readonly serviceAccountAdmission?: boolean | undefined;
  /** Statuses of resource quotas are kept; defaults to true. */
  readonly countsQuotas?: boolean | undefined;
  /** Defaults to 127.0.0.1. */
  readonly host?: string;
  /** Defaults to a free one. */
  readonly port?: number;
}

export interface RunningApiServer {
  readonly server: ApiServer;
  readonly url: string;
  readonly port: number;
  /** PEM of the cluster's authority. */
  readonly caPem: string;
  readonly adminToken: string;
  /** A kubeconfig for the administrator. */
  kubeconfig(options?: { name?: string; namespace?: string }): string;
  /** The API in process, as `user`; as the administrator when absent. */
  transport(user?: UserInfo): Transport;
  /** The API in process, with the credentials in each request's headers, as a pod has them. */
  anonymousTransport(): Transport;
  /** A certificate of the cluster's authority, for servers inside the cluster such as webhooks. */
  serverCertificate(dnsNames: readonly string[]): Promise<{ certificate: string; key: string }>;
  dispose(): Promise<void>;
}

/** Starts serving; rejects with Node's error when the port cannot be had. */
export async function createApiServer(options: RunningApiServerOptions): Promise<RunningApiServer> {
  const { clock, log, dataDir } = options;
  const random = pooledRandom(options.random);
  const host = options.host ?? '127.0.0.1';
  const { authority, adminToken, serverPair } = await loadCredentials({ dataDir, clock, random });
  const server = new ApiServer({
    store: options.store,
    clock,
    random,
    log,
    dialer: options.dialer,
    podStreams: options.podStreams,
    serviceAccountAdmission: options.serviceAccountAdmission,
    countsQuotas: options.countsQuotas,
    staticTokens: new Map([[adminToken, adminUser]]),
  });
  const ends = new Disposer();
  ends.own(server);
  const names = {
    dnsNames: serverNames,
    ips: ['127.0.0.1', '::1', kubernetesServiceIP, ...(host === '127.0.0.1' ? [] : [host])],
  };
  const [certificate] = await Promise.all([
    serverPair(names),
    server.start().then(() => ensureFirstObjects({ objects: server.objects, clock, random })),
  ]);
  const listener = await listenHttps({
    host,
    port: options.port ?? 0,
    certificate,
    clientAuthority: authority.certificate,
    handle: (request) => server.handle(request),
    upgrade: (request, incoming, socket, head) =>
      handleUpgrade((asked) => server.connectPod(asked), request, { incoming, socket, head, log }),
    log,
  }).catch(async (error: unknown) => {
    await ends.dispose();
    throw error;
  });
  ends.own(listener);
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
  return {
    server,
    url,
    port: listener.port,
    caPem: authority.certificate,
    adminToken,
    kubeconfig: (named = {}) => kubeconfigText({ server: url, ca: authority.certificate, token: adminToken, ...named }),
    transport: (user) => inProcessTransport(server, user ?? adminUser),
    anonymousTransport: () => inProcessTransport(server),
    async serverCertificate(dnsNames) {
      const { signCertificate } = await import('./certificates.ts');
      return signCertificate(authority, { subject: `CN=${dnsNames[0] ?? 'server'}`, usage: 'server', dnsNames }, clock);
    },
    dispose: () => ends.dispose(),
  };
}

async function ensureFirstObjects(deps: Parameters<typeof ensureKubernetesService>[0]): Promise<void> {
  await Promise.all([ensureKubernetesService(deps), ensureServiceRange(deps)]);
}
