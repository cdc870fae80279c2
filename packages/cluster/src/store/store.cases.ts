/** What every store does; run on each implementation. */

import { describe, expect, test } from 'vitest';
import type { Store } from './store.ts';

export function storeCases(name: string, create: () => Promise<Store>): void {
  describe(name, () => {
    test('gives back what was committed, and forgets what was deleted', async () => {
      const store = await create();
      await store.commit([
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ]);
      await store.commit([{ key: 'a', value: undefined }]);

      expect([store.get('a'), store.get('b'), store.get('c')]).toEqual([undefined, '2', undefined]);
      await store.close();
    });

    test('ranges are in byte order, the end left out, keys with zero bytes included', async () => {
      const store = await create();
      const keys = ['o/pods\u0000b', 'o/pods\u0000a', 'o/pods\u0000ä', 'o/podsx', 'e/1', 'p/'];
      await store.commit(keys.map((key) => ({ key, value: key })));

      const found = [...store.range('o/', 'o0')].map(([key]) => key);

      expect(found).toEqual(['o/pods\u0000a', 'o/pods\u0000b', 'o/pods\u0000ä', 'o/podsx']);
      await store.close();
    });

    test('values may be large', async () => {
      const store = await create();
      const value = 'x'.repeat(1_500_000);

      await store.commit([{ key: 'big', value }]);

      expect(store.get('big')).toBe(value);
      await store.close();
    });
  });
}
