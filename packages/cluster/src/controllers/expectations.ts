/** Read-your-writes over an informer: a controller waits until the local view shows what it did itself. */

import { keyOf, keyText, type KubeObject } from '@towpath/api';
import type { Clock } from '@towpath/kit';
import type { Informer } from '@towpath/runtime';

interface Pending {
  readonly object: KubeObject;
  readonly change: 'created' | 'deleted';
  readonly untilMs: number;
}

/** An expectation older than this is dropped: the object was deleted before the watch showed it. */
const expectationLimitMs = 30_000;

/**
 * Without it, a controller that acts twice before the watch answers would create its objects twice.
 * Source: Kubernetes pkg/controller/controller_utils.go, ControllerExpectations.
 */
export class Expectations {
  readonly #informer: Pick<Informer<KubeObject>, 'get'>;
  readonly #clock: Clock;
  readonly #byOwner = new Map<string, Map<string, Pending>>();

  constructor(options: { informer: Pick<Informer<KubeObject>, 'get'>; clock: Clock }) {
    this.#informer = options.informer;
    this.#clock = options.clock;
  }

  created(ownerUid: string, object: KubeObject): void {
    this.#add(ownerUid, object, 'created');
  }

  deleted(ownerUid: string, object: KubeObject): void {
    this.#add(ownerUid, object, 'deleted');
  }

  /** True when the local view shows every write made for that owner. */
  met(ownerUid: string): boolean {
    const pending = this.#byOwner.get(ownerUid);
    if (pending === undefined) return true;
    for (const [name, entry] of pending) if (this.#isVisible(entry)) pending.delete(name);
    if (pending.size === 0) this.#byOwner.delete(ownerUid);
    return pending.size === 0;
  }

  #add(ownerUid: string, object: KubeObject, change: Pending['change']): void {
    const pending = this.#byOwner.get(ownerUid) ?? new Map<string, Pending>();
    const untilMs = this.#clock.monotonicMs() + expectationLimitMs;
    pending.set(keyText(keyOf(object)), { object, change, untilMs });
    this.#byOwner.set(ownerUid, pending);
  }

  #isVisible(entry: Pending): boolean {
    if (this.#clock.monotonicMs() >= entry.untilMs) return true;
    const seen = this.#informer.get(keyOf(entry.object));
    const same = seen !== undefined && seen.metadata.uid === entry.object.metadata.uid;
    if (entry.change === 'created') return same;
    return !same || seen.metadata.deletionTimestamp !== undefined;
  }
}
