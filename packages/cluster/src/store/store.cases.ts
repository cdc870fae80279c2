/** What every store must do; run by the test of each implementation. */

import { expect, it } from 'vitest';
import type { Store } from './store.ts';

/** Registers the cases for stores made by `create`. */
export function storeCases(create: () => Promise<Store>): void {
  const withStore = (name: string, body: (store: Store) => Promise<void>): void => {
    it(name, async () => {
      const store = await create();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };

  withStore('gets what was committed and nothing else', async (store) => {
    await store.commit([{ key: 'a', value: '1' }]);

    expect(store.get('a')).toBe('1');
    expect(store.get('b')).toBeUndefined();
  });

  withStore('applies a batch in order, deletions included', async (store) => {
    await store.commit([{ key: 'a', value: '1' }]);
    await store.commit([
      { key: 'a', value: undefined },
      { key: 'b', value: '2' },
      { key: 'b', value: '3' },
    ]);

    expect([...store.range('a', 'z')]).toEqual([['b', '3']]);
  });

  withStore('ranges over keys in byte order, the end excluded', async (store) => {
    const keys = ['o/core/pods default/b', 'o/core/pods default/a', 'o/core/secrets x', 'p', 'o/core/pods default/é'];
    await store.commit(keys.map((key) => ({ key, value: key })));

    expect([...store.range('o/', 'o0')].map(([key]) => key)).toEqual([
      'o/core/pods default/a',
      'o/core/pods default/b',
      'o/core/pods default/é',
      'o/core/secrets x',
    ]);
  });

  withStore('keeps large values whole', async (store) => {
    const value = 'x'.repeat(1_500_000);
    await store.commit([{ key: 'big', value }]);

    expect(store.get('big')).toBe(value);
  });

  withStore('commits concurrent batches in the order they were given', async (store) => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.commit([{ key: 'n', value: String(index) }])));

    expect(store.get('n')).toBe('49');
  });
}
