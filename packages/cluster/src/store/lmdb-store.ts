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
import { checkFolder, dataName, writeMarker, type FolderState } from './store-folder.ts';
import type { Store, StoreWrite } from './store.ts';
import { encodeRecord, readLog, WriteAheadLog, type LoggedBatch } from './write-ahead-log.ts';

/** Address space, not memory or disk: LMDB grows the file as it is filled. */
const mapSizeBytes = 64 * 1024 ** 3;
/**
 * LMDB follows the log when nothing was written for a while: its transaction takes disk and processor from writes that
 * somebody waits for. At the latest after so long, or so many entries.
 */
const idleMs = 200;
const maxLagMs = 10_000;
const maxAhead = 8_000;
/** Entries of one transaction: what the event loop is kept busy with at a time, about 3 ms. */
const sliceEntries = 500;
/** Attempts to read a store that another process writes to. */
const maxLiveReads = 8;

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
    const logged = missingFrom(dir, sum, state);
    const store = new LmdbStore({ dir, database, sum, release: () => lock.release() });
    await store.replay(logged, { always: state.version === 1 });
    if (state.version === 1) await writeMarker(dir);
    return store;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Batches of the log that LMDB does not have yet. */
function missingFrom(dir: string, sum: EntrySum, state: FolderState): LoggedBatch[] {
  const { commits } = sum.check;
  const logged = readLog(dir, commits);
  const last = logged.at(-1)?.sequence ?? commits;
  if (last >= state.acknowledged) return logged;
  const lost = state.acknowledged - last;
  throw storeCorrupt(dir, `the last ${lost} of ${state.acknowledged} acknowledged batches are missing`);
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
    for (let attempt = 1; ; attempt++) {
      try {
        return { isLive: lock === undefined, entries: await readOnce(dir, { isLive: lock === undefined }) };
      } catch (error) {
        // The writer may have used the log's space again between the two reads.
        if (lock !== undefined || attempt >= maxLiveReads || codeOf(error) !== 'STORE_CORRUPT') throw error;
      }
    }
  } finally {
    await lock?.release();
  }
}

