/** A running sum over all entries of a store, so that an entry that was lost or changed on the disk is noticed. */

import { crc32 } from 'node:zlib';
import type { StoreWrite } from './store.ts';

/** Kept in the store itself, under `checkKey`, in the same transaction as what it is about. */
export interface Check {
  /** Batches since the store was made. */
  readonly commits: number;
  readonly entries: number;
  /** Sum of the entries' checksums: exact below 2^53, that is for two million entries. */
  readonly sum: number;
}

/** The one entry that the sum leaves out. */
export const checkKey = 'm/check';

/** Mutated by one store only. */
export class EntrySum {
  readonly #checksums = new Map<string, number>();
  #sum = 0;
  #commits = 0;

  get check(): Check {
    return { commits: this.#commits, entries: this.#checksums.size, sum: this.#sum };
  }

  /** Sets the number of the last batch that is counted. */
  continueFrom(commits: number): void {
    this.#commits = commits;
  }

  /** Counts an entry that is there. */
  add(key: string, value: string): void {
    this.#set(key, crc32(value, crc32(key)));
  }

  /** Counts the writes of a transaction. */
  apply(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      this.#set(key, value === undefined ? undefined : crc32(value, crc32(key)));
    }
  }

  #set(key: string, checksum: number | undefined): void {
    this.#sum += (checksum ?? 0) - (this.#checksums.get(key) ?? 0);
    if (checksum === undefined) this.#checksums.delete(key);
    else this.#checksums.set(key, checksum);
  }
}

/** The text of a check. */
export function formatCheck({ commits, entries, sum }: Check): string {
  return `${commits} ${entries} ${sum}`;
}

/** Undefined when the text is no check. */
export function parseCheck(text: string): Check | undefined {
  const match = /^(\d+) (\d+) (\d+)$/.exec(text);
  if (match === null) return undefined;
  return { commits: Number(match[1]), entries: Number(match[2]), sum: Number(match[3]) };
}
