/** The pods on the cluster network: their addresses, sockets, virtual listeners and sidecars. */

import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Caller, InboundConnection, Sidecar } from '@towpath/api';
import { systemRandom, type Clock, type Random } from '@towpath/kit';

/** A pod as the dialer sees it. */
export interface NetworkPod {
  readonly caller: Caller;
  readonly ip: string;
  /** Its folder below `run/p`. */
  readonly key: string;
  readonly token: string;
  /** Connections wait for, or are refused without, an attached sidecar. */
  readonly expectsSidecar: boolean;
  /** Runs programs whose listeners are the host's own loopback ports; set when the first of them starts. */
  hostLoopback: boolean;
  /** Connects to a port in the pod's own network namespace; set while it has one. */
  reach: ((port: number) => Promise<Duplex>) | undefined;
  readonly listeners: Map<number, (connection: InboundConnection) => void>;
  sidecar: Sidecar | undefined;
}

export interface PodTable {
  add(pod: { caller: Caller; ip: string; expectsSidecar: boolean }): NetworkPod;
  remove(pod: NetworkPod): void;
  byUid(uid: string): NetworkPod | undefined;
  byIp(ip: string): NetworkPod | undefined;
  byToken(token: string): NetworkPod | undefined;
  /** Sets the sidecar and wakes who waits for it. */
  attachSidecar(pod: NetworkPod, sidecar: Sidecar | undefined): void;
  /** The pod's sidecar; undefined when it has none. Rejects with an error when one is expected and does not come. */
  sidecarOf(pod: NetworkPod): Promise<Sidecar | undefined>;
}

/** How long a connection is held for a sidecar that has not started yet. */
const sidecarWaitMs = 5_000;

export function createPodTable(options: { clock: Clock; random?: Random }): PodTable {
  const { clock, random = systemRandom } = options;
  const pods = new Map<string, NetworkPod>();
  const byIp = new Map<string, NetworkPod>();
  const byToken = new Map<string, NetworkPod>();
  const waiting = new Map<NetworkPod, Set<() => void>>();
  const hex = (bytes: number): string => Buffer.from(random.bytes(bytes)).toString('hex');

  return {
    add(given) {
      const pod: NetworkPod = {
        ...given,
        key: hex(5),
        token: hex(16),
        hostLoopback: false,
        reach: undefined,
        listeners: new Map(),
        sidecar: undefined,
      };
      pods.set(given.caller.uid, pod);
      byIp.set(pod.ip, pod);
      byToken.set(pod.token, pod);
      return pod;
    },
    remove(pod) {
      if (pods.get(pod.caller.uid) === pod) pods.delete(pod.caller.uid);
      if (byIp.get(pod.ip) === pod) byIp.delete(pod.ip);
      byToken.delete(pod.token);
      for (const wake of waiting.get(pod) ?? []) wake();
    },
    byUid: (uid) => pods.get(uid),
    byIp: (ip) => byIp.get(ip),
    byToken: (token) => byToken.get(token),
    attachSidecar(pod, sidecar) {
      pod.sidecar = sidecar;
      for (const wake of waiting.get(pod) ?? []) wake();
    },
    async sidecarOf(pod) {
      if (pod.sidecar !== undefined || !pod.expectsSidecar) return pod.sidecar;
      await new Promise<void>((resolve) => {
        const wakers = waiting.get(pod) ?? new Set();
        waiting.set(pod, wakers);
        const wake = (): void => {
          timer.cancel();
          wakers.delete(wake);
          if (wakers.size === 0) waiting.delete(pod);
          resolve();
        };
        const timer = clock.startTimer(sidecarWaitMs, wake);
        wakers.add(wake);
      });
      if (pod.sidecar === undefined) {
        throw new Error(`the sidecar of pod ${pod.caller.namespace}/${pod.caller.pod} is not ready`);
      }
      return pod.sidecar;
    },
  };
}

/** The Unix socket of a pod's program on `port`. */
export function podSocket(runDir: string, pod: NetworkPod, port: number): string {
  return join(runDir, 'p', pod.key, `${port}.sock`);
}
