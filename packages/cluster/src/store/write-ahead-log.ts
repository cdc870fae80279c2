/**
 * Where a batch is first on disk: one synced write into space that is there already. LMDB's own commit takes two, and
 * follows later for many batches at once.
 */

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  write,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { syncFolder } from './store-folder.ts';
import type { StoreWrite } from './store.ts';

const writeAt = promisify(write);
/** Two files in turn: one is written, the other is with LMDB. */
const segmentNames = ['wal-0', 'wal-1'] as const;
const segmentBytes = 8 * 1024 * 1024;
/** Records begin at sectors: a torn write cannot touch the one before. */
const sectorBytes = 512;
/** Up to so much, on a disk that usually takes less than so long, is written by this thread: handing it over takes longer. */
const directBytes = 64 * 1024;
const directMs = 1;
/** What one write counts in the usual time. */
const usualShare = 1 / 16;
const magicNumber = 0x57_41_4c_32;
const pair = { key: 0, value: 4, bytes: 8, deleted: 0xffff_ffff } as const;
const header = { magic: 0, length: 4, checksum: 8, sequence: 12, bytes: 20 } as const;

/** One batch and its number; numbers have no gaps. */
export interface LoggedBatch {
  readonly sequence: number;
  readonly batch: readonly StoreWrite[];
}

/** Batches after `sequence`, in order, up to the first that is missing. Throws Node's error when a file cannot be read. */
export function readLog(dir: string, sequence: number): LoggedBatch[] {
  const found = new Map<number, readonly StoreWrite[]>();
  for (const name of segmentNames) {
    const path = join(dir, name);
    if (!existsSync(path)) continue;
    for (const { sequence: number, batch } of recordsOf(readFileSync(path), sequence)) found.set(number, batch);
  }
  const result: LoggedBatch[] = [];
  for (let next = sequence + 1; ; next++) {
    const batch = found.get(next);
    if (batch === undefined) return result;
    result.push({ sequence: next, batch });
  }
}

/** Whole records with a number above `sequence`, wherever they are. */
function* recordsOf(content: Buffer, sequence: number): Iterable<LoggedBatch> {
  for (let at = 0; at + header.bytes <= content.length;) {
    const record = recordAt(content, at);
    if (record !== undefined && record.sequence > sequence) {
      const start = at + header.bytes;
      yield { sequence: record.sequence, batch: parseBatch(content.subarray(start, start + record.length)) };
    }
    at += record === undefined ? sectorBytes : sizeOf(record.length);
  }
}

function recordAt(content: Buffer, at: number): { length: number; sequence: number } | undefined {
  if (content.readUInt32LE(at + header.magic) !== magicNumber) return undefined;
  const length = content.readUInt32LE(at + header.length);
  const end = at + header.bytes + length;
  if (end > content.length) return undefined;
  const isWhole = content.readUInt32LE(at + header.checksum) === crc32(content.subarray(at + header.sequence, end));
  return isWhole ? { length, sequence: Number(content.readBigUInt64LE(at + header.sequence)) } : undefined;
}

/** Key and value lengths before their bytes; a deletion has no value. */
function parseBatch(payload: Buffer): StoreWrite[] {
  const batch: StoreWrite[] = [];
  for (let at = 0; at < payload.length;) {
    const keyEnd = at + pair.bytes + payload.readUInt32LE(at + pair.key);
    const valueBytes = payload.readUInt32LE(at + pair.value);
    const key = payload.toString('utf8', at + pair.bytes, keyEnd);
    at = valueBytes === pair.deleted ? keyEnd : keyEnd + valueBytes;
    batch.push({ key, value: valueBytes === pair.deleted ? undefined : payload.toString('utf8', keyEnd, at) });
  }
  return batch;
}

/** A batch as it is written. */
export interface LogRecord {
  readonly sequence: number;
  readonly bytes: Buffer;
}

