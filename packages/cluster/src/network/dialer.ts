/** The dialer: from a caller and a destination to a connected stream, past or through sidecars. */

import { connect as netConnect, type NetConnectOpts } from 'node:net';
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Caller, Dialer, DialTarget, SidecarHost } from '@towpath/api';
import { codeOf, messageOf } from '@towpath/kit';
import { DialError } from './errors.ts';
import { linkedPair } from './linked-pair.ts';
import { podSocket, type NetworkPod, type PodTable } from './pods.ts';
import type { Resolver, Route } from './resolver.ts';

/** Where a pod's program is sent: its own road, or a stream the dialer holds the other end of. */
export type Passage =
  | { readonly type: 'socket'; readonly pod: NetworkPod; readonly port: number }
  | { readonly type: 'stream'; readonly stream: Duplex; readonly address: string | undefined }
  | { readonly type: 'outside'; readonly host: string; readonly port: number };

export interface NetworkDialer extends Dialer {
  /** As `dial`, but says when the program can go there by itself. */
  pass(target: DialTarget & { caller: Caller }): Promise<Passage>;
  /** As `dial`, past the caller's own sidecar: for the sidecar's container itself. */
  dialPastOwnSidecar(target: DialTarget): Promise<Duplex>;
  /** What a sidecar of `pod` may do. */
  sidecarHost(pod: NetworkPod): SidecarHost;
}

export interface DialerDeps {
  readonly runDir: string;
  readonly pods: PodTable;
  readonly resolver: Resolver;
}

interface Ends {
  readonly own: boolean;
  readonly peer: boolean;
}

/** Owns nothing but whose turn it is. */
export class ClusterDialer implements NetworkDialer {
  readonly #deps: DialerDeps;
  /** Turns of the round robin, per service and port. */
  readonly #turns = new Map<string, number>();

  constructor(deps: DialerDeps) {
    this.#deps = deps;
  }

  dial(target: DialTarget): Promise<Duplex> {
    return this.#open(target, endsOf(target));
  }

  pass(target: DialTarget & { caller: Caller }): Promise<Passage> {
    return this.#pass(target, endsOf(target));
  }

  dialPastOwnSidecar(target: DialTarget): Promise<Duplex> {
    return this.#open(target, { ...endsOf(target), own: false });
  }

  sidecarHost(pod: NetworkPod): SidecarHost {
    const caller = pod.caller;
    return {
      dialLocal: async (port) => {
        const target = { host: pod.ip, port, caller };
        const passage = await this.#toPod(pod, port, target, { own: false, peer: false });
        return passage.type === 'stream' ? passage.stream : this.#connectPod(pod, port, target);
      },
      dialPeer: (host, port) => this.#open({ host, port, caller }, { own: false, peer: true }),
    };
  }

