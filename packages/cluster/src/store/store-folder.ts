/** The folder of a store: what marks it, and what is refused before LMDB touches it. */

import { closeSync, fstatSync, fsyncSync, openSync } from 'node:fs';
import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, isRecord, messageOf, TowpathError } from '@towpath/kit';
import { acknowledgedName, readAcknowledged } from './acknowledged.ts';
import { storeCorrupt, storeForeign, storeNewer, storeUnreadable } from './errors.ts';
import { checkPages } from './lmdb-pages.ts';

/** Names the format of the folder. */
export const markerName = 'towpath-store.json';
/** LMDB's data file. */
export const dataName = 'data.mdb';
/** 2 added the sum over all entries and the number of acknowledged batches. */
const formatVersion = 2;

/** What is known of a folder that may be opened. */
export interface FolderState {
  /** Of the marker: 1 has no sum yet. */
  readonly version: number;
  /** Batches that were acknowledged at least. */
  readonly acknowledged: number;
}

/** What is looked at, and done. */
export interface FolderCheck {
  /** Look at each page of the data file; not for a store that another process writes to. */
  readonly pages: boolean;
  /** Mark an empty folder as a store; otherwise it is refused. */
  readonly create: boolean;
}

/** Refuses what is not ours, newer or damaged. Throws the errors of `errors.ts`. */
export async function checkFolder(dir: string, options: FolderCheck): Promise<FolderState> {
  try {
    return await check(dir, options);
  } catch (error) {
    if (error instanceof TowpathError) throw error;
    throw storeUnreadable(dir, messageOf(error), error);
  }
}

async function check(dir: string, { pages, create }: FolderCheck): Promise<FolderState> {
  const names = await readdir(dir);
  const marker = await readMarker(dir);
  if (marker === undefined) {
    if (names.length > 0) throw storeForeign(dir, `it holds ${names[0] ?? ''} and no ${markerName}`);
    if (!create) throw storeForeign(dir, 'it is empty');
    await writeMarker(dir);
    return { version: formatVersion, acknowledged: 0 };
  }
  if (marker.format !== 'towpath-store')
    throw storeForeign(dir, `${markerName} names the format ${String(marker.format)}`);
  const { version } = marker;
  if (typeof version !== 'number') throw storeCorrupt(dir, `${markerName} has no version`);
  if (version > formatVersion) throw storeNewer(dir, version, formatVersion);
  const acknowledged = readAcknowledged(dir);
  if (acknowledged === 'unreadable') {
    const next = `remove ${join(dir, acknowledgedName)} to go on with the data as it is, or restore a backup`;
    throw storeCorrupt(dir, `${acknowledgedName} is unreadable`, { next });
  }
  const hasData = names.includes(dataName);
  if (!hasData && acknowledged !== undefined) throw storeCorrupt(dir, `${dataName} is missing`);
  // A start that was ended before its first batch leaves an empty file.
  if (hasData && pages) checkData(dir, { mayBeEmpty: version > 1 && acknowledged === undefined });
  return { version, acknowledged: acknowledged ?? 0 };
}

/** Marks the folder as one of this format; on disk when it resolves. */
export async function writeMarker(dir: string): Promise<void> {
  const temporary = join(dir, `${markerName}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ format: 'towpath-store', version: formatVersion })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, markerName));
  syncFolder(dir);
}

/** Makes the names in a folder durable, where the system can. */
export function syncFolder(dir: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
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

function checkData(dir: string, options: { mayBeEmpty: boolean }): void {
  const file = openSync(join(dir, dataName), 'r');
  try {
    const { size } = fstatSync(file);
    if (size === 0) {
      if (options.mayBeEmpty) return;
      throw storeCorrupt(dir, `${dataName} is empty`);
    }
    const report = checkPages(file, size);
    if (report.kind === 'damaged') throw storeCorrupt(dir, `${dataName}: ${report.damage}`);
  } finally {
    closeSync(file);
  }
}
