import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterAll, describe, expect, test } from 'vitest';
import { openLmdbStore } from './lmdb-store.ts';
import { createMemoryStore } from './memory-store.ts';
import { storeCases } from './store.cases.ts';

const folders: string[] = [];

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'towpath-store-'));
  folders.push(dir);
  return dir;
}

afterAll(() => Promise.all(folders.map((dir) => rm(dir, { recursive: true, force: true }))));

storeCases('memory store', async () => createMemoryStore());
storeCases('LMDB store', async () => openLmdbStore({ dir: await folder() }));

describe('LMDB store on disk', () => {
  test('keeps what was committed', async () => {
    const dir = await folder();
    const first = await openLmdbStore({ dir });
    await first.commit([{ key: 'a', value: '1' }]);
    await first.close();

    const second = await openLmdbStore({ dir });

    expect(second.get('a')).toBe('1');
    await second.close();
  });

  test('a file that is no database is refused and left as it is', async () => {
    const dir = await folder();
    await writeFile(join(dir, 'data.mdb'), 'somebody else wrote this, at some length');

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });

    expect(await readFile(join(dir, 'data.mdb'), 'utf8')).toBe('somebody else wrote this, at some length');
  });

  test('a database of another program is refused', async () => {
    const dir = await folder();
    const other = open({ path: dir, noSubdir: false });
    await other.put('key', 'value');
    await other.close();

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
  });

  test('a newer format is refused', async () => {
    const dir = await folder();
    const newer = open({ path: dir, noSubdir: false });
    await newer.openDB<string, string>({ name: 'meta', encoding: 'string' }).put('format', '99');
    await newer.close();

    await expect(openLmdbStore({ dir })).rejects.toMatchObject({ code: 'STORE_NEWER' });
  });
});
