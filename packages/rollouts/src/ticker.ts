/** When a Canary's next step is due: every interval, counted from its last step, also across restarts. */

import type { Clock } from '@towpath/kit';
import type { CanaryStatus } from './canary.ts';

export interface Ticker {
  /** Milliseconds until the next step may be taken; 0 when it is due. */
  dueInMs(uid: string, status: CanaryStatus, intervalMs: number): number;
  /** A step was taken now, or (with `onTime`) at the time it was due. */
  mark(uid: string, options: { readonly onTime: boolean; readonly intervalMs: number }): void;
  forget(uid: string): void;
}

/**
 * After a start no step is taken for this long: pods, sidecars and the metrics server may just be coming up with us, their
 * first requests are slow and stay in a window of 30 s, and a canary must not be blamed for that.
 */
const startGraceMs = 45_000;

/** What is remembered only sharpens what `lastTransitionTime` says to the second. */
export function createTicker(clock: Clock): Ticker {
  const startedAtMs = clock.nowMs();
  const lastMs = new Map<string, number>();
  return {
    dueInMs(uid, status, intervalMs) {
      const nowMs = clock.nowMs();
      const known = lastMs.get(uid);
      if (known !== undefined) return Math.max(0, known + intervalMs - nowMs);
      const written = Date.parse(status.lastTransitionTime);
      if (Number.isNaN(written)) return 0;
      const dueMs = Math.max(written + intervalMs, startedAtMs + startGraceMs);
      return Math.max(0, Math.min(Math.max(intervalMs, startGraceMs), dueMs - nowMs));
    },
    mark(uid, { onTime, intervalMs }) {
      const nowMs = clock.nowMs();
      const previous = lastMs.get(uid);
      // Counting from the due time keeps the rhythm; after a long pause it starts anew.
      const dueMs = previous === undefined ? nowMs : previous + intervalMs;
      lastMs.set(uid, onTime && nowMs - dueMs < intervalMs / 2 ? Math.min(dueMs, nowMs) : nowMs);
    },
    forget: (uid) => void lastMs.delete(uid),
  };
}
