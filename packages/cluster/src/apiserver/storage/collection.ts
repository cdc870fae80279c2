/** The objects of one collection in key order, its recent events, and those who watch it. */

import type { AnyObject } from '@towpath/api';

/** An object as it is kept. Neither `object` nor what it holds is ever changed. */
export interface StoredObject {
  /** `namespace/name`, or `name` */
  readonly key: string;
  readonly rv: number;
  readonly object: AnyObject;
  /** `object` serialised */
  readonly json: string;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One change. For DELETED, `stored` is the last state with the deletion's resourceVersion. */
export interface ChangeEvent {
  readonly type: ChangeType;
  readonly rv: number;
  readonly stored: StoredObject;
  /** The state before; absent for ADDED, and for changes from before a restart whose predecessor was not kept. */
  readonly previous: StoredObject | undefined;
}

export type ChangeListener = (event: ChangeEvent) => void;

/** Events kept in memory per collection. */
const maxEvents = 1_000;

/** Mutated only by the object store. */
export class Collection {
  readonly name: string;
  readonly #objects = new Map<string, StoredObject>();
  /** Sorted keys; rebuilt when needed. */
  #keys: string[] | undefined;
  #events: ChangeEvent[] = [];
  #forgottenUntil: number;
  readonly #listeners = new Set<ChangeListener>();

  constructor(name: string, forgottenUntil: number) {
    this.name = name;
    this.#forgottenUntil = forgottenUntil;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** Every object whose key starts with `prefix`, in key order. */
  list(prefix = ''): StoredObject[] {
    this.#keys ??= [...this.#objects.keys()].sort();
    const keys = this.#keys;
    const result: StoredObject[] = [];
    for (let index = prefix === '' ? 0 : lowerBound(keys, prefix); index < keys.length; index++) {
      const key = keys[index] ?? '';
      if (!key.startsWith(prefix)) break;
      const stored = this.#objects.get(key);
      if (stored !== undefined) result.push(stored);
    }
    return result;
  }

  put(stored: StoredObject): void {
    if (!this.#objects.has(stored.key) && this.#keys !== undefined) {
      this.#keys.splice(lowerBound(this.#keys, stored.key), 0, stored.key);
    }
    this.#objects.set(stored.key, stored);
  }

  remove(key: string): void {
    if (this.#objects.delete(key) && this.#keys !== undefined) this.#keys.splice(lowerBound(this.#keys, key), 1);
  }

  /** Keeps an event and tells the listeners. */
  announce(event: ChangeEvent): void {
    this.remember(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Keeps an event without telling anyone. */
  remember(event: ChangeEvent): void {
    this.#events.push(event);
    if (this.#events.length > maxEvents * 1.25) {
      const dropped = this.#events.splice(0, this.#events.length - maxEvents);
      this.#forgottenUntil = dropped.at(-1)?.rv ?? this.#forgottenUntil;
    }
  }

  /** The events after `rv`; undefined when some of them are forgotten. */
  eventsAfter(rv: number): ChangeEvent[] | undefined {
    if (rv < this.#forgottenUntil) return undefined;
    let start = this.#events.length;
    while (start > 0 && (this.#events[start - 1]?.rv ?? 0) > rv) start--;
    return this.#events.slice(start);
  }

  /** The lowest resourceVersion a watch may start from. */
  get oldestWatchable(): number {
    return this.#forgottenUntil;
  }

  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
