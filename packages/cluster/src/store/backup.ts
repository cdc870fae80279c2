/**
 * A backup of a cluster: one compressed file of JSON lines, with a header, the store's entries, the files of its
 * authority, and a last line with the digest of all before it.
 */

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { codeOf, isRecord, messageOf, toTimestamp, TowpathError, type Clock } from '@towpath/kit';
import { backupExists, backupInvalid, backupNewer, noStore, restoreExists } from './errors.ts';
import { openLmdbStore, readSnapshot } from './lmdb-store.ts';
import { markerName } from './store-folder.ts';

const formatVersion = 1;
/** Entries that are restored in one transaction. */
const entriesPerBatch = 1_000;
/**
 * Restored clusters count on from here above the backup's resourceVersion, so that no client that saw later ones takes
 * an old state for a new one: it gets 410 and lists again.
 */
const revisionStep = 1_000_000_000;

/** The folders of a data folder that make up a cluster's state. */
export interface ClusterFolders {
  readonly store: string;
  /** The authority's certificate and key, and the administrator's token. */
  readonly credentials: string;
}

/** What a backup holds. */
export interface BackupSummary {
  readonly createdAt: string;
  /** The version of the Towpath that wrote it. */
  readonly towpath: string;
  /** The cluster's resourceVersion at that moment. */
  readonly revision: number;
  readonly objects: number;
}

interface Header extends BackupSummary {
  readonly format: 'towpath-backup';
  readonly version: number;
  readonly entries: number;
  readonly files: number;
}

interface Backup {
  readonly header: Header;
  readonly entries: readonly (readonly [key: string, value: string])[];
  /** By name, below the folder of credentials. */
  readonly files: readonly (readonly [name: string, content: Buffer])[];
}

