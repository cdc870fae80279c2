/** Fields that another controller owns on the live object, as managedFields tells it. */

import type { ManagedFieldsEntry } from '@towpath/api';
import { isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';

/**
 * `next` with the live value wherever a field did not change between `last` and `next` and `manager` owns it on the
 * live object. A list that changed is walked only when its length is the same in all three.
 * Nothing is changed in place.
 */
export function keepOwnedFields(input: {
  last: unknown;
  next: unknown;
  live: unknown;
  managedFields: readonly ManagedFieldsEntry[] | undefined;
  manager: string;
}): unknown {
  const trees = (input.managedFields ?? [])
    .filter((entry) => entry.manager === input.manager && isRecord(entry.fieldsV1))
    .map((entry) => entry.fieldsV1 ?? {});
  if (trees.length === 0) return input.next;
  return keep(input.last, input.next, input.live, trees);
}

function keep(last: unknown, next: unknown, live: unknown, trees: readonly UnknownRecord[]): unknown {
  if (trees.length === 0) return next;
  const owned = trees.some(isWhole);
  if (owned && live !== undefined && jsonEqual(last, next)) return live;
  if (Array.isArray(next)) return keepInList(last, next, live, trees);
  if (!isRecord(next) || !isRecord(live)) return next;
  const previous = isRecord(last) ? last : {};
  const kept: UnknownRecord = {};
  for (const [key, value] of Object.entries(next)) {
    kept[key] = keep(previous[key], value, live[key], children(trees, `f:${key}`, owned));
  }
  return kept;
}

function keepInList(last: unknown, next: unknown[], live: unknown, trees: readonly UnknownRecord[]): unknown[] {
  if (!Array.isArray(live) || !Array.isArray(last)) return next;
  const owned = trees.some(isWhole);
  if (owned) {
    // An atomic list: its owner owns every member, and members can only be told apart by their place.
    if (last.length !== next.length || live.length !== next.length) return next;
    return next.map((item, index) => keep(last[index], item, live[index], [{}]));
  }
  return next.map((item) => {
    const place = keyedPlace(trees, item);
    if (place === undefined || !isRecord(item)) return item;
    const same = (other: unknown): boolean => isRecord(other) && sameKeys(place.keys, other);
    return keep(last.find(same), item, live.find(same), children(trees, place.name, false));
  });
}

/** An empty node owns everything below it: a scalar, or an atomic map or list. */
function isWhole(tree: UnknownRecord): boolean {
  return Object.keys(tree).length === 0;
}

function children(trees: readonly UnknownRecord[], name: string, owned: boolean): UnknownRecord[] {
  if (owned) return [{}];
  return trees.flatMap((tree) => {
    const child = tree[name];
    return isRecord(child) ? [child] : [];
  });
}

/** The `k:{…}` node whose keys are those of `item`. */
function keyedPlace(trees: readonly UnknownRecord[], item: unknown): { name: string; keys: UnknownRecord } | undefined {
  for (const tree of trees) {
    for (const name of Object.keys(tree)) {
      if (!name.startsWith('k:') || !isRecord(item)) continue;
      const keys: unknown = JSON.parse(name.slice(2));
      if (isRecord(keys) && sameKeys(keys, item)) return { name, keys };
    }
  }
  return undefined;
}

/** A key that the item leaves out has its default there (a port's protocol): it does not count. */
function sameKeys(keys: UnknownRecord, item: UnknownRecord): boolean {
  return Object.entries(keys).every(([key, value]) => item[key] === undefined || item[key] === value);
}
