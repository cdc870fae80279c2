/** The LMDB store, and the folders it refuses. */

import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLmdbStore } from './lmdb-store.ts';
import { storeCases } from './store.cases.ts';

let root: string;
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'towpath-store-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function newDir(): string {
  return join(root, `store-${count++}`);
}

describe('lmdb store', () => {
  storeCases(() => openLmdbStore({ dir: newDir() }));

  it('has what was committed after it was closed and opened again', async () => {
    const dir = newDir();
    const store = await openLmdbStore({ dir });
    await store.commit([{ key: 'a', value: '1' }]);
    await store.close();
    const again = await openLmdbStore({ dir });

    expect(again.get('a')).toBe('1');
    await again.close();
  });

  it('has more than LMDB gets in one transaction', async () => {
    const dir = newDir();
    const keys = Array.from({ length: 1_300 }, (_, index) => `k${String(index).padStart(4, '0')}`);
    const store = await openLmdbStore({ dir });
    for (const key of keys) void store.commit([{ key, value: key }]);
    await store.commit([{ key: 'k0000', value: undefined }]);
    await store.close();
    const again = await openLmdbStore({ dir });

    expect([...again.range('k', 'l')].map(([key]) => key)).toEqual(keys.slice(1));
    await again.close();
  });

  /** The folder as a kill leaves it: LMDB has not followed the log yet. */
  async function killed(batches: number): Promise<string> {
    const dir = newDir();
    const store = await openLmdbStore({ dir });
    for (let index = 0; index < batches; index++) {
      await store.commit([
        { key: `k${index}`, value: 'é'.repeat(3_000) },
        { key: 'last', value: String(index) },
        { key: `k${index - 1}`, value: undefined },
      ]);
    }
    const copy = newDir();
    await cp(dir, copy, { recursive: true });
    await store.close();
    return copy;
  }

  it('has what was acknowledged when its process was killed, after many turns of the log', async () => {
    const store = await openLmdbStore({ dir: await killed(400) });

    expect([...store.range('a', 'z')].map(([key]) => key)).toEqual(['k399', 'last']);
    expect(store.get('last')).toBe('399');
    await store.close();
  });

  it('refuses a log that lost an acknowledged batch', async () => {
    const dir = await killed(20);
    const log = join(dir, 'wal-0');
    const content = await readFile(log);
    content.fill(0, 6_656 * 10, 6_656 * 11);
    await writeFile(log, content);

    await expect(openLmdbStore({ dir })).rejects.toThrow('acknowledged batches are missing');
  });

  it('refuses a folder that is in use', async () => {
    const dir = newDir();
    const store = await openLmdbStore({ dir });

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await store.close();
  });
});

describe('folders that are refused and left as they are', () => {
  async function storeWithData(): Promise<string> {
    const dir = newDir();
    const store = await openLmdbStore({ dir });
    await store.commit(Array.from({ length: 100 }, (_, index) => ({ key: `k${index}`, value: 'v'.repeat(1000) })));
    await store.close();
    return dir;
  }

  it('somebody else’s files', async () => {
    const dir = await mkdtemp(join(root, 'foreign-'));
    await writeFile(join(dir, 'notes.txt'), 'mine');

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    expect(await readdir(dir)).toEqual(['notes.txt']);
  });

  it('a database of another program', async () => {
    const dir = newDir();
    const other = open({ path: dir, noSubdir: false });
    await other.put('key', 'value');
    await other.close();

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
  });

  it('a store of a newer release', async () => {
    const dir = await storeWithData();
    await writeFile(join(dir, 'towpath-store.json'), '{"format":"towpath-store","version":99}');

    await expect(openLmdbStore({ dir })).rejects.toThrow('has format 99, this Towpath reads up to 2');
  });

  it('a truncated data file', async () => {
    const dir = await storeWithData();
    const file = join(dir, 'data.mdb');
    const size = 4096 * 10;
    await truncate(file, size);

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect((await stat(file)).size).toBe(size);
  });

  it('a data file that is something else', async () => {
    const dir = await storeWithData();
    const file = join(dir, 'data.mdb');
    await writeFile(file, 'x'.repeat(100_000));

    await expect(openLmdbStore({ dir })).rejects.toThrow('header 0 is no LMDB header');
    expect((await readFile(file)).length).toBe(100_000);
  });
});