  async #pass(target: DialTarget, through: Ends): Promise<Passage> {
    const { host, port, caller } = target;
    const namespace = target.namespace ?? caller?.namespace ?? 'default';
    const route = this.#deps.resolver.route(host, port, namespace);
    if (route.type === 'unknown') throw new DialError('ENOTFOUND', host, port, route.because);
    const from = caller === undefined ? undefined : this.#deps.pods.byUid(caller.uid);
    if (from !== undefined && through.own) {
      const stream = await this.#throughOwnSidecar(from, target, route);
      if (stream !== undefined) return { type: 'stream', stream, address: undefined };
    }
    if (route.type === 'outside') return { type: 'outside', host: route.host, port: route.port };
    if (route.type === 'host') {
      return { type: 'stream', stream: await connectHost(route.host, route.port, target), address: undefined };
    }
    return this.#toBackend(target, route, through);
  }

  async #throughOwnSidecar(from: NetworkPod, target: DialTarget, route: Route): Promise<Duplex | undefined> {
    const sidecar = await this.#sidecarOf(from, target);
    if (sidecar === undefined) return undefined;
    const single = route.type === 'backends' && route.service === undefined ? route.backends[0] : undefined;
    const peer = single === undefined ? undefined : this.#deps.pods.byIp(single.ip);
    const [near, far] = linkedPair();
    sidecar.outbound({
      stream: far,
      host: target.host,
      port: target.port,
      ...(peer !== undefined && { caller: peer.caller }),
    });
    return near;
  }

  async #sidecarOf(pod: NetworkPod, target: DialTarget): ReturnType<PodTable['sidecarOf']> {
    try {
      return await this.#deps.pods.sidecarOf(pod);
    } catch (error) {
      throw new DialError('ECONNREFUSED', target.host, target.port, messageOf(error));
    }
  }

  async #toBackend(target: DialTarget, route: Extract<Route, { type: 'backends' }>, through: Ends): Promise<Passage> {
    const { host, port } = target;
    const usable = route.backends.filter(
      ({ ip }) => !ip.startsWith('10.244.') || this.#deps.pods.byIp(ip) !== undefined,
    );
    const turn = `${route.service ?? host}:${port}`;
    const next = this.#turns.get(turn) ?? 0;
    this.#turns.set(turn, next + 1);
    const backend = usable[next % Math.max(1, usable.length)];
    if (backend === undefined) {
      const because =
        route.service === undefined
          ? 'no pod has that address'
          : `service ${route.service} has no ready endpoint for that port`;
      throw new DialError('ECONNREFUSED', host, port, because);
    }
    const pod = this.#deps.pods.byIp(backend.ip);
    if (pod === undefined) return { type: 'outside', host: backend.ip, port: backend.port };
    return this.#toPod(pod, backend.port, target, through);
  }

  async #toPod(pod: NetworkPod, port: number, target: DialTarget, through: Ends): Promise<Passage> {
    const caller = target.caller;
    const sidecar = through.peer ? await this.#sidecarOf(pod, target) : undefined;
    if (sidecar !== undefined) {
      const [near, far] = linkedPair();
      sidecar.inbound({ stream: far, host: target.host, port, ...(caller !== undefined && { caller }) });
      return { type: 'stream', stream: near, address: pod.ip };
    }
    const listener = pod.listeners.get(port);
    if (listener !== undefined) {
      const [near, far] = linkedPair();
      listener({ stream: far, port, ...(caller !== undefined && { caller }) });
      return { type: 'stream', stream: near, address: pod.ip };
    }
    return { type: 'socket', pod, port };
  }

  async #open(target: DialTarget, through: Ends): Promise<Duplex> {
    const passage = await this.#pass(target, through);
    if (passage.type === 'stream') return passage.stream;
    if (passage.type === 'outside') return connectHost(passage.host, passage.port, target);
    return this.#connectPod(passage.pod, passage.port, target);
  }

  async #connectPod(pod: NetworkPod, port: number, target: DialTarget): Promise<Duplex> {
    const path = podSocket(this.#deps.runDir, pod, port);
    if (!existsSync(path) && pod.reach !== undefined) return pod.reach(port);
    if (!existsSync(path) && pod.hostLoopback) return connectHost('127.0.0.1', port, target);
    try {
      return await connected({ path, allowHalfOpen: true });
    } catch {
      throw new DialError(
        'ECONNREFUSED',
        target.host,
        target.port,
        `pod ${pod.caller.namespace}/${pod.caller.pod} does not listen on port ${port}`,
      );
    }
  }
}

/** Both sidecars stand in the way, unless the caller goes past them. */
function endsOf(target: DialTarget): Ends {
  return { own: target.direct !== true, peer: target.direct !== true };
}

/** Connects on the host; failures keep the codes of the system and name the original destination. */
async function connectHost(host: string, port: number, target: DialTarget): Promise<Duplex> {
  try {
    return await connected({ host, port, allowHalfOpen: true, noDelay: true });
  } catch (error) {
    const code = codeOf(error);
    const known = code === 'ENOTFOUND' || code === 'ETIMEDOUT' ? code : 'ECONNREFUSED';
    throw new DialError(known, target.host, target.port, messageOf(error));
  }
}

function connected(options: NetConnectOpts): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = netConnect(options);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
