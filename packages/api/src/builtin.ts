/** Towpath's own components as pods: images named `towpath.builtin/NAME` run inside the process. */

import type { Logger } from '@towpath/kit';
import type { Caller, Dialer, PodNetwork } from './dialer.ts';
import type { Transport } from './transport.ts';

/** The prefix of image names that run as builtins, e.g. `towpath.builtin/flux:0.1.0`. */
export const builtinImagePrefix = 'towpath.builtin/';

/**
 * The reserved image whose containers run on the host's own shell and tools (pipeline jobs whose image cannot be had).
 * It is no builtin: the node runtime starts `command` as a host process in the pod's folder.
 */
export const hostShellImage = 'towpath.host/shell';

/** Everything a builtin may touch. It has no other way to the API than `transport`. */
export interface BuiltinContext {
  /** `command` (rarely used) followed by `args` of the container. */
  readonly args: readonly string[];
  /** The container's environment, after valueFrom. */
  readonly env: Readonly<Record<string, string>>;
  /** The pod it runs as. */
  readonly pod: Caller & {
    readonly labels: Readonly<Record<string, string>>;
    readonly serviceAccount: string;
    readonly node: string;
  };
  /** The API with the pod's service account: authentication, authorisation and admission apply. */
  readonly transport: Transport;
  /** Connections as this pod. */
  readonly dialer: Dialer;
  readonly network: PodNetwork;
  /**
   * An in-cluster URL (`http://git.towpath-system/acme/shop.git`) as programs on the host, such as the git
   * command, can open it; any other URL unchanged.
   */
  readonly hostUrl: (url: string) => string;
  /** Structured lines into the container's log. */
  readonly log: Logger;
  /** One raw line into the container's log, for components whose log format is a compatibility promise. */
  readonly print: (line: string) => void;
  /** A folder of this container, on disk, empty at each container start. */
  readonly scratchDir: string;
  /** Volume mounts: mount path → folder on the host. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Aborted when the container is to stop. */
  readonly signal: AbortSignal;
}

/** A running builtin. */
export interface BuiltinInstance {
  /** Settles when the component ends; a rejection is the container's exit code 1. */
  readonly done: Promise<void>;
}

/** Starts a component. Resolves when it is started; must end soon after `signal` is aborted. */
export type Builtin = (context: BuiltinContext) => Promise<BuiltinInstance>;
