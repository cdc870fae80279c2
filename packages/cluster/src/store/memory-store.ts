/** A store that lives as long as the process: tests, rehearsals and throw-away clusters. */

import type { Store, StoreWrite } from './store.ts';

/** An empty in-memory store. */
export function createMemoryStore(): Store {
  const entries = new Map<string, string>();
  return {
    get: (key) => entries.get(key),
    range(from, to) {
      const selected = [...entries].filter(([key]) => compareBytes(key, from) >= 0 && compareBytes(key, to) < 0);
      return selected.sort(([left], [right]) => compareBytes(left, right));
    },
    async commit(batch: readonly StoreWrite[]) {
      for (const { key, value } of batch) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
      }
    },
    async close() {
      entries.clear();
    },
  };
}

function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
