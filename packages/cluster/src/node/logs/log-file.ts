/** A container's log on disk, one line per record with time and stream, rotated by size. */

import { createReadStream, createWriteStream, existsSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from '@towpath/kit';

export type LogStream = 'stdout' | 'stderr';

/** One line of a log; `partial` lines go on in the next record. */
export interface LogRecord {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: LogStream;
  readonly partial: boolean;
  readonly text: string;
}

/** A file is renamed to `.1` beyond this; the older one is dropped. */
const maxFileBytes = 10 * 1024 * 1024;
/** Longer lines are cut into partial records, as containerd does. */
const maxLineBytes = 16 * 1024;

/** Appends what a container writes. Source: CRI log format, `TIME STREAM F|P TEXT`. */
export class LogWriter {
  readonly #path: string;
  readonly #clock: Clock;
  #file: WriteStream;
  #sizeBytes: number;
  readonly #rest: Record<LogStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #listeners = new Set<(record: LogRecord | undefined) => void>();
  #closed = false;
  #lastNs = 0n;

  constructor(options: { path: string; clock: Clock }) {
    this.#path = options.path;
    this.#clock = options.clock;
    mkdirSync(dirname(options.path), { recursive: true });
    this.#file = this.#open();
    this.#sizeBytes = existsSync(this.#path) ? statSync(this.#path).size : 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(stream: LogStream, chunk: Uint8Array): void {
    let data = Buffer.concat([this.#rest[stream], chunk]);
    for (;;) {
      const end = data.indexOf(10);
      if (end < 0 || end > maxLineBytes) {
        if (data.length < maxLineBytes) break;
        this.#append(stream, data.subarray(0, maxLineBytes).toString('utf8'), true);
        data = data.subarray(maxLineBytes);
        continue;
      }
      this.#append(stream, data.subarray(0, end).toString('utf8'), false);
      data = data.subarray(end + 1);
    }
    this.#rest[stream] = Buffer.from(data);
  }

  /** One line without newline. */
  line(text: string, stream: LogStream = 'stdout'): void {
    for (const part of text.split('\n')) this.#append(stream, part, false);
  }

  /** `onRecord` gets every further record, and undefined at the end. Returns the end of the subscription. */
  subscribe(onRecord: (record: LogRecord | undefined) => void): () => void {
    if (this.#closed) {
      onRecord(undefined);
      return () => {};
    }
    this.#listeners.add(onRecord);
    return () => this.#listeners.delete(onRecord);
  }

  /** Writes out what has no newline yet and ends the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#rest[stream].length > 0) this.#append(stream, this.#rest[stream].toString('utf8'), false);
    }
    this.#closed = true;
    for (const listener of this.#listeners) listener(undefined);
    this.#listeners.clear();
    await new Promise<void>((resolve) => this.#file.end(resolve));
  }

  /** Resolves when everything written so far is in the file. */
  flushed(): Promise<void> {
    if (this.#closed || this.#file.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => this.#file.write('', () => resolve()));
  }

  #append(stream: LogStream, text: string, partial: boolean): void {
    if (this.#closed) return;
    const record: LogRecord = { time: this.#time(), stream, partial, text };
    const line = `${record.time} ${stream} ${partial ? 'P' : 'F'} ${text}\n`;
    this.#sizeBytes += Buffer.byteLength(line);
    if (this.#sizeBytes > maxFileBytes) this.#rotate(Buffer.byteLength(line));
    this.#file.write(line);
    for (const listener of this.#listeners) listener(record);
  }

  #rotate(firstBytes: number): void {
    this.#file.end();
    renameSync(this.#path, `${this.#path}.1`);
    this.#file = this.#open();
    this.#sizeBytes = firstBytes;
  }

  #open(): WriteStream {
    const file = createWriteStream(this.#path, { flags: 'a' });
    // A full disk must not end the process: the lines are lost, as with any log driver.
    file.on('error', () => {});
    return file;
  }

  /** Nanoseconds grow by one where the clock stands still, so that times order the lines. */
  #time(): string {
    const nowNs = BigInt(Math.floor(this.#clock.nowMs())) * 1_000_000n;
    this.#lastNs = nowNs > this.#lastNs ? nowNs : this.#lastNs + 1n;
    const seconds = new Date(Number(this.#lastNs / 1_000_000n)).toISOString().slice(0, 19);
    return `${seconds}.${String(this.#lastNs % 1_000_000_000n).padStart(9, '0')}Z`;
  }
}

/** The records of a log file and its rotated predecessor, oldest first. */
export async function* readRecords(path: string): AsyncGenerator<LogRecord, void, undefined> {
  for (const file of [`${path}.1`, path]) {
    if (!existsSync(file)) continue;
    const input = createReadStream(file, { encoding: 'utf8' });
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const record = parseRecord(line);
      if (record !== undefined) yield record;
    }
  }
}

function parseRecord(line: string): LogRecord | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP]) (.*)$/s.exec(line);
  if (match === null) return undefined;
  const [, time = '', stream, tag, text = ''] = match;
  return { time, stream: stream === 'stderr' ? 'stderr' : 'stdout', partial: tag === 'P', text };
}
