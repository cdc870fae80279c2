/** A cluster network in memory for tests: pods with addresses, real servers behind them, sidecars in between. */

import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import type { Caller, Pod, Sidecar, SidecarHost } from '@towpath/api';
import { present, seededRandom, silentLogger, systemClock, TowpathError } from '@towpath/kit';
import { MeshState } from '../mesh-state.ts';
import { workloadOfPod } from '../model/workload.ts';
import { World } from '../model/world.ts';
import { Proxy } from '../proxy/proxy.ts';
import { Telemetry } from '../telemetry/telemetry.ts';

export interface FabricPod {
  readonly pod: Pod;
  readonly ip: string;
  readonly caller: Caller;
  /** Undefined without a sidecar. */
  readonly telemetry: Telemetry | undefined;
  /** Serves the pod's `port` with a server that listens on a local port. */
  serve(port: number, localPort: number): void;
  /** As a program of the pod connects. */
  connect(host: string, port: number): Promise<Duplex>;
  /** A local TCP port that leads to `host:port` as seen from the pod, for clients that want an address. */
  expose(host: string, port: number): Promise<number>;
}

export interface PodOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly deployment?: string;
  readonly labels?: Record<string, string>;
  readonly sidecar: boolean;
}

/** Close it: it owns listeners. */
export class Fabric {
  readonly state = new MeshState();
  readonly world = new World();
  readonly #pods = new Map<string, { locals: Map<number, number>; sidecar: Sidecar | undefined }>();
  readonly #servers: Server[] = [];
  readonly #proxies: Proxy[] = [];
  #nextIP = 1;

  constructor() {
    this.state.publish(this.world);
  }

  pod(options: PodOptions): FabricPod {
    const ip = `10.244.0.${this.#nextIP++}`;
    const pod = podObject(options, ip);
    const locals = new Map<number, number>();
    const caller = { namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name, uid: pod.metadata.uid ?? '' };
    this.world.setPod(pod);
    const telemetry = options.sidecar ? new Telemetry({ log: silentLogger }) : undefined;
    const host: SidecarHost = {
      dialLocal: (port) => dialLocal(locals, port),
      dialPeer: (peer, port) => this.#dialPeer(caller, peer, port),
    };
    const sidecar = telemetry === undefined ? undefined : this.#sidecar(pod, host, telemetry);
    this.#pods.set(ip, { locals, sidecar });
    const connectTo = async (target: string, port: number): Promise<Duplex> => {
      if (sidecar === undefined) return this.#dialPeer(caller, target, port);
      const [mine, theirs] = linkedPair();
      sidecar.outbound({ stream: theirs, host: target, port });
      return mine;
    };
    return {
      pod,
      ip,
      caller,
      telemetry,
      serve: (port, localPort) => locals.set(port, localPort),
      connect: connectTo,
      expose: (target, port) => this.#expose(() => connectTo(target, port)),
    };
  }

  /** A Service with one port and its endpoints. */
  service(
    name: string,
    options: { port: number; targetPort: number; portName?: string; pods: readonly FabricPod[]; namespace?: string },
  ): void {
    const namespace = options.namespace ?? 'shop';
    const portName = options.portName ?? 'http';
    this.world.setService({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        clusterIP: `10.96.0.${this.#nextIP++}`,
        selector: { app: name },
        ports: [{ name: portName, port: options.port, targetPort: options.targetPort }],
      },
    });
    this.world.setSlice({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: portName, port: options.targetPort }],
      endpoints: options.pods.map(({ ip, pod }) => ({
        addresses: [ip],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: pod.metadata.name, namespace },
      })),
    });
  }

  virtualService(name: string, spec: Record<string, unknown>, namespace = 'shop') {
    const metadata = { name, namespace, creationTimestamp: '2026-01-01T00:00:00Z' };
    return this.world.setVirtualService({
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'VirtualService',
      metadata,
      spec,
    });
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies) proxy.dispose();
    for (const server of this.#servers) server.close();
  }

  #sidecar(pod: Pod, host: SidecarHost, telemetry: Telemetry): Sidecar {
    const proxy = new Proxy({
      state: this.state,
      telemetry,
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
      accessLog: false,
      workload: workloadOfPod(pod),
      dialPeer: (peer, port) => host.dialPeer(peer, port),
      dialLocal: (port) => host.dialLocal(port),
    });
    this.#proxies.push(proxy);
    return {
      outbound: ({ stream, host: target, port }) => proxy.outbound(stream, { host: target, port }),
      inbound: ({ stream, port, caller }) => proxy.inbound(stream, { port, caller }),
    };
  }

  async #dialPeer(caller: Caller, host: string, port: number): Promise<Duplex> {
    const peer = this.#pods.get(host);
    if (peer === undefined) throw new TowpathError('ENOTFOUND', `${host} is nobody`);
    if (peer.sidecar === undefined) return dialLocal(peer.locals, port);
    const [mine, theirs] = linkedPair();
    peer.sidecar.inbound({ stream: theirs, host, port, caller });
    return mine;
  }

  async #expose(connectTo: () => Promise<Duplex>): Promise<number> {
    const server = createServer((socket) => {
      connectTo().then(
        (stream) => {
          socket.setNoDelay(true);
          socket.on('error', () => {}).on('close', () => stream.destroy());
          stream.on('error', () => socket.destroy());
          socket.pipe(stream).pipe(socket);
          stream.on('close', () => socket.destroy());
        },
        () => socket.destroy(),
      );
    });
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
}

/** A pair of streams where, as with sockets, one end that is gone takes the other with it. */
function linkedPair(): [Duplex, Duplex] {
  const [left, right] = duplexPair();
  const link = (gone: Duplex, other: Duplex): void => {
    gone
      .on('error', () => {})
      .on('close', () => {
        if (gone.writableFinished && !other.readableEnded) other.once('end', () => other.destroy());
        else other.destroy();
      });
  };
  link(left, right);
  link(right, left);
  return [left, right];
}

function dialLocal(locals: ReadonlyMap<number, number>, port: number): Promise<Duplex> {
  const local = locals.get(port);
  if (local === undefined) return Promise.reject(new TowpathError('ECONNREFUSED', `nobody listens on ${port}`));
  // As the cluster's dialer does: an end that is closed leaves the other open.
  const socket = connect({ port: local, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  return once(socket, 'connect').then(() => socket);
}

function podObject(options: PodOptions, ip: string): Pod {
  const namespace = options.namespace ?? 'shop';
  const deployment = options.deployment ?? options.name;
  const hash = '5d9c7b8f4';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${options.name}-${hash}-abcde`,
      namespace,
      uid: `uid-${present(ip, 'ip')}`,
      labels: { app: options.name, 'pod-template-hash': hash, ...options.labels },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${deployment}-${hash}`, uid: 'rs', controller: true },
      ],
    },
    spec: {
      containers: [{ name: 'server' }, ...(options.sidecar ? [{ name: 'istio-proxy' }] : [])],
    },
    status: { phase: 'Running', podIP: ip },
  };
}
