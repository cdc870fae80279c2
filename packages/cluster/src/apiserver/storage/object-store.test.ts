/** What happens to memory when the disk refuses a write. */

import { createLogger, TowpathError } from '@towpath/kit';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../store/memory-store.ts';
import type { Store } from '../../store/store.ts';
import { ObjectStore } from './object-store.ts';

const log = createLogger({ level: 'error', write: () => {} });

/** A store whose disk can be full. */
function fullable(): Store & { isFull: boolean } {
  const store = createMemoryStore();
  return {
    ...store,
    isFull: false,
    commit(batch) {
      if (this.isFull) return Promise.reject(new TowpathError('STORE_FULL', 'the disk is full'));
      return store.commit(batch);
    },
  };
}

function map(name: string, text: string): { collection: string; key: string; object: never } {
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data: { text } };
  return { collection: 'core/configmaps', key: `default/${name}`, object: object as never };
}

describe('a full disk', () => {
  it('refuses writes, takes them back from memory, and goes on when there is space', async () => {
    const store = fullable();
    const objects = new ObjectStore({ store, log });
    await objects.commit(map('a', 'one'));
    store.isFull = true;

    const refused = await Promise.allSettled([
      objects.commit(map('a', 'two')),
      objects.commit(map('a', 'three')),
      objects.commit(map('b', 'new')),
      objects.settled(),
    ]);

    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    const collection = objects.collection('core/configmaps');
    expect(collection.list().map(({ object }) => object['data'])).toEqual([{ text: 'one' }]);
    expect(objects.isSettled).toBe(true);

    store.isFull = false;
    const { rv } = await objects.commit(map('a', 'four'));
    expect(rv).toBe(2);
    const again = new ObjectStore({ store, log });
    expect(again.collection('core/configmaps').list()).toMatchObject([{ rv: 2 }]);
    expect(again.collection('core/configmaps').eventsAfter(0)).toHaveLength(2);
  });

  it('refuses everything after another failure', async () => {
    const store = fullable();
    const objects = new ObjectStore({ store, log });
    store.commit = () => Promise.reject(new Error('input/output error'));

    await expect(objects.commit(map('a', 'one'))).rejects.toThrow('restart to continue');
    expect(() => objects.commit(map('a', 'one'))).toThrow('restart to continue');
  });
});
