/** The durable store: LMDB. A batch is one transaction, and is on disk before it is acknowledged. */

import { existsSync } from 'node:fs';
import { mkdir, open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import { messageOf, TowpathError } from '@towpath/kit';
import type { Store, StoreWrite } from './store.ts';

/** Raised when keys or values change their meaning. */
const format = 1;
/** Address space, not memory or disk: LMDB grows the file as it is filled. */
const mapSizeBytes = 64 * 1024 ** 3;
/** Source: LMDB, mdb.c, MDB_MAGIC; it follows the 24-byte header of the first page. */
const magic = 0xbeefc0de;
const magicOffset = 24;

type Environment = RootDatabase<string, string>;

/**
 * Opens or creates the store in `dir`.
 * Throws `STORE_FOREIGN` (no store of ours), `STORE_NEWER` or `STORE_CORRUPT`; the files are left untouched then.
 */
export async function openLmdbStore(options: { dir: string }): Promise<Store> {
  const { dir } = options;
  await mkdir(dir, { recursive: true });
  if (existsSync(join(dir, 'data.mdb'))) await checkExisting(dir);
  const environment = openEnvironment(dir, false);
  const meta = environment.openDB<string, string>({ name: 'meta', encoding: 'string' });
  if (meta.get('format') === undefined) await meta.put('format', String(format));
  const entries = environment.openDB<string, Buffer>({ name: 'entries', encoding: 'string', keyEncoding: 'binary' });
  return {
    get: (key) => entries.get(Buffer.from(key)),
    *range(from, to) {
      for (const { key, value } of entries.getRange({ start: Buffer.from(from), end: Buffer.from(to) })) {
        yield [key.toString('utf8'), value];
      }
    },
    commit: (batch) => commit(environment, entries, batch),
    close: () => environment.close(),
  };
}

async function commit(
  environment: Environment,
  entries: Database<string, Buffer>,
  batch: readonly StoreWrite[],
): Promise<void> {
  try {
    await environment.transaction(() => {
      for (const { key, value } of batch) {
        if (value === undefined) void entries.remove(Buffer.from(key));
        else void entries.put(Buffer.from(key), value);
      }
    });
    // The transaction is visible before it is synced: an answer must wait for the disk.
    await environment.flushed;
  } catch (error) {
    throw new TowpathError('STORE_WRITE_FAILED', `the store cannot write: ${messageOf(error)}`, {
      next: 'free disk space, then start Towpath again; nothing that was acknowledged is lost',
      cause: error,
    });
  }
}

function openEnvironment(dir: string, readOnly: boolean): Environment {
  try {
    return open<string, string>({ path: dir, noSubdir: false, mapSize: mapSizeBytes, maxDbs: 4, readOnly });
  } catch (error) {
    throw corrupt(dir, messageOf(error), error);
  }
}

function corrupt(dir: string, reason: string, cause?: unknown): TowpathError {
  return new TowpathError('STORE_CORRUPT', `the store in ${dir} cannot be read: ${reason}`, {
    next: 'restore a backup of the folder, or name another data folder; the files were left as they are',
    cause,
  });
}

/** Reads without writing, so that a store that is not ours stays as it is. */
async function checkExisting(dir: string): Promise<void> {
  await checkMagic(dir);
  const environment = openEnvironment(dir, true);
  try {
    const names = [...environment.getKeys()].map(String);
    if (names.length === 0) return;
    const found = names.includes('meta')
      ? environment.openDB<string, string>({ name: 'meta', encoding: 'string' }).get('format')
      : undefined;
    if (found === undefined) {
      throw new TowpathError('STORE_FOREIGN', `${dir} holds a database that is not Towpath's`, {
        next: 'name another data folder; the files were left as they are',
      });
    }
    if (Number(found) > format) {
      throw new TowpathError('STORE_NEWER', `the store in ${dir} has format ${found}, this version reads ${format}`, {
        next: 'start the newer version; the files were left as they are',
      });
    }
  } catch (error) {
    if (error instanceof TowpathError) throw error;
    throw corrupt(dir, messageOf(error), error);
  } finally {
    await environment.close();
  }
}

async function checkMagic(dir: string): Promise<void> {
  const file = await openFile(join(dir, 'data.mdb'), 'r');
  try {
    const header = Buffer.alloc(magicOffset + 4);
    const { bytesRead } = await file.read(header, 0, header.length, 0);
    if (bytesRead < header.length || header.readUInt32LE(magicOffset) !== magic) {
      throw corrupt(dir, 'data.mdb is no LMDB file');
    }
  } finally {
    await file.close();
  }
}
