/** The cluster network as one thing: resolver, dialer, sockets for pod programs, load balancers. */

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EndpointSlices, Services, type Caller, type Dialer, type PodNetwork, type Service } from '@towpath/api';
import { Disposer, type Clock, type Logger, type Random } from '@towpath/kit';
import { createInformer, type Client } from '@towpath/runtime';
import { createClusterView } from './cluster-view.ts';
import { startControlServer } from './control-server.ts';
import { ClusterDialer, type NetworkDialer } from './dialer.ts';
import { createHostPorts } from './host-ports.ts';
import { startLoadBalancers } from './load-balancers.ts';
import { createPodTable, type NetworkPod, type PodTable } from './pods.ts';
import { createRelay, type PodNamespace, type RelayTools } from './relay/relay.ts';
import { createResolver, type HostServices } from './resolver.ts';

export interface NetworkOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
  /** Holds `host-ports.json`. */
  readonly dataDir: string;
  /** From `makeRunDir`. */
  readonly runDir: string;
  readonly hostServices: HostServices;
  /** `namespace/name:port` of LoadBalancer services → the port wanted on the host on first use. */
  readonly hostPorts: Readonly<Record<string, number>>;
  /** Absent: pods have no network namespaces of their own. */
  readonly relayTools?: RelayTools;
}

/** One container's part in its pod's network. */
export interface ContainerNetwork {
  readonly dialer: Dialer;
  readonly network: PodNetwork;
  /** Ends its listeners and its sidecar. */
  close(): void;
}

export interface ClusterNetwork {
  readonly dialer: Dialer;
  readonly runDir: string;
  join(pod: { caller: Caller; ip: string; expectsSidecar: boolean }): Promise<NetworkPod>;
  leave(pod: NetworkPod): Promise<void>;
  /** A network namespace for the pod's programs; rejects with why there is none. */
  isolate(pod: NetworkPod): Promise<PodNamespace>;
  /** For a builtin container of `pod`. */
  container(pod: NetworkPod): ContainerNetwork;
  services(): readonly Service[];
  /** A URL on a host service as programs on the host open it; any other unchanged. */
  hostUrl(url: string): string;
  dispose(): Promise<void>;
}

/** Resolves when the names of the cluster are known and pod programs can connect. */
export async function startNetwork(options: NetworkOptions): Promise<ClusterNetwork> {
  const { client, clock, log, runDir } = options;
  const ends = new Disposer();
  const services = ends.own(createInformer({ client, type: Services, clock, log }));
  const slices = ends.own(createInformer({ client, type: EndpointSlices, clock, log }));
  const view = ends.own(createClusterView({ services, slices }));
  const resolver = createResolver({ view, hostServices: options.hostServices });
  const pods = createPodTable({ clock, ...(options.random !== undefined && { random: options.random }) });
  const dialer = new ClusterDialer({ runDir, pods, resolver });
  ends.own(await startControlServer({ runDir, pods, resolver, dialer, clock, log }));
  const { relayTools: tools } = options;
  const relay =
    tools === undefined ? undefined : ends.own(createRelay({ tools, runDir, pods, resolver, dialer, clock, log }));
  if (relay !== undefined) {
    ends.add(services.onChange(() => relay.changed()));
    ends.add(slices.onChange(() => relay.changed()));
  }
  services.start();
  slices.start();
  await Promise.all([services.synced(), slices.synced()]);
  const ports = createHostPorts({ file: join(options.dataDir, 'host-ports.json'), log });
  ends.own(startLoadBalancers({ client, services, dialer, ports, preferred: options.hostPorts, clock, log }));

  return {
    dialer,
    runDir,
    async join(given) {
      const pod = pods.add(given);
      await mkdir(join(runDir, 'p', pod.key), { recursive: true });
      return pod;
    },
    async leave(pod) {
      relay?.detach(pod);
      pods.remove(pod);
      await rm(join(runDir, 'p', pod.key), { recursive: true, force: true });
    },
    isolate: (pod) => relay?.attach(pod) ?? Promise.reject(new Error('unshare, nsenter, setpriv or ip is missing')),
    container: (pod) => joinContainer({ pods, dialer }, pod),
    services: () => services.list(),
    hostUrl: (url) => toHostUrl(url, (host, port) => resolver.hostService(host, port)),
    dispose: () => ends.dispose(),
  };
}

/** The dialer and the listeners of one container; the one that attaches a sidecar dials past it from then on. */
function joinContainer(parts: { pods: PodTable; dialer: NetworkDialer }, pod: NetworkPod): ContainerNetwork {
  const { pods, dialer } = parts;
  const closers = new Set<() => void>();
  let hasSidecar = false;
  const closer = (run: () => void): { close(): void } => {
    const close = (): void => {
      if (closers.delete(close)) run();
    };
    closers.add(close);
    return { close };
  };
  const network: PodNetwork = {
    podIP: pod.ip,
    listen(port, onConnection) {
      pod.listeners.set(port, onConnection);
      return closer(() => {
        if (pod.listeners.get(port) === onConnection) pod.listeners.delete(port);
      });
    },
    attachSidecar(create) {
      hasSidecar = true;
      const attached = create(dialer.sidecarHost(pod));
      pods.attachSidecar(pod, attached);
      return closer(() => {
        if (pod.sidecar === attached) pods.attachSidecar(pod, undefined);
      });
    },
  };
  return {
    network,
    dialer: {
      dial(target) {
        const own = { ...target, caller: pod.caller };
        return hasSidecar ? dialer.dialPastOwnSidecar(own) : dialer.dial(own);
      },
    },
    close() {
      for (const close of closers) close();
    },
  };
}

/** Replaces the in-cluster host of `url` by the host's listener; path, query and credentials stay. */
function toHostUrl(
  url: string,
  hostService: (host: string, port: number) => { host?: string; port: number } | undefined,
): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return url;
  }
  const port = parsed.port === '' ? (parsed.protocol === 'https:' ? 443 : 80) : Number(parsed.port);
  const found = hostService(parsed.hostname, port);
  if (found === undefined) return url;
  parsed.hostname = found.host ?? '127.0.0.1';
  parsed.port = String(found.port);
  return parsed.toString();
}
