/** A secondary index over an informer: objects by any value computed from them. */

import { keyOf, keyText, type KubeObject } from '@towpath/api';
import type { Informer } from '@towpath/runtime';

export interface Index<Object extends KubeObject> {
  /** Objects with that value, in no particular order. */
  get(value: string): Object[];
}

/** Follows `informer` from now on; `valuesOf` must be pure. */
export function createIndex<Object extends KubeObject>(
  informer: Informer<Object>,
  valuesOf: (object: Object) => readonly string[],
): Index<Object> {
  const byValue = new Map<string, Map<string, Object>>();
  informer.onChange((event) => {
    const name = keyText(keyOf(event.object));
    if (event.previous !== undefined) for (const value of valuesOf(event.previous)) remove(byValue, value, name);
    if (event.type === 'delete') return;
    for (const value of valuesOf(event.object)) {
      const members = byValue.get(value) ?? new Map<string, Object>();
      members.set(name, event.object);
      byValue.set(value, members);
    }
  });
  return { get: (value) => [...(byValue.get(value)?.values() ?? [])] };
}

function remove<Object>(byValue: Map<string, Map<string, Object>>, value: string, name: string): void {
  const members = byValue.get(value);
  if (members === undefined) return;
  members.delete(name);
  if (members.size === 0) byValue.delete(value);
}