/** The bytes of a batch. */
export function encodeRecord({ sequence, batch }: LoggedBatch): LogRecord {
  let length = 0;
  for (const { key, value } of batch) {
    length += pair.bytes + Buffer.byteLength(key) + (value === undefined ? 0 : Buffer.byteLength(value));
  }
  const bytes = Buffer.alloc(sizeOf(length));
  let at = header.bytes;
  for (const { key, value } of batch) {
    const keyBytes = bytes.write(key, at + pair.bytes);
    const keyEnd = at + pair.bytes + keyBytes;
    const valueBytes = value === undefined ? 0 : bytes.write(value, keyEnd);
    bytes.writeUInt32LE(keyBytes, at + pair.key);
    bytes.writeUInt32LE(value === undefined ? pair.deleted : valueBytes, at + pair.value);
    at = keyEnd + valueBytes;
  }
  bytes.writeUInt32LE(magicNumber, header.magic);
  bytes.writeUInt32LE(length, header.length);
  bytes.writeBigUInt64LE(BigInt(sequence), header.sequence);
  bytes.writeUInt32LE(crc32(bytes.subarray(header.sequence, header.bytes + length)), header.checksum);
  return { sequence, bytes };
}

function sizeOf(length: number): number {
  return Math.ceil((header.bytes + length) / sectorBytes) * sectorBytes;
}

interface Segment {
  readonly file: number;
  /** The last batch in it. */
  last: number;
}

/** The log of one open store; appends come one after another. */
export class WriteAheadLog {
  readonly #dir: string;
  readonly #segments: (Segment | undefined)[] = [];
  #current = 0;
  #offset = 0;
  #usualMs = 0;

  constructor(dir: string) {
    this.#dir = dir;
    this.#segment(0);
  }

  /**
   * The number of the last batch that LMDB must have before this one can be appended; 0 for none: its place in the
   * other file is taken by them.
   */
  neededBefore({ bytes }: LogRecord): number {
    if (this.#offset === 0 || this.#offset + bytes.length <= segmentBytes) return 0;
    return this.#segments[1 - this.#current]?.last ?? 0;
  }

  /** LMDB should have this batch soon, so that nobody has to wait for the other file; 0 for none. */
  get neededSoon(): number {
    return this.#offset < segmentBytes / 2 ? 0 : (this.#segments[1 - this.#current]?.last ?? 0);
  }

  /** Resolves when it is on disk. Rejects with Node's error; the next batch then takes its place. */
  async append({ sequence, bytes }: LogRecord): Promise<void> {
    if (this.#offset > 0 && this.#offset + bytes.length > segmentBytes) {
      this.#current = 1 - this.#current;
      this.#offset = 0;
    }
    const segment = this.#segment(this.#current);
    const startedAtMs = performance.now();
    let written = 0;
    while (written < bytes.length) written += await this.#write(segment.file, bytes.subarray(written), written);
    this.#usualMs += (performance.now() - startedAtMs - this.#usualMs) * usualShare;
    segment.last = sequence;
    this.#offset += bytes.length;
  }

  /** The number of bytes that are on disk now, `at` bytes behind the record's begin. */
  async #write(file: number, bytes: Buffer, at: number): Promise<number> {
    const position = this.#offset + at;
    if (bytes.length <= directBytes && this.#usualMs < directMs) {
      return writeSync(file, bytes, 0, bytes.length, position);
    }
    return (await writeAt(file, bytes, 0, bytes.length, position)).bytesWritten;
  }

  close(): void {
    for (const segment of this.#segments) if (segment !== undefined) closeSync(segment.file);
  }

  #segment(index: number): Segment {
    const known = this.#segments[index];
    if (known !== undefined) return known;
    const path = join(this.#dir, segmentNames[index] ?? '');
    fillFile(path);
    syncFolder(this.#dir);
    // Each write is on disk when it returns.
    const segment = { file: openSync(path, constants.O_RDWR | constants.O_DSYNC), last: 0 };
    this.#segments[index] = segment;
    return segment;
  }
}

/** Written space: a synced write into it changes nothing but its bytes. */
function fillFile(path: string): void {
  const file = openSync(path, existsSync(path) ? 'r+' : 'w', 0o600);
  try {
    const { size } = fstatSync(file);
    if (size >= segmentBytes) return;
    writeSync(file, Buffer.alloc(segmentBytes - size), 0, segmentBytes - size, size);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
