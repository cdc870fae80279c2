/** Signals to the first process of a namespace, and exit codes as container runtimes report them. */

import { constants } from 'node:os';
import type { Clock } from '@towpath/kit';
import { handlesSignal } from './proc.ts';
import type { ContainerExit, StopSignal } from './runtime.ts';

/** 128 plus the signal's number, for a process that a signal ended. */
export function exitOf(code: number | null, signal: NodeJS.Signals | null): ContainerExit {
  if (signal === null) return { exitCode: code ?? 255 };
  const number = constants.signals[signal];
  return { exitCode: 128 + number, signal: number };
}

/**
 * Node catches signals before it has loaded the program, in order to tidy up its terminal, and then relies on the
 * default action, which process 1 does not have: a young process is told again.
 */
const youngMs = 2_000;
const againMs = 250;

interface Delivery {
  deliver(signal: StopSignal): void;
  /** To be called with how it ended; returns how that looks from outside. */
  exit(exit: ContainerExit): ContainerExit;
  ended(): boolean;
}

/**
 * The kernel keeps signals that the first process of a namespace has no handler for away from it. Everywhere else they
 * would end it, and nobody wants to wait for the grace period to be over. `pid` is its id on the host.
 */
export function createDelivery(to: { clock: Clock; pid: number; send: (signal: NodeJS.Signals) => void }): Delivery {
  const { clock, pid, send } = to;
  const startedAtMs = clock.monotonicMs();
  let defaulted: NodeJS.Signals | undefined;
  let ended = false;
  const deliver = (signal: StopSignal): void => {
    if (!handlesSignal(pid, signal)) defaulted ??= signal;
    send(defaulted === undefined ? signal : 'SIGKILL');
    if (defaulted !== undefined || clock.monotonicMs() - startedAtMs > youngMs) return;
    clock.startTimer(againMs, () => {
      if (!ended) deliver(signal);
    });
  };
  return {
    deliver,
    exit(exit) {
      ended = true;
      return defaulted === undefined ? exit : exitOf(null, defaulted);
    },
    ended: () => ended,
  };
}
