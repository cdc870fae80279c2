/** Events are kept for an hour after they last changed, as a real server keeps them. */

import type { Clock, Logger, Timer } from '@towpath/kit';
import { background, type Disposable } from '@towpath/kit';
import type { AnyObject } from '@towpath/api';
import type { ObjectStore } from './object-store.ts';

const lifetimeMs = 60 * 60_000;
const everyMs = 60_000;

/** Removes expired events until disposed. */
export function startEventExpiry(deps: { objects: ObjectStore; clock: Clock; log: Logger }): Disposable {
  const { objects, clock, log } = deps;
  const collection = objects.collection('core/events');
  let timer: Timer;
  const sweep = async (): Promise<void> => {
    const beforeMs = clock.nowMs() - lifetimeMs;
    const expired = collection.list().filter(({ object }) => lastChangeMs(object) < beforeMs);
    await Promise.all(
      expired.map(({ key, json }) =>
        objects.commit({ collection: collection.name, key, last: JSON.parse(json) as AnyObject }),
      ),
    );
  };
  const schedule = (): void => {
    timer = clock.startTimer(everyMs, () => {
      background('event expiry', sweep(), log);
      schedule();
    });
  };
  schedule();
  return { dispose: () => timer.cancel() };
}

function lastChangeMs(event: AnyObject): number {
  const times = [event.metadata.creationTimestamp, event['lastTimestamp'], event['eventTime']].map((time) =>
    typeof time === 'string' ? Date.parse(time) : 0,
  );
  return Math.max(...times);
}
