/** The durable store: LMDB in one folder, one process at a time, every acknowledged batch on disk. */

import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { codeOf, isRecord, messageOf, type TowpathError } from '@towpath/kit';
import { Acknowledged } from './acknowledged.ts';
import { checkKey, EntrySum, formatCheck, parseCheck } from './entry-sum.ts';
import { storeCorrupt, storeFull, storeLocked, storeUnreadable, storeWriteFailed } from './errors.ts';
import { lockFolder, type FolderLock } from './folder-lock.ts';
import { Reserve } from './reserve.ts';
import { checkFolder, dataName, syncFolder, writeMarker, type FolderState } from './store-folder.ts';
import type { Store, StoreWrite } from './store.ts';

/** Address space, not memory or disk: LMDB grows the file as it is filled. */
const mapSizeBytes = 64 * 1024 ** 3;

type Database = RootDatabase<string, string>;

/** Opens the store of a folder, making a new one when the folder is empty. Throws the errors of `errors.ts`. */
export async function openLmdbStore(options: { readonly dir: string }): Promise<Store> {
  const { dir } = options;
  const lock = await takeFolder(dir);
  if (lock === undefined) throw storeLocked(dir);
  try {
    return await openLocked(dir, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function takeFolder(dir: string): Promise<FolderLock | undefined> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return await lockFolder(dir);
  } catch (error) {
    throw storeUnreadable(dir, messageOf(error), error);
  }
}

async function openLocked(dir: string, lock: FolderLock): Promise<Store> {
  const state = await checkFolder(dir, { pages: true, create: true });
  const database = openDatabase(dir, { readOnly: false });
  try {
    const sum = sumEntries(database, dir, state);
    await syncFolder(dir);
    const store = new LmdbStore({ dir, database, sum, release: () => lock.release() });
    if (state.version === 1) {
      await store.commit([]);
      await writeMarker(dir);
    }
    return store;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A store as it was at one moment. */
export interface StoreSnapshot {
  /** Another process has the store open. */
  readonly isLive: boolean;
  readonly entries: readonly (readonly [key: string, value: string])[];
}

/** All entries of a store, also while another process writes to it. Changes nothing. */
export async function readSnapshot(dir: string): Promise<StoreSnapshot> {
  // Without the lock somebody else has the store open, and has checked it.
  const lock = await lockFolder(dir);
  try {
    const state = await checkFolder(dir, { pages: lock !== undefined, create: false });
    const database = openDatabase(dir, { readOnly: true });
    try {
      // In one turn of the event loop: LMDB keeps the snapshot that long.
      sumEntries(database, dir, state);
      const entries = [...database.getRange({})].filter(({ key }) => key !== checkKey);
      return { isLive: lock === undefined, entries: entries.map(({ key, value }) => [key, value] as const) };
    } finally {
      await database.close();
    }
  } finally {
    await lock?.release();
  }
}

function openDatabase(dir: string, options: { readOnly: boolean }): Database {
  try {
    return open<string, string>({
      path: dir,
      noSubdir: false,
      encoding: 'string',
      mapSize: mapSizeBytes,
      readOnly: options.readOnly,
      // A commit resolves when it is on disk.
      overlappingSync: false,
    });
  } catch (error) {
    throw storeCorrupt(dir, messageOf(error), { cause: error });
  }
}

/** Reads every entry and compares their sum with the one that was stored with them. */
function sumEntries(database: Database, dir: string, state: FolderState): EntrySum {
  const sum = new EntrySum();
  let text: string | undefined;
  for (const { key, value } of entriesOf(database, dir)) {
    if (key === checkKey) text = value;
    else sum.add(key, value);
  }
  const found = sum.check;
  if (text === undefined) {
    if (state.version > 1 && (found.entries > 0 || state.acknowledged > 0)) {
      throw storeCorrupt(dir, 'the sum over its entries is missing');
    }
    return sum;
  }
  const stored = parseCheck(text);
  if (stored === undefined || stored.entries !== found.entries || stored.sum !== found.sum) {
    throw storeCorrupt(dir, `its ${found.entries} entries are not those that were written`);
  }
  if (stored.commits < state.acknowledged) {
    const lost = state.acknowledged - stored.commits;
    throw storeCorrupt(dir, `the last ${lost} of ${state.acknowledged} acknowledged batches are missing`);
  }
  sum.continueFrom(stored.commits);
  return sum;
}

/** A key that was damaged may be decoded as something else, or not at all. */
function* entriesOf(database: Database, dir: string): Iterable<{ key: string; value: string }> {
  const isText = (part: unknown): boolean => typeof part === 'string';
  try {
    for (const entry of database.getRange({})) {
      if (!isText(entry.key) || !isText(entry.value)) throw storeCorrupt(dir, 'it has an entry that is no text');
      yield entry;
    }
  } catch (error) {
    if (codeOf(error) === 'STORE_CORRUPT') throw error;
    throw storeCorrupt(dir, `its entries cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

interface LmdbStoreParts {
  readonly dir: string;
  readonly database: Database;
  readonly sum: EntrySum;
  readonly release: () => Promise<void>;
}

/** States: open; failed (after LMDB refused a batch: reads go on, every commit is refused); closed. */
class LmdbStore implements Store {
  readonly #parts: LmdbStoreParts;
  readonly #file: number;
  readonly #reserve: Reserve;
  #acknowledged: Acknowledged | undefined;
  #last: Promise<void> = Promise.resolve();
  #failure: TowpathError | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: LmdbStoreParts) {
    this.#parts = parts;
    const path = join(parts.dir, dataName);
    this.#file = openSync(path, 'r+');
    this.#reserve = new Reserve({
      file: this.#file,
      path,
      // The type of lmdb's statistics is open; without a number nothing can be reserved, and LMDB meets a full disk itself.
      lastPage: () => Number((parts.database.getStats() as { lastPageNumber?: number }).lastPageNumber ?? 0),
    });
  }

  get(key: string): string | undefined {
    return this.#parts.database.get(key);
  }

  *range(from: string, to: string): Iterable<readonly [string, string]> {
    for (const { key, value } of this.#parts.database.getRange({ start: from, end: to })) {
      if (key !== checkKey) yield [key, value] as const;
    }
  }

  commit(batch: readonly StoreWrite[]): Promise<void> {
    const written = this.#last.then(() => this.#write(batch));
    this.#last = written.catch(() => {});
    return written;
  }

  async #write(batch: readonly StoreWrite[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#makeRoom(batch);
    const { sum, dir } = this.#parts;
    const undo = sum.apply(batch);
    try {
      await this.#put([...batch, { key: checkKey, value: formatCheck(sum.check) }]);
      this.#acknowledged ??= new Acknowledged(dir);
      this.#acknowledged.write(sum.check.commits);
    } catch (error) {
      undo();
      // LMDB cannot be used after a transaction that failed half-way.
      this.#failure = storeWriteFailed(dir, await reasonOf(error), error);
      throw this.#failure;
    }
  }

  #makeRoom(batch: readonly StoreWrite[]): void {
    const { dir } = this.#parts;
    try {
      this.#reserve.make(batch);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOSPC' || code === 'EDQUOT') throw storeFull(dir, error);
      this.#failure = storeWriteFailed(dir, messageOf(error), error);
      throw this.#failure;
    }
  }

  async #put(writes: readonly StoreWrite[]): Promise<void> {
    const { database } = this.#parts;
    await database.batch(() => {
      for (const { key, value } of writes) {
        // The promise of the batch stands for all of them, its failure too.
        const one = value === undefined ? database.remove(key) : database.put(key, value);
        one.catch(() => {});
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    await this.#last;
    await this.#parts.database.close();
    this.#acknowledged?.close();
    closeSync(this.#file);
    await this.#parts.release();
  }
}

/** lmdb says only "see commitError", which is a promise. */
async function reasonOf(error: unknown): Promise<string> {
  const cause = isRecord(error) ? error['commitError'] : undefined;
  if (cause instanceof Promise) return cause.then(() => messageOf(error), messageOf);
  return messageOf(error);
}
