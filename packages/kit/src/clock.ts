/** Time as a dependency: nothing outside this file and the composition root reads the system clock. */

/** A cancellable timer started by a {@link Clock}. */
export interface Timer {
  cancel(): void;
}

/** The current time: `nowMs` is wall time since the epoch, `monotonicMs` never goes back. */
export interface Time {
  nowMs(): number;
  monotonicMs(): number;
}

/** The current time and timers. */
export interface Clock extends Time {
  /** Calls `run` once after `afterMs`; the timer does not keep the process alive. */
  startTimer(afterMs: number, run: () => void): Timer;
  /** Resolves after `forMs`; rejects with the signal's reason when it is aborted first. */
  sleep(forMs: number, signal?: AbortSignal): Promise<void>;
}

/** The system's time without its timers: runs in a browser, too. */
export const systemTime: Time = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** Formats a wall time as Kubernetes writes `metav1.Time`: RFC 3339, UTC, whole seconds. */
export function toTimestamp(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
