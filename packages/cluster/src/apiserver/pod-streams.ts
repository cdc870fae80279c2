/** What the API server needs from the nodes: logs, exec, attach and port-forward of one pod, and usage figures. */

import type { Duplex } from 'node:stream';
import type { Pod } from '@towpath/api';

/** `corev1.PodLogOptions`; the container is already chosen. */
export interface PodLogOptions {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339 */
  readonly sinceTime?: string;
  /** `All` (default), `Stdout` or `Stderr`. */
  readonly stream?: string;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The client's end of exec and attach. Nothing may be written after the returned promise settles. */
export interface PodTerminal {
  readonly tty: boolean;
  /** Absent when the client sends no input; ends when the client closes it. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly stdout: (chunk: Uint8Array) => void;
  readonly stderr: (chunk: Uint8Array) => void;
  readonly resizes: AsyncIterable<TerminalSize>;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export interface PodExecOptions {
  readonly container: string;
  readonly command: readonly string[];
}

/** How a command or container ended. */
export interface ExitStatus {
  readonly exitCode: number;
}

/** `metrics.k8s.io` figures: CPU in nanocores and in seconds since the container started, memory in bytes. */
export interface ContainerUsage {
  readonly name: string;
  readonly cpuNanocores: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/**
 * Implemented by the node runtime. Every member rejects with a `TowpathError` whose message is shown to the user:
 * the server answers 400 BadRequest for `CONTAINER_WAITING` and `CONTAINER_UNKNOWN`, 500 InternalError for others.
 */
export interface PodStreams {
  /** The container's log; ends when there is no more, or with the container when `follow`. */
  logs(pod: Pod, options: PodLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array | string>;
  /** Runs a command inside the container; resolves when it has ended. */
  exec(pod: Pod, options: PodExecOptions, terminal: PodTerminal): Promise<ExitStatus>;
  /** Joins the container's main process; resolves when it has ended or the client left. */
  attach(pod: Pod, options: { readonly container: string }, terminal: PodTerminal): Promise<ExitStatus>;
  /** One connection to the pod's own port, past any sidecar. */
  portForward(pod: Pod, port: number): Promise<Duplex>;
  /** Current usage of the pod's containers; undefined while there is none. */
  usage?(pod: Pod): Promise<readonly ContainerUsage[] | undefined>;
}