async function readOnce(dir: string, { isLive }: { isLive: boolean }): Promise<StoreSnapshot['entries']> {
  const state = await checkFolder(dir, { pages: !isLive, create: false });
  const database = openDatabase(dir, { readOnly: true });
  try {
    // In one turn of the event loop: LMDB keeps the snapshot that long.
    const sum = sumEntries(database, dir, state);
    const entries = new Map<string, string>();
    for (const { key, value } of database.getRange({})) if (key !== checkKey) entries.set(key, value);
    for (const { batch } of missingFrom(dir, sum, state)) {
      for (const { key, value } of batch) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
      }
    }
    return [...entries];
  } finally {
    await database.close();
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
    if (state.version > 1 && found.entries > 0) {
      throw storeCorrupt(dir, 'the sum over its entries is missing');
    }
    return sum;
  }
  const stored = parseCheck(text);
  if (stored === undefined || stored.entries !== found.entries || stored.sum !== found.sum) {
    throw storeCorrupt(dir, `its ${found.entries} entries are not those that were written`);
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

/**
 * A batch is acknowledged when the log has it; LMDB gets all of the log's a moment later, in few transactions.
 * States: open; failed (the disk or LMDB refused a batch: reads go on, every commit is refused); closed.
 */
class LmdbStore implements Store {
  readonly #parts: LmdbStoreParts;
  readonly #file: number;
  readonly #reserve: Reserve;
  readonly #log: WriteAheadLog;
  readonly #acknowledged: Acknowledged;
  /** What the log has and LMDB does not, by key. */
  #ahead = new Map<string, string | undefined>();
  #sequence: number;
  /** The last batch that LMDB has. */
  #applied: number;
  #last: Promise<void> = Promise.resolve();
  #applying: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastWriteMs = 0;
  #aheadSinceMs = 0;
  #failure: TowpathError | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: LmdbStoreParts) {
    this.#parts = parts;
    this.#sequence = parts.sum.check.commits;
    this.#applied = this.#sequence;
    const path = join(parts.dir, dataName);
    this.#file = openSync(path, 'r+');
    this.#reserve = new Reserve({
      file: this.#file,
      path,
      // The type of lmdb's statistics is open; without a number nothing can be reserved, and LMDB meets a full disk itself.
      lastPage: () => Number((parts.database.getStats() as { lastPageNumber?: number }).lastPageNumber ?? 0),
    });
    this.#log = openLog(parts.dir);
    this.#acknowledged = new Acknowledged(parts.dir);
  }

  /** Gives LMDB what the log of an earlier process has; `always` writes the sum even when there is nothing. */
  async replay(logged: readonly LoggedBatch[], { always }: { always: boolean }): Promise<void> {
    for (const { sequence, batch } of logged) {
      this.#makeRoom(batch);
      this.#sequence = sequence;
      for (const { key, value } of batch) this.#ahead.set(key, value);
    }
    if (logged.length > 0 || always) await this.#apply();
    if (this.#failure !== undefined) throw this.#failure;
  }

  get(key: string): string | undefined {
    return this.#ahead.has(key) ? this.#ahead.get(key) : this.#parts.database.get(key);
  }

  *range(from: string, to: string): Iterable<readonly [string, string]> {
    if (this.#ahead.size > 0) {
      yield* this.#mergedRange(from, to);
      return;
    }
    for (const { key, value } of this.#parts.database.getRange({ start: from, end: to })) {
      if (key !== checkKey) yield [key, value] as const;
    }
  }

  #mergedRange(from: string, to: string): (readonly [string, string])[] {
    const entries = new Map<string, string>();
    for (const { key, value } of this.#parts.database.getRange({ start: from, end: to })) entries.set(key, value);
    entries.delete(checkKey);
    for (const [key, value] of this.#ahead) {
      if (compareBytes(key, from) < 0 || compareBytes(key, to) >= 0) continue;
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
    return [...entries].sort(([left], [right]) => compareBytes(left, right));
  }

  commit(batch: readonly StoreWrite[]): Promise<void> {
    const written = this.#last.then(() => this.#write(batch));
    this.#last = written.catch(() => {});
    return written;
  }

  async #write(batch: readonly StoreWrite[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#makeRoom(batch);
    const record = encodeRecord({ sequence: this.#sequence + 1, batch });
    if (this.#log.neededBefore(record) > this.#applied) {
      await this.#apply();
      if (this.#failure !== undefined) throw this.#failure;
    }
    try {
      await this.#log.append(record);
      this.#acknowledged.write(record.sequence);
    } catch (error) {
      throw this.#refusal(error);
    }
    this.#sequence = record.sequence;
    for (const { key, value } of batch) this.#ahead.set(key, value);
    this.#applyLater();
  }

  /** For the transaction in which LMDB gets this batch and all that wait. */
  #makeRoom(batch: readonly StoreWrite[]): void {
    try {
      this.#reserve.make(() => [...Array.from(this.#ahead, ([key, value]) => ({ key, value })), ...batch]);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /** A full disk refuses one batch, anything else all that follow. */
  #refusal(error: unknown): TowpathError {
    const { dir } = this.#parts;
    const code = codeOf(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') return storeFull(dir, error);
    this.#failure ??= storeWriteFailed(dir, messageOf(error), error);
    return this.#failure;
  }

  #applyLater(): void {
    this.#lastWriteMs = performance.now();
    const isUrgent = this.#ahead.size >= maxAhead || this.#log.neededSoon > this.#applied;
    if (isUrgent && this.#applying === undefined) {
      void this.#apply();
      return;
    }
    if (this.#timer !== undefined) return;
    this.#aheadSinceMs = this.#lastWriteMs;
    this.#timer = setTimeout(() => this.#applyWhenIdle(), idleMs).unref();
  }

  #applyWhenIdle(): void {
    const nowMs = performance.now();
    const idleInMs = Math.min(this.#lastWriteMs + idleMs, this.#aheadSinceMs + maxLagMs) - nowMs;
    if (idleInMs < 1) void this.#apply();
    else this.#timer = setTimeout(() => this.#applyWhenIdle(), idleInMs).unref();
  }

  /** Resolves when LMDB has all that the log had when it was called; never rejects. */
  async #apply(): Promise<void> {
    while (this.#applying !== undefined) await this.#applying;
    this.#applying = this.#applyOnce();
    await this.#applying;
  }

  async #applyOnce(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { sum, dir } = this.#parts;
    const taken = new Map(this.#ahead);
    const sequence = this.#sequence;
    const writes = [...taken].map(([key, value]) => ({ key, value }));
    try {
      if (this.#failure !== undefined) return;
      // Until the last slice LMDB says that it has none of them: the log is replayed over what is there already.
      for (let from = 0; from === 0 || from < writes.length; from += sliceEntries) {
        const slice = writes.slice(from, from + sliceEntries);
        sum.apply(slice);
        if (from + sliceEntries >= writes.length) sum.continueFrom(sequence);
        await this.#put([...slice, { key: checkKey, value: formatCheck(sum.check) }]);
      }
      this.#applied = sequence;
      for (const [key, value] of taken) if (this.#ahead.get(key) === value) this.#ahead.delete(key);
    } catch (error) {
      // LMDB cannot be used after a transaction that failed half-way; the log has what it did not take.
      this.#failure = storeWriteFailed(dir, await reasonOf(error), error);
    } finally {
      this.#applying = undefined;
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
    while (this.#ahead.size > 0 && this.#failure === undefined) await this.#apply();
    await this.#applying;
    clearTimeout(this.#timer);
    await this.#parts.database.close();
    this.#log.close();
    this.#acknowledged.close();
    closeSync(this.#file);
    await this.#parts.release();
  }
}

function openLog(dir: string): WriteAheadLog {
  try {
    return new WriteAheadLog(dir);
  } catch (error) {
    throw codeOf(error) === 'ENOSPC' ? storeFull(dir, error) : storeUnreadable(dir, messageOf(error), error);
  }
}

function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** lmdb says only "see commitError", which is a promise. */
async function reasonOf(error: unknown): Promise<string> {
  const cause = isRecord(error) ? error['commitError'] : undefined;
  if (cause instanceof Promise) return cause.then(() => messageOf(error), messageOf);
  return messageOf(error);
}
