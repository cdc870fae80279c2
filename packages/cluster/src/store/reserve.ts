/**
 * Disk space taken before LMDB needs it. LMDB that meets a full disk in the middle of a transaction cannot be used any
 * more. So where the disk has little space left, space is written at the end of the file first: a full disk is met
 * here, where nothing has begun.
 */

import { fstatSync, fsyncSync, statfsSync, writeSync } from 'node:fs';
import type { StoreWrite } from './store.ts';

const pageBytes = 4096;
const stepBytes = 1024 * 1024;
const maxStepBytes = 16 * stepBytes;
/** With so much free space nobody fills the disk between the look at it and the transaction. */
const plentyBytes = 256 * stepBytes;
/** Pages that one transaction may write besides its entries: the free list and the roots. */
const basePages = 64;
/** Pages that one entry may change in trees of every depth that occurs. */
const pagesPerEntry = 8;

/** Written space of one data file. */
export class Reserve {
  readonly #file: number;
  readonly #path: string;
  readonly #lastPage: () => number;
  #sizeBytes = 0;
  #zeros: Buffer | undefined;

  /** `path` names the open file, `lastPage` is the last page that LMDB uses. */
  constructor(parts: { file: number; path: string; lastPage: () => number }) {
    this.#file = parts.file;
    this.#path = parts.path;
    this.#lastPage = parts.lastPage;
  }

  /** Makes room for a transaction with these writes. Throws Node's error (`ENOSPC`) and leaves the file as it can be used. */
  make(writes: () => Iterable<StoreWrite>): void {
    const { bavail, bsize } = statfsSync(this.#path);
    if (bavail * bsize > plentyBytes) return;
    const needed = (this.#lastPage() + 1 + pagesOf(writes())) * pageBytes;
    if (needed <= this.#sizeBytes) return;
    this.#sizeBytes = fstatSync(this.#file).size;
    if (needed <= this.#sizeBytes) return;
    const step = Math.min(maxStepBytes, Math.max(stepBytes, this.#sizeBytes / 8));
    this.#growTo(Math.ceil((needed + step) / stepBytes) * stepBytes, needed);
  }

  /** Written, not only promised: a hole would need space later. What is beyond `enough` may fail. */
  #growTo(wantedBytes: number, enoughBytes: number): void {
    this.#zeros ??= Buffer.alloc(stepBytes);
    try {
      while (this.#sizeBytes < wantedBytes) {
        const length = Math.min(stepBytes - (this.#sizeBytes % stepBytes), wantedBytes - this.#sizeBytes);
        this.#sizeBytes += writeSync(this.#file, this.#zeros, 0, length, this.#sizeBytes);
      }
      fsyncSync(this.#file);
    } catch (error) {
      if (this.#sizeBytes < enoughBytes) throw error;
      fsyncSync(this.#file);
    }
  }
}

function pagesOf(writes: Iterable<StoreWrite>): number {
  let pages = basePages;
  for (const { value } of writes) {
    pages += pagesPerEntry + (value === undefined ? 0 : Math.ceil(Buffer.byteLength(value) / pageBytes));
  }
  return pages;
}
