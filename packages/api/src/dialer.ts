/** How connections are made inside the cluster network, whose addresses exist only in the dialer. */

import type { Duplex } from 'node:stream';

/** On each LoadBalancer service: JSON of service port → port on 127.0.0.1, e.g. `{"80":12345}`. */
export const hostPortsAnnotation = 'towpath.dev/host-ports';

/** Who opens a connection. Absent when the caller is not a pod (probes from the node, host tools). */
export interface Caller {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
}

export interface DialTarget {
  /** A cluster name (`frontend`, `frontend.shop`, `….svc.cluster.local`), a pod IP, a cluster IP, or a host outside. */
  readonly host: string;
  readonly port: number;
  readonly caller?: Caller;
  /** Short names resolve here first; defaults to the caller's namespace. */
  readonly namespace?: string;
  /** Skips sidecars on both ends: probes, scrapes and port-forward. */
  readonly direct?: boolean;
}

/**
 * The one kube-proxy: resolves names, cluster IPs and pod IPs to an endpoint and connects to it.
 * Rejects with a `code` of ENOTFOUND (unknown name), ECONNREFUSED (no endpoint, nobody listens) or ETIMEDOUT.
 */
export interface Dialer {
  dial(target: DialTarget): Promise<Duplex>;
}

/** A connection that reaches a virtual listener of a builtin pod. */
export interface InboundConnection {
  readonly stream: Duplex;
  readonly port: number;
  readonly caller?: Caller;
}

/** A connection a sidecar handles on behalf of its pod. */
export interface SidecarConnection {
  readonly stream: Duplex;
  /** What the program asked for, before any resolution. */
  readonly host: string;
  readonly port: number;
  /** The other end: the caller for inbound, the resolved pod (when there is one) for outbound. */
  readonly caller?: Caller;
}

/** The mesh's part in one pod: gets every connection its pod opens and receives. */
export interface Sidecar {
  /** The pod opened a connection. The sidecar goes on through `SidecarHost.dialPeer`, or its container's own `Dialer`. */
  outbound(connection: SidecarConnection): void;
  /** Somebody connected to the pod's `port`; the program itself is reached through `SidecarHost.dialLocal`. */
  inbound(connection: SidecarConnection): void;
}

/** What the node gives a sidecar. */
export interface SidecarHost {
  /** Connects to the pod's own program on `port`, past the sidecar. */
  dialLocal(port: number): Promise<Duplex>;
  /**
   * Connects to another pod's IP as this pod: that pod's sidecar, if it has one, gets it as inbound.
   * Also takes hosts outside the cluster.
   */
  dialPeer(host: string, port: number): Promise<Duplex>;
}

/** The node's network as builtin components see it. */
export interface PodNetwork {
  readonly podIP: string;
  /** Accepts connections to this pod's IP on `port` (any port, nothing is bound on the host). */
  listen(port: number, onConnection: (connection: InboundConnection) => void): { close(): void };
  /**
   * Makes this container the pod's sidecar until `close`; new connections of the pod pass through it, those that the
   * container itself dials do not.
   */
  attachSidecar(create: (host: SidecarHost) => Sidecar): { close(): void };
}
