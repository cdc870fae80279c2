/** What lists with a limit continue from: the rest of the collection as it was at the first page. */

import type { Clock } from '@towpath/kit';
import { badRequest, expired, type StatusError } from '../http/status.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { StoredObject } from '../storage/collection.ts';

/** How long a list may be continued, as with etcd's default compaction. */
const lifetimeMs = 5 * 60_000;
const maxSnapshots = 200;

interface Snapshot {
  readonly collection: string;
  readonly prefix: string;
  readonly revision: number;
  /** Key of the last object that was sent. */
  readonly last: string;
  readonly rest: readonly StoredObject[];
}

/** Objects are immutable, so a snapshot is an array of references. */
export class ListSnapshots {
  readonly #clock: Clock;
  readonly #objects: ObjectStore;
  readonly #kept = new Map<string, Snapshot & { readonly untilMs: number }>();

  constructor(deps: { clock: Clock; objects: ObjectStore }) {
    this.#clock = deps.clock;
    this.#objects = deps.objects;
  }

  /** Keeps the rest of a list and returns the token for it. */
  keep(snapshot: Snapshot): string {
    const { revision, last, prefix } = snapshot;
    const token = encode({ v: 'meta.k8s.io/v1', rv: revision, start: `/${last.slice(prefix.length)}\0` });
    const identity = identityOf(snapshot.collection, snapshot.prefix, token);
    this.#kept.delete(identity);
    this.#kept.set(identity, { ...snapshot, untilMs: this.#clock.monotonicMs() + lifetimeMs });
    for (const [key, kept] of this.#kept) {
      if (this.#kept.size <= maxSnapshots && kept.untilMs > this.#clock.monotonicMs()) break;
      this.#kept.delete(key);
    }
    return token;
  }

  /** The rest of the list. A token that has expired gives 410 with a token that continues at the present state. */
  resume(token: string, collection: string, prefix: string): { revision: number; rest: readonly StoredObject[] } {
    const { rv, start } = decode(token);
    if (rv === -1) {
      const from = `${prefix}${start.slice(1)}`;
      const rest = this.#objects
        .collection(collection)
        .list(prefix)
        .filter((stored) => stored.key >= from);
      return { revision: this.#objects.revision, rest };
    }
    const kept = this.#kept.get(identityOf(collection, prefix, token));
    if (kept !== undefined && kept.untilMs > this.#clock.monotonicMs()) return kept;
    const message =
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
    throw expired(message, encode({ v: 'meta.k8s.io/v1', rv: -1, start }));
  }
}

function identityOf(collection: string, prefix: string, token: string): string {
  return `${collection}\n${prefix}\n${token}`;
}

function encode(token: { v: string; rv: number; start: string }): string {
  return Buffer.from(JSON.stringify(token).replaceAll('\0', String.raw`\u0000`)).toString('base64url');
}

function decode(token: string): { rv: number; start: string } {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  let value: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    throw invalidToken(`invalid character '${text[0] ?? ''}' looking for beginning of value`);
  }
  const { v, rv, start } = value;
  if (v !== 'meta.k8s.io/v1') throw invalidToken(`server does not recognize this encoded version ${String(v)}`);
  if (typeof rv === 'number' && typeof start === 'string' && start.startsWith('/')) return { rv, start };
  throw invalidToken('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
}

function invalidToken(why: string): StatusError {
  return badRequest(`invalid continue token: continue key is not valid: ${why}`);
}
