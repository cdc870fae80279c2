/** The durable store: LMDB in one folder, one process at a time, every acknowledged batch on disk. */

import { mkdir, open as openFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { codeOf, isRecord, messageOf } from '@towpath/kit';
import { storeCorrupt, storeForeign, storeLocked, storeNewer, storeWriteFailed } from './errors.ts';
import { lockFolder } from './folder-lock.ts';
import type { Store, StoreWrite } from './store.ts';

/** Names the format of the folder. */
const markerName = 'towpath-store.json';
const dataName = 'data.mdb';
const formatVersion = 1;
/** Address space, not memory or disk: LMDB grows the file as it is filled. */
const mapSizeBytes = 64 * 1024 ** 3;

/** Opens the store of a folder, making a new one when the folder is empty. Throws the errors of `errors.ts`. */
export async function openLmdbStore(options: { readonly dir: string }): Promise<Store> {
  const { dir } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = await lockFolder(dir);
  if (lock === undefined) throw storeLocked(dir);
  try {
    await checkFolder(dir);
    const database = open<string, string>({
      path: dir,
      noSubdir: false,
      encoding: 'string',
      mapSize: mapSizeBytes,
      // A commit resolves when it is on disk.
      overlappingSync: false,
    });
    return storeOf(database, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function storeOf(database: RootDatabase<string, string>, release: () => Promise<void>): Store {
  let closed: Promise<void> | undefined;
  return {
    get: (key) => database.get(key),
    *range(from, to) {
      for (const { key, value } of database.getRange({ start: from, end: to })) yield [key, value] as const;
    },
    async commit(batch: readonly StoreWrite[]) {
      try {
        await database.batch(() => {
          for (const { key, value } of batch) {
            // The promise of the batch stands for all of them.
            if (value === undefined) void database.remove(key);
            else void database.put(key, value);
          }
        });
      } catch (error) {
        throw storeWriteFailed(messageOf(error), error);
      }
    },
    close() {
      closed ??= database.close().then(release);
      return closed;
    },
  };
}

/** Refuses what is not ours before LMDB touches it, and marks a new folder. */
async function checkFolder(dir: string): Promise<void> {
  const names = await readdir(dir);
  const marker = await readMarker(dir);
  if (marker === undefined) {
    if (names.length > 0) throw storeForeign(dir, `it holds ${names[0] ?? ''} and no ${markerName}`);
    await writeFile(join(dir, markerName), `${JSON.stringify({ format: 'towpath-store', version: formatVersion })}\n`);
    return;
  }
  if (marker.format !== 'towpath-store')
    throw storeForeign(dir, `${markerName} names the format ${String(marker.format)}`);
  if (typeof marker.version !== 'number') throw storeCorrupt(dir, `${markerName} has no version`);
  if (marker.version > formatVersion) throw storeNewer(dir, marker.version, formatVersion);
  if (names.includes(dataName)) await checkData(dir);
}

async function readMarker(dir: string): Promise<{ format?: unknown; version?: unknown } | undefined> {
  let text: string;
  try {
    text = await readFile(join(dir, markerName), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Falls through: the marker is unreadable.
  }
  throw storeCorrupt(dir, `${markerName} is not JSON`);
}

/** Where LMDB's two headers keep what is checked. Source: lmdb.h, MDB_meta. */
const header = { pageSize: 0x30, magic: 0x18, lastPage: 0x90, transaction: 0x98, size: 0xa0 } as const;
const lmdbMagic = 0xbeefc0de;

/**
 * LMDB maps the file and would be killed by the system on a page that is not there, so a file that is too short for
 * its own headers is refused first.
 */
async function checkData(dir: string): Promise<void> {
  const file = join(dir, dataName);
  const { size } = await stat(file);
  if (size === 0) throw storeCorrupt(dir, `${dataName} is empty`);
  const handle = await openFile(file, 'r');
  try {
    const first = await readHeader(handle, 0);
    const pageSize = first?.pageSize ?? 4096;
    const second = await readHeader(handle, pageSize);
    const headers = [first, second].filter((found) => found !== undefined);
    const newest = headers.sort((left, right) => right.transaction - left.transaction)[0];
    if (newest === undefined) throw storeCorrupt(dir, `${dataName} has no LMDB header`);
    const needed = (newest.lastPage + 1) * newest.pageSize;
    if (size < needed) throw storeCorrupt(dir, `${dataName} has ${size} bytes and needs ${needed}`);
  } finally {
    await handle.close();
  }
}

interface Header {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: number;
}

async function readHeader(handle: Awaited<ReturnType<typeof openFile>>, offset: number): Promise<Header | undefined> {
  const buffer = Buffer.alloc(header.size);
  const { bytesRead } = await handle.read(buffer, 0, header.size, offset);
  if (bytesRead < header.size || buffer.readUInt32LE(header.magic) !== lmdbMagic) return undefined;
  return {
    pageSize: buffer.readUInt32LE(header.pageSize),
    lastPage: Number(buffer.readBigUInt64LE(header.lastPage)),
    transaction: Number(buffer.readBigUInt64LE(header.transaction)),
  };
}
