/** What the parts of the preload share inside a pod's program. Types only: nothing here is loaded there. */

import type * as dns from 'node:dns';
import type * as net from 'node:net';
import type * as os from 'node:os';
import type * as tls from 'node:tls';

/** Given to a pod's programs as JSON in the environment variable `TOWPATH_NET`. */
export interface PreloadSettings {
  /** The folder of the network's sockets, as the program sees it. */
  readonly run: string;
  /** The pod's folder below `run/p`. */
  readonly key: string;
  readonly token: string;
  readonly ip: string;
  /** Shown as the hostname. */
  readonly pod: string;
  /** Loopback ports nobody in the pod listens on are the host's: pods with programs that are not Node. */
  readonly hostLoopback: boolean;
}

/** Settings of a program whose network is the pod's own namespace. */
export interface SignalSettings {
  readonly signalsOnly: true;
}

/** One request on the control channel, without its id. */
type ControlRequest =
  | { readonly op: 'connect'; readonly host: string; readonly port: number }
  | { readonly op: 'lookup'; readonly host: string };

/** The answer: where to go, or why not. */
export interface ControlAnswer {
  readonly id: number;
  /** A Unix socket below `run` that leads to the destination. */
  readonly path?: string;
  /** The destination is no part of the cluster: connect to it in the ordinary way. */
  readonly outside?: boolean;
  /** The name to go on with: an ExternalName. */
  readonly name?: string;
  /** Virtual addresses of the name, or of the destination. */
  readonly addresses?: readonly string[];
  /** ENOTFOUND, ECONNREFUSED, ETIMEDOUT */
  readonly code?: string;
}

/** Options of `Socket.connect` and `tls.connect`. */
export interface ConnectTarget {
  readonly port?: number | string;
  readonly host?: string;
  readonly path?: string;
  readonly [member: string]: unknown;
}

interface ShownEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

interface Toolkit {
  readonly settings: PreloadSettings;
  readonly net: typeof net;
  readonly tls: typeof tls;
  readonly dns: typeof dns;
  readonly os: typeof os;
  readonly exists: (path: string) => boolean;
  readonly unlink: (path: string) => void;
  /** Node's own `Socket.connect`. */
  readonly connect: (this: net.Socket, ...args: unknown[]) => net.Socket;
  /** The pod's own folder of sockets. */
  readonly folder: string;
  /** Gives a socket that waits for its answer a handle, since http2 looks at it at once. Set by the control part. */
  holdPlace: (socket: net.Socket) => void;
  /** True while TLS makes its socket, which must not get a place holder. */
  isForTls: boolean;
  /** Takes it away again. */
  leavePlace: (socket: net.Socket) => void;
  ask: (request: ControlRequest) => Promise<ControlAnswer>;
  isLoopback: (host: string) => boolean;
  /** Undefined for what is no name of the cluster. Set by the names part. */
  answerOf: (host: unknown) => Promise<ControlAnswer | undefined>;
  /** Reads `host` and `port` from the arguments of a connect; undefined for a path. */
  targetOf: (args: unknown[]) => ConnectTarget | undefined;
  /** As `targetOf` for a listen; also undefined for a file descriptor and a handle. */
  listenTargetOf: (args: unknown[]) => ConnectTarget | undefined;
  /** What a socket says about its two ends. */
  showEnds: (socket: net.Socket, ends: ShownEnds) => void;
  /** An error as the system would have made it. */
  failure: (call: string, options: { code: string; host: string; port?: number }) => Error;
}

/** One part: patches what it is named after. Refers to nothing but its argument and Node's globals. */
export type PreloadPart = (kit: Toolkit) => void;