/** Writes a new file; a store in use is read as it is at one moment. Throws `BACKUP_EXISTS`, `NO_STORE` or the store's errors. */
export async function writeBackup(options: {
  readonly folders: ClusterFolders;
  readonly file: string;
  readonly version: string;
  readonly clock: Clock;
}): Promise<BackupSummary & { isLive: boolean; sizeBytes: number }> {
  const { folders, file, version, clock } = options;
  if ((await sizeOf(join(folders.store, markerName))) === undefined) throw noStore(folders.store);
  const { isLive, entries } = await readSnapshot(folders.store);
  const files = await readFiles(folders.credentials);
  const summary = {
    createdAt: toTimestamp(clock.nowMs()),
    towpath: version,
    revision: Number(entries.find(([key]) => key === 'm/revision')?.[1] ?? 0),
    objects: entries.filter(([key]) => key.startsWith('o/')).length,
  };
  const counts = { entries: entries.length, files: files.length };
  const header: Header = { format: 'towpath-backup', version: formatVersion, ...summary, ...counts };
  const target = await open(file, 'wx', 0o600).catch((error: unknown) => {
    throw codeOf(error) === 'EEXIST' ? backupExists(file) : error;
  });
  try {
    await pipeline(
      Readable.from(linesOf({ header, entries, files })),
      createGzip(),
      target.createWriteStream({ flush: true }),
    );
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  return { ...summary, isLive, sizeBytes: (await sizeOf(file)) ?? 0 };
}

function* linesOf({ header, entries, files }: Backup): Iterable<string> {
  const digest = createHash('sha256');
  const line = (value: unknown): string => {
    const text = `${JSON.stringify(value)}\n`;
    digest.update(text);
    return text;
  };
  yield line(header);
  for (const [key, value] of entries) yield line(['entry', key, value]);
  for (const [name, content] of files) yield line(['file', name, content.toString('base64')]);
  yield `${JSON.stringify({ sha256: digest.digest('hex') })}\n`;
}

/** Makes a cluster of a backup where there is none. Throws `RESTORE_EXISTS`, `BACKUP_INVALID` or `BACKUP_NEWER`. */
export async function restoreBackup(options: {
  readonly folders: ClusterFolders;
  readonly file: string;
}): Promise<BackupSummary> {
  const { folders, file } = options;
  for (const folder of [folders.store, folders.credentials]) {
    if ((await namesIn(folder)).length > 0) throw restoreExists(folder);
  }
  const backup = await readBackup(file);
  // Beside their places, and renamed when they are complete.
  const store = `${folders.store}.restoring`;
  const credentials = `${folders.credentials}.restoring`;
  for (const folder of [store, credentials]) await rm(folder, { recursive: true, force: true });
  try {
    await fillStore(store, backup);
    await mkdir(credentials, { recursive: true, mode: 0o700 });
    for (const [name, content] of backup.files) {
      await mkdir(dirname(join(credentials, name)), { recursive: true, mode: 0o700 });
      await writeFile(join(credentials, name), content, { mode: 0o600, flush: true });
    }
    await rename(credentials, folders.credentials);
    await rename(store, folders.store);
  } catch (error) {
    for (const folder of [store, credentials]) await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const { createdAt, towpath, revision, objects } = backup.header;
  return { createdAt, towpath, revision, objects };
}

async function fillStore(dir: string, { header, entries }: Backup): Promise<void> {
  const store = await openLmdbStore({ dir });
  try {
    // Events of before are left out: watches from then get 410.
    const kept = entries.filter(([key]) => !key.startsWith('e/') && key !== 'm/revision');
    for (let start = 0; start < kept.length; start += entriesPerBatch) {
      await store.commit(kept.slice(start, start + entriesPerBatch).map(([key, value]) => ({ key, value })));
    }
    await store.commit([{ key: 'm/revision', value: String(header.revision + revisionStep) }]);
  } finally {
    await store.close();
  }
}

/** Reads and checks a whole backup before anything is made of it. */
async function readBackup(file: string): Promise<Backup> {
  const digest = createHash('sha256');
  const entries: [string, string][] = [];
  const files: [string, Buffer][] = [];
  let header: Header | undefined;
  let isComplete = false;
  const source = createReadStream(file);
  const text = source.pipe(createGunzip());
  source.on('error', (error) => text.destroy(error));
  try {
    for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (isComplete) throw backupInvalid(file, 'something follows its last line');
      const value: unknown = JSON.parse(line);
      isComplete = isLast(value, digest, file);
      if (isComplete) continue;
      digest.update(`${line}\n`);
      if (header === undefined) header = headerOf(value, file);
      else addLine(value, { file, entries, files });
    }
  } catch (error) {
    if (error instanceof TowpathError) throw error;
    throw backupInvalid(file, messageOf(error), error);
  }
  if (header === undefined || !isComplete) throw backupInvalid(file, 'it ends too early');
  if (header.entries !== entries.length || header.files !== files.length) {
    throw backupInvalid(file, `it has ${entries.length} of ${header.entries} entries`);
  }
  return { header, entries, files };
}

function isLast(value: unknown, digest: Hash, file: string): boolean {
  if (!isRecord(value) || value['sha256'] === undefined) return false;
  if (value['sha256'] !== digest.copy().digest('hex')) throw backupInvalid(file, 'its digest is another one');
  return true;
}

function headerOf(value: unknown, file: string): Header {
  if (!isRecord(value) || value['format'] !== 'towpath-backup') throw backupInvalid(file, 'it has another format');
  const { version, towpath, createdAt, revision, objects, entries, files } = value;
  if (typeof version === 'number' && version > formatVersion) {
    throw backupNewer(file, { version, known: formatVersion, towpath: String(towpath) });
  }
  const numbers = [version, revision, objects, entries, files];
  if (!numbers.every((number) => typeof number === 'number')) throw backupInvalid(file, 'its header is incomplete');
  if (typeof createdAt !== 'string') throw backupInvalid(file, 'its header has no time');
  // Each member was looked at.
  return value as unknown as Header;
}

function addLine(
  value: unknown,
  parts: { file: string; entries: [string, string][]; files: [string, Buffer][] },
): void {
  const [kind, name, content] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof name !== 'string' || typeof content !== 'string') throw backupInvalid(parts.file, 'a line is no entry');
  if (kind === 'entry') parts.entries.push([name, content]);
  else if (kind === 'file' && /^[\w.-]+(\/[\w.-]+)*$/.test(name) && !name.split('/').includes('..')) {
    parts.files.push([name, Buffer.from(content, 'base64')]);
  } else throw backupInvalid(parts.file, `a line is of the kind ${JSON.stringify(kind)}`);
}

async function readFiles(folder: string): Promise<[string, Buffer][]> {
  const result: [string, Buffer][] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    result.push([path.slice(folder.length + 1).replaceAll('\\', '/'), await readFile(path)]);
  }
  return result;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
