/** Time as a dependency: nothing outside this file and the composition root reads the system clock. */

import { setTimeout as delay } from 'node:timers/promises';

/** A cancellable timer started by a {@link Clock}. */
export interface Timer {
  cancel(): void;
}

/** The current time and timers. `nowMs` is wall time since the epoch, `monotonicMs` never goes back. */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /** Calls `run` once after `afterMs`; the timer does not keep the process alive. */
  startTimer(afterMs: number, run: () => void): Timer;
  /** Resolves after `forMs`; rejects with the signal's reason when it is aborted first. */
  sleep(forMs: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  startTimer(afterMs, run) {
    const handle = setTimeout(run, afterMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (forMs, signal) => delay(forMs, undefined, signal === undefined ? {} : { signal }),
};

/** Formats a wall time as Kubernetes writes `metav1.Time`: RFC 3339, UTC, whole seconds. */
export function toTimestamp(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
