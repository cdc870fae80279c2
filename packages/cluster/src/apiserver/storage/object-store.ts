/** All objects in memory over a durable store: one writer, one resourceVersion counter, one event log. */

import type { AnyObject, ObjectMeta } from '@towpath/api';
import { background, codeOf, messageOf, present, TowpathError, type Logger } from '@towpath/kit';
import type { Store, StoreWrite } from '../../store/store.ts';
import { Collection, type ChangeEvent, type ChangeType, type StoredObject } from './collection.ts';

/** Events that are kept on disk, so that watches survive a restart. */
const maxLoggedEvents = 3_000;
const trimLogBy = 300;

export interface ObjectStoreDeps {
  readonly store: Store;
  readonly log: Logger;
}

/** A write: `object` absent deletes, and then `last` is the object as watchers see it a last time. */
export interface Change {
  readonly collection: string;
  readonly key: string;
  readonly object?: AnyObject;
  readonly last?: AnyObject;
}

interface Waiting {
  readonly event: ChangeEvent;
  readonly eventKey: string;
  readonly collection: Collection;
  readonly acknowledge: (stored: StoredObject) => void;
  readonly fail: (error: unknown) => void;
}

interface Reader {
  readonly revision: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads come from memory. A write is visible to later writes at once; it is announced to watchers and acknowledged
 * when it is on disk, and readers that would see it earlier wait for that (`settled`).
 */
export class ObjectStore {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #collections = new Map<string, Collection>();
  #revision = 0;
  #durableRevision = 0;
  #floor = 0;
  #loggedEvents: string[] = [];
  #writes: StoreWrite[] = [];
  #waiting: Waiting[] = [];
  #readers: Reader[] = [];
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;
  readonly #listeners = new Set<(metadata: ObjectMeta) => void>();

  constructor(deps: ObjectStoreDeps) {
    this.#store = deps.store;
    this.#log = deps.log;
    this.#load();
  }

  /** The highest resourceVersion given out. */
  get revision(): number {
    return this.#revision;
  }

  collection(name: string): Collection {
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = new Collection(name, this.#floor);
      this.#collections.set(name, collection);
    }
    return collection;
  }

  /** Told of every change in any collection, once it is on disk. */
  subscribeAll(listener: (metadata: ObjectMeta) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  collectionNames(): string[] {
    return [...this.#collections.keys()];
  }

  /** Resolves when everything that is visible in memory now is on disk. */
  settled(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#readers.push({ revision: this.#revision, resolve, reject });
    });
  }

  /** True when everything that is visible in memory is on disk. */
  get isSettled(): boolean {
    return this.#durableRevision === this.#revision;
  }

