/** The cluster's dialer as a way to connect. */

import type { Caller, Dialer, DialTarget } from '@towpath/api';
import type { Connect } from './exchange.ts';

export interface DialOptions {
  /** The pod that connects; absent for tools on the host. */
  readonly caller?: Caller;
  /** Where short names resolve first. */
  readonly namespace?: string;
  /** Past the sidecars on both ends. */
  readonly direct?: boolean;
}

/** Connects through `dialer`. */
export function connectThrough(dialer: Dialer, options: DialOptions = {}): Connect {
  return ({ host, port }) => {
    const target: DialTarget = { host, port, ...options };
    return dialer.dial(target);
  };
}
