/** The system's clock with its timers: the one part of time that needs Node. */

import { setTimeout as delay } from 'node:timers/promises';
import { systemTime, type Clock } from './clock.ts';

/** The system's clock. */
export const systemClock: Clock = {
  ...systemTime,
  startTimer(afterMs, run) {
    const handle = setTimeout(run, afterMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (forMs, signal) => delay(forMs, undefined, signal === undefined ? {} : { signal }),
};
