/**
 * How many batches were acknowledged, in a small file of its own. A header of the data file that was damaged makes LMDB
 * fall back to the transaction before it, which looks sound: only this number tells.
 */

import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** The file's name in the folder of a store. */
export const acknowledgedName = 'acknowledged';
const digits = 16;

/** Undefined when there is none yet, `unreadable` when it was damaged. Throws Node's error when it cannot be read. */
export function readAcknowledged(dir: string): number | undefined | 'unreadable' {
  const path = join(dir, acknowledgedName);
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'latin1');
  if (text === '') return undefined;
  const commits = Number(text.slice(0, digits));
  return text === format(commits) ? commits : 'unreadable';
}

/** The open file; written in place, so that it never needs more space. */
export class Acknowledged {
  readonly #file: number;

  constructor(dir: string) {
    const path = join(dir, acknowledgedName);
    this.#file = openSync(path, existsSync(path) ? 'r+' : 'w', 0o600);
  }

  /**
   * It is not synced: it survives the process, and after a power cut it may be older than the data, which is no
   * reason to refuse it.
   */
  write(commits: number): void {
    writeSync(this.#file, format(commits), 0, 'latin1');
  }

  close(): void {
    closeSync(this.#file);
  }
}

function format(commits: number): string {
  const number = String(commits).padStart(digits, '0');
  return `${number} ${crc32(number).toString(16).padStart(8, '0')}\n`;
}
