/** Backups: what comes back, and what is refused. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { systemClock } from '@towpath/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreBackup, writeBackup, type ClusterFolders } from './backup.ts';
import { openLmdbStore } from './lmdb-store.ts';

let root: string;
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'towpath-backup-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function newFolders(): ClusterFolders {
  const folder = join(root, `data-${count++}`);
  return { store: join(folder, 'store'), credentials: join(folder, 'apiserver') };
}

async function fill(folders: ClusterFolders): Promise<ReturnType<typeof openLmdbStore>> {
  const store = await openLmdbStore({ dir: folders.store });
  await store.commit([
    { key: 'o/core/configmaps default/a', value: '{"é":"one"}' },
    { key: 'e/0000000000000007', value: 'ADDED' },
    { key: 'm/revision', value: '7' },
  ]);
  await mkdir(join(folders.credentials, 'pki'), { recursive: true });
  await writeFile(join(folders.credentials, 'pki', 'admin-token'), 'secret');
  return store;
}

async function backupOf(folders: ClusterFolders): Promise<string> {
  const file = join(root, `${count++}.backup`);
  await writeBackup({ folders, file, version: '1.2.3', clock: systemClock });
  return file;
}

describe('a backup', () => {
  it('of a store in use brings back its objects and credentials, at a later resourceVersion, without events', async () => {
    const from = newFolders();
    const store = await fill(from);
    const file = await backupOf(from);
    await store.close();
    const to = newFolders();

    const summary = await restoreBackup({ folders: to, file });

    expect(summary).toMatchObject({ towpath: '1.2.3', revision: 7, objects: 1 });
    expect(await readFile(join(to.credentials, 'pki', 'admin-token'), 'utf8')).toBe('secret');
    const restored = await openLmdbStore({ dir: to.store });
    expect([...restored.range('a', 'z')]).toEqual([
      ['m/revision', '1000000007'],
      ['o/core/configmaps default/a', '{"é":"one"}'],
    ]);
    await restored.close();
  });

  it('overwrites nothing', async () => {
    const from = newFolders();
    await (await fill(from)).close();
    const file = await backupOf(from);

    await expect(restoreBackup({ folders: from, file })).rejects.toMatchObject({ code: 'RESTORE_EXISTS' });
    await expect(writeBackup({ folders: from, file, version: '1', clock: systemClock })).rejects.toMatchObject({
      code: 'BACKUP_EXISTS',
    });
  });

  it('is made of a store only', async () => {
    const folders = newFolders();
    await mkdir(folders.store, { recursive: true });

    await expect(backupOf(folders)).rejects.toMatchObject({ code: 'NO_STORE' });
  });

  const edits: readonly { name: string; edit: (text: string) => string; code: string }[] = [
    { name: 'a changed entry', edit: (text) => text.replace('one', 'two'), code: 'BACKUP_INVALID' },
    { name: 'a missing end', edit: (text) => text.replace(/.*\n$/, ''), code: 'BACKUP_INVALID' },
    { name: 'a newer format', edit: (text) => text.replace('"version":1', '"version":9'), code: 'BACKUP_NEWER' },
    { name: 'another format', edit: () => '{"format":"other"}\n', code: 'BACKUP_INVALID' },
    { name: 'no lines', edit: () => '', code: 'BACKUP_INVALID' },
  ];

  it.each(edits)('with $name is refused', async ({ edit, code }) => {
    const from = newFolders();
    await (await fill(from)).close();
    const file = await backupOf(from);
    await writeFile(file, gzipSync(edit(gunzipSync(await readFile(file)).toString())));

    await expect(restoreBackup({ folders: newFolders(), file })).rejects.toMatchObject({ code });
  });
});