  /** Takes effect at once; resolves with the stored object when it is on disk. Throws when the store has failed. */
  commit(change: Change): Promise<StoredObject> {
    if (this.#failure !== undefined) throw this.#failure;
    const rv = ++this.#revision;
    const collection = this.collection(change.collection);
    const object = present(change.object ?? change.last, 'the object of a change');
    object.metadata.resourceVersion = String(rv);
    const json = JSON.stringify(object);
    const stored: StoredObject = { key: change.key, rv, object, json };
    const previous = collection.get(change.key);
    const type: ChangeType = change.object === undefined ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED';
    if (type === 'DELETED') collection.remove(change.key);
    else collection.put(stored);

    const eventKey = `e/${String(rv).padStart(16, '0')}`;
    const objectKey = `o/${change.collection} ${change.key}`;
    this.#writes.push(
      { key: objectKey, value: type === 'DELETED' ? undefined : json },
      { key: eventKey, value: `${type}\n${change.collection}\n${change.key}\n${json}` },
    );
    this.#loggedEvents.push(eventKey);
    return new Promise((acknowledge, fail) => {
      this.#waiting.push({ event: { type, rv, stored, previous }, eventKey, collection, acknowledge, fail });
      if (this.#flushing !== undefined) return;
      this.#flushing = this.#flush();
      background('store writes', this.#flushing, this.#log);
    });
  }

  /** Writes in batches, one for all writes of a turn of the event loop, until there are none. */
  async #flush(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 && this.#failure === undefined) {
      const waiting = this.#waiting;
      const writes = this.#writes;
      const revision = this.#revision;
      this.#waiting = [];
      this.#writes = [];
      const dropped = this.#trimLog(writes);
      writes.push({ key: 'm/revision', value: String(revision) });
      try {
        await this.#store.commit(writes);
      } catch (error) {
        this.#loggedEvents.unshift(...dropped);
        if (codeOf(error) === 'STORE_FULL') this.#takeBack(error, waiting);
        else this.#fail(error, waiting);
        continue;
      }
      this.#durableRevision = revision;
      for (const { event, collection, acknowledge } of waiting) {
        collection.announce(event);
        for (const listener of this.#listeners) listener(event.stored.object.metadata);
        acknowledge(event.stored);
      }
      const ready = this.#readers.filter((reader) => reader.revision <= revision);
      this.#readers = this.#readers.filter((reader) => reader.revision > revision);
      for (const reader of ready) reader.resolve();
    }
    this.#flushing = undefined;
  }

  /**
   * The disk is full and the store as it was: nobody has seen what waits, so memory goes back to what is on disk. Later
   * writes are tried again.
   */
  #takeBack(error: unknown, waiting: readonly Waiting[]): void {
    this.#log.error('the disk is full, writes are refused', { error: messageOf(error) });
    const refused = [...waiting, ...this.#waiting];
    const readers = this.#readers;
    this.#waiting = [];
    this.#writes = [];
    this.#readers = [];
    for (const { event, collection } of refused.toReversed()) {
      if (event.previous === undefined) collection.remove(event.stored.key);
      else collection.put(event.previous);
    }
    const keys = new Set(refused.map(({ eventKey }) => eventKey));
    this.#loggedEvents = this.#loggedEvents.filter((key) => !keys.has(key));
    this.#revision = this.#durableRevision;
    for (const { fail } of refused) fail(error);
    for (const { reject } of readers) reject(error);
  }

  /** Memory is ahead of the disk now: nothing more may be written or read as settled. */
  #fail(error: unknown, waiting: readonly Waiting[]): void {
    const failure = new Error(
      `the store refused a write: ${messageOf(error)}; restart to continue from what is stored`,
    );
    this.#failure = failure;
    this.#log.error('the store refused a write, further writes are refused', { error: messageOf(error) });
    for (const { fail } of [...waiting, ...this.#waiting]) fail(failure);
    for (const { reject } of this.#readers) reject(failure);
    this.#waiting = [];
    this.#readers = [];
  }

  /** The events that this batch takes out of the log. */
  #trimLog(writes: StoreWrite[]): string[] {
    if (this.#loggedEvents.length < maxLoggedEvents + trimLogBy) return [];
    const dropped = this.#loggedEvents.splice(0, this.#loggedEvents.length - maxLoggedEvents);
    for (const key of dropped) writes.push({ key, value: undefined });
    return dropped;
  }

  #load(): void {
    this.#revision = Number(this.#store.get('m/revision') ?? 0);
    this.#durableRevision = this.#revision;
    const events = [...this.#store.range('e/', 'e0')];
    const oldest = events[0];
    this.#floor = oldest === undefined ? this.#revision : Number(oldest[0].slice(2)) - 1;
    for (const [key, json] of this.#store.range('o/', 'o0')) {
      // Names of collections have no spaces.
      const split = key.indexOf(' ');
      const object = this.#parse(key, json);
      const stored = { key: key.slice(split + 1), rv: Number(object.metadata.resourceVersion), object, json };
      this.collection(key.slice(2, split)).put(stored);
    }
    this.#loadEvents(events);
  }

  #parse(key: string, json: string): AnyObject {
    try {
      return JSON.parse(json) as AnyObject;
    } catch (error) {
      throw new TowpathError('STORE_CORRUPT', `the store is damaged: the entry ${JSON.stringify(key)} cannot be read`, {
        next: 'restore a backup, or move the data folder away to start empty',
        cause: error,
      });
    }
  }

  #loadEvents(events: readonly (readonly [string, string])[]): void {
    const latest = new Map<string, StoredObject>();
    for (const [key, value] of events) {
      const [type = '', name = '', objectKey = ''] = value.split('\n', 3);
      const json = value.slice(type.length + name.length + objectKey.length + 3);
      const rv = Number(key.slice(2));
      const collection = this.collection(name);
      const current = collection.get(objectKey);
      const object: AnyObject = current?.rv === rv ? current.object : this.#parse(key, json);
      const stored = current?.rv === rv ? current : { key: objectKey, rv, object, json };
      const identity = `${name}\u0000${objectKey}`;
      collection.remember({ type: changeType(type), rv, stored, previous: latest.get(identity) });
      latest.set(identity, stored);
      this.#loggedEvents.push(key);
    }
  }
}

function changeType(text: string): ChangeType {
  return text === 'ADDED' || text === 'DELETED' ? text : 'MODIFIED';
}
