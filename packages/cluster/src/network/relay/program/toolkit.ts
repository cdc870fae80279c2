/** What the parts of the relay's program share. Types only: nothing here is loaded there. */

import type * as childProcess from 'node:child_process';
import type * as dgram from 'node:dgram';
import type * as fs from 'node:fs';
import type * as net from 'node:net';
import type { Duplex } from 'node:stream';

/** Given to the relay as JSON in the environment variable `TOWPATH_RELAY`. */
export interface RelaySettings {
  /** The folder of the network's sockets. */
  readonly run: string;
  /** The `ip` command. */
  readonly ip: string;
  /** The address of the cluster's name server. */
  readonly nameServer: string;
}

/** An address and port of TCP that pods may connect to. */
export interface Opening {
  readonly host: string;
  readonly port: number;
}

/** A pod's network namespace, by a process in it. */
export interface AttachedPod {
  readonly podIP: string;
  readonly gateway: string;
  readonly pid: number;
}

/** From Towpath to the relay, one JSON line each. */
export type RelayCommand =
  | ({ readonly op: 'attach'; readonly id: number } & AttachedPod)
  | { readonly op: 'detach'; readonly podIP: string }
  /** All that is known to be there: Services and endpoints. */
  | { readonly op: 'openings'; readonly openings: readonly Opening[] }
  | ({ readonly op: 'answer'; readonly id: number } & RelayAnswer);

export interface RelayAnswer {
  /** A Unix socket below `run` that leads to the destination. */
  readonly path?: string;
  readonly code?: string;
  /** The answer of the name server, base64. */
  readonly packet?: string;
  /** Addresses outside the cluster that a pod will want to reach. */
  readonly outside?: readonly string[];
}

/** What pods want; `from` is the pod's IP. */
export type RelayQuestion =
  | { readonly op: 'connect'; readonly from: string; readonly host: string; readonly port: number }
  | { readonly op: 'names'; readonly from: string; readonly packet: string };

/** From the relay to Towpath. */
export type RelayMessage =
  | ({ readonly id: number } & RelayQuestion)
  | { readonly op: 'ready' }
  | { readonly op: 'attached'; readonly id: number; readonly error?: string };

interface RelayKit {
  readonly settings: RelaySettings;
  readonly net: typeof net;
  readonly dgram: typeof dgram;
  readonly fs: typeof fs;
  readonly childProcess: typeof childProcess;
  readonly littleEndian: boolean;
  /** By pod IP. */
  readonly pods: Map<string, AttachedPod>;
  send: (message: RelayMessage) => void;
  ask: (question: RelayQuestion) => Promise<RelayAnswer>;
  onCommand: (command: RelayCommand) => void;
  /** Runs lines of `ip` in one go; undefined, or what went wrong. */
  ip: (lines: readonly string[]) => Promise<string | undefined>;
  join: (left: Duplex, right: Duplex) => void;
  keyOf: (opening: Opening) => string;
  /** Adds or takes away the rules that let packets for these get to this namespace. */
  rule: (change: 'add' | 'del', openings: readonly Opening[]) => Promise<string | undefined>;
  /** Listens where nobody does yet. */
  listen: (openings: readonly Opening[]) => Promise<void>;
  unlisten: (openings: readonly Opening[]) => Promise<void>;
  /** Makes what is said to be there reachable, and the rest of it not. */
  setOpenings: (openings: readonly Opening[]) => Promise<void>;
  /** Makes reachable what was met on the way; the oldest give way. */
  addOpenings: (openings: readonly Opening[]) => Promise<void>;
  isOpen: (opening: Opening) => boolean;
  /** Lets connections to it be refused at once for a while. */
  refuse: (opening: Opening) => Promise<void>;
  /** A socket that is already joined to a destination, for the connection that is about to arrive. */
  hold: (question: Extract<RelayQuestion, { op: 'connect' }>, answer: RelayAnswer) => void;
  /** A pod's connection that a listener has accepted. */
  arrive: (socket: net.Socket) => Promise<void>;
  follow: (answer: RelayAnswer) => net.Socket | undefined;
  /** Ports outside the cluster that pods have used. */
  readonly outsidePorts: Set<number>;
}

/** One part of the program. Refers to nothing but its argument and Node's globals. */
export type RelayPart = (kit: RelayKit) => void;
