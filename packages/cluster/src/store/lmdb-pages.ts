/**
 * Reads an LMDB data file page by page, without LMDB: LMDB trusts its file, and a damaged page ends the process or
 * silently hides entries. Source: mdb.c of the LMDB that the package `lmdb` carries (data version 2).
 */

import { readSync } from 'node:fs';

/** What a data file is made of; `damage` says what is wrong with it, in words for the user. */
export type PageReport =
  | { readonly kind: 'sound'; readonly pages: number }
  | { readonly kind: 'damaged'; damage: string };

const magicNumber = 0xbeefc0de;
const dataVersion = 2;
const headerBytes = 24;
const nodeHeaderBytes = 8;
const flags = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
const nodeFlags = { bigData: 1 } as const;
const noPage = 0xffff_ffff_ffff_ffffn;
/** A tree of this depth holds more than any disk. */
const maxDepth = 32;
const wordBytes = 8;

/** Where the two headers keep what is read, from the start of their page. */
const meta = { magic: 24, version: 28, freeTree: 48, mainTree: 96, lastPage: 144, transaction: 152, end: 160 } as const;
const tree = { pageSize: 0, depth: 6, branches: 8, leaves: 16, overflows: 24, entries: 32, root: 40 } as const;

interface Tree {
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  readonly root: number | undefined;
}

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly freeTree: Tree;
  readonly mainTree: Tree;
}

class Damage extends Error {}

/** Checks headers, both trees and the list of free pages of an open data file. */
export function checkPages(file: number, sizeBytes: number): PageReport {
  try {
    return { kind: 'sound', pages: new PageWalk(file, sizeBytes).run() };
  } catch (error) {
    if (error instanceof Damage) return { kind: 'damaged', damage: error.message };
    throw error;
  }
}

class PageWalk {
  readonly #file: number;
  readonly #sizeBytes: number;
  readonly #meta: Meta;
  /** 1 for each page that has been seen. */
  readonly #seen: Uint8Array;

  constructor(file: number, sizeBytes: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#meta = this.#newestMeta();
    this.#seen = new Uint8Array(this.#meta.lastPage + 1);
    this.#seen.fill(1, 0, 2);
  }

  /** The number of pages in use. */
  run(): number {
    const { mainTree, freeTree, lastPage, pageSize } = this.#meta;
    const needed = (lastPage + 1) * pageSize;
    if (this.#sizeBytes < needed) throw new Damage(`it has ${this.#sizeBytes} bytes and needs ${needed}`);
    this.#walk(mainTree, 'entries', () => {});
    const used = this.#seen.reduce((sum, one) => sum + one, 0);
    const lists: Buffer[] = [];
    this.#walk(freeTree, 'free pages', (value) => lists.push(value));
    for (const list of lists) this.#takeFree(list);
    return used;
  }

  #newestMeta(): Meta {
    const first = this.#metaAt(0, 0);
    const second = this.#metaAt(1, first.pageSize);
    if (second.pageSize !== first.pageSize) throw new Damage('its two headers disagree');
    const { transaction } = first;
    // A new file has twice the same; afterwards transaction N writes header N modulo 2.
    const isNew = transaction === 0 && second.transaction <= 1;
    if (!isNew && (transaction % 2 !== 0 || Math.abs(transaction - second.transaction) !== 1)) {
      throw new Damage(`its headers are of the transactions ${transaction} and ${second.transaction}`);
    }
    return transaction > second.transaction ? first : second;
  }

  #metaAt(page: number, offset: number): Meta {
    const buffer = this.#read(offset, meta.end, `header ${page}`);
    if (buffer.readUInt32LE(meta.magic) !== magicNumber || (buffer.readUInt16LE(18) & flags.meta) === 0) {
      throw new Damage(`header ${page} is no LMDB header`);
    }
    const version = buffer.readUInt32LE(meta.version) & 0xffff;
    if (version !== dataVersion) throw new Damage(`header ${page} has the LMDB format ${version}`);
    const pageSize = buffer.readUInt32LE(meta.freeTree + tree.pageSize);
    if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
      throw new Damage(`header ${page} has a page size of ${pageSize}`);
    }
    const lastPage = numberAt(buffer, meta.lastPage);
    if (lastPage < 1 || lastPage > this.#sizeBytes) throw new Damage(`header ${page} counts ${lastPage} pages`);
    return {
      pageSize,
      lastPage,
      transaction: numberAt(buffer, meta.transaction),
      freeTree: treeAt(buffer, meta.freeTree),
      mainTree: treeAt(buffer, meta.mainTree),
    };
  }

  #walk(root: Tree, what: string, onValue: (value: Buffer) => void): void {
    const counts = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
    if (root.root !== undefined) this.#walkPage({ page: root.root, level: 1, root, what, counts, onValue });
    for (const name of ['branches', 'leaves', 'overflows', 'entries'] as const) {
      if (counts[name] !== root[name]) {
        throw new Damage(`the tree of ${what} has ${counts[name]} ${name}, its header says ${root[name]}`);
      }
    }
  }

  #walkPage(step: WalkStep): void {
    const { page, level, root, what, counts } = step;
    if (level > Math.min(root.depth, maxDepth)) throw new Damage(`the tree of ${what} is too deep at page ${page}`);
    const buffer = this.#page(page, what);
    const kind = buffer.readUInt16LE(18);
    const isLeaf = level === root.depth;
    if (kind !== (isLeaf ? flags.leaf : flags.branch)) throw new Damage(`page ${page} is not one of ${what}`);
    counts[isLeaf ? 'leaves' : 'branches']++;
    const nodes = nodesOf(buffer, page);
    if (nodes.length === 0) throw new Damage(`page ${page} is empty`);
    for (const offset of nodes) {
      if (isLeaf) {
        counts.entries++;
        this.#leafNode(step, buffer, offset);
      } else {
        const child = buffer.readUInt32LE(offset) + buffer.readUInt16LE(offset + 4) * 2 ** 32;
        keyEnd(buffer, page, offset);
        this.#walkPage({ ...step, page: child, level: level + 1 });
      }
    }
  }

  #leafNode({ page, what, counts, onValue }: WalkStep, buffer: Buffer, offset: number): void {
    const start = keyEnd(buffer, page, offset);
    const sizeBytes = buffer.readUInt32LE(offset);
    const kind = buffer.readUInt16LE(offset + 4);
    if (kind === nodeFlags.bigData) {
      if (start + 3 * wordBytes > buffer.length) throw new Damage(`page ${page} has an entry over its end`);
      const first = numberAt(buffer, start);
      counts.overflows += this.#overflow({ first, sizeBytes, what, onValue });
      return;
    }
    if (kind !== 0 || start + sizeBytes > buffer.length) throw new Damage(`page ${page} has an entry over its end`);
    onValue(buffer.subarray(start, start + sizeBytes));
  }

  /** The pages of a value that is too large for a leaf. */
  #overflow(run: { first: number; sizeBytes: number; what: string; onValue: (value: Buffer) => void }): number {
    const { first, sizeBytes, what } = run;
    const { pageSize } = this.#meta;
    const pages = Math.floor((headerBytes - 1 + sizeBytes) / pageSize) + 1;
    for (let page = first; page < first + pages; page++) this.#take(page, what);
    const header = this.#read(first * pageSize, headerBytes, `page ${first}`);
    const isSound =
      numberAt(header, 0) === first && header.readUInt16LE(18) === flags.overflow && header.readUInt32LE(20) === pages;
    if (!isSound) throw new Damage(`page ${first} does not start a value of ${pages} pages`);
    if (what === 'free pages') run.onValue(this.#read(first * pageSize + headerBytes, sizeBytes, `page ${first}`));
    return pages;
  }

  /** A list is a count and that many numbers: a page, a negative length before the page it starts at, or 0 for none. */
  #takeFree(list: Buffer): void {
    const words = list.length / wordBytes;
    const count = words < 1 ? 0 : Number(list.readBigInt64LE(0));
    if (!Number.isInteger(words) || count < 0 || count >= words) throw new Damage('a list of free pages is unreadable');
    let length = 1;
    for (let index = 1; index <= count; index++) {
      const word = Number(list.readBigInt64LE(index * wordBytes));
      if (word < 0) length = -word;
      if (word <= 0) continue;
      if (length > this.#seen.length) throw new Damage(`a list of free pages has a run of ${length}`);
      for (let page = word; page < word + length; page++) this.#take(page, 'free pages');
      length = 1;
    }
  }

  #page(page: number, what: string): Buffer {
    this.#take(page, what);
    const { pageSize } = this.#meta;
    const buffer = this.#read(page * pageSize, pageSize, `page ${page}`);
    if (numberAt(buffer, 0) !== page) throw new Damage(`page ${page} says it is page ${numberAt(buffer, 0)}`);
    return buffer;
  }

  /** Every page has one use. */
  #take(page: number, what: string): void {
    if (page < 2 || page >= this.#seen.length) throw new Damage(`the ${what} name page ${page}, which does not exist`);
    if (this.#seen[page] === 1) throw new Damage(`page ${page} has two uses`);
    this.#seen[page] = 1;
  }

  #read(offset: number, sizeBytes: number, what: string): Buffer {
    const buffer = Buffer.allocUnsafe(sizeBytes);
    const bytes = readSync(this.#file, buffer, 0, sizeBytes, offset);
    if (bytes < sizeBytes) throw new Damage(`${what} is not there: the file ends at ${offset + bytes}`);
    return buffer;
  }
}

interface WalkStep {
  readonly page: number;
  readonly level: number;
  readonly root: Tree;
  readonly what: string;
  readonly counts: { branches: number; leaves: number; overflows: number; entries: number };
  readonly onValue: (value: Buffer) => void;
}

/** Offsets of the nodes of a page. */
function nodesOf(buffer: Buffer, page: number): number[] {
  const lower = buffer.readUInt16LE(20);
  const upper = buffer.readUInt16LE(22);
  const room = buffer.length - headerBytes;
  if (lower % 2 !== 0 || lower > upper || upper > room) throw new Damage(`page ${page} has an impossible layout`);
  return Array.from({ length: lower / 2 }, (_, index) => {
    const offset = buffer.readUInt16LE(headerBytes + index * 2) + headerBytes;
    if (offset < headerBytes + upper || offset + nodeHeaderBytes > buffer.length) {
      throw new Damage(`page ${page} has an entry outside`);
    }
    return offset;
  });
}

/** Where the key of a node ends and its value starts. */
function keyEnd(buffer: Buffer, page: number, offset: number): number {
  const end = offset + nodeHeaderBytes + buffer.readUInt16LE(offset + 6);
  if (end > buffer.length) throw new Damage(`page ${page} has a key over its end`);
  return end;
}

function treeAt(buffer: Buffer, offset: number): Tree {
  const root = buffer.readBigUInt64LE(offset + tree.root);
  return {
    depth: buffer.readUInt16LE(offset + tree.depth),
    branches: numberAt(buffer, offset + tree.branches),
    leaves: numberAt(buffer, offset + tree.leaves),
    overflows: numberAt(buffer, offset + tree.overflows),
    entries: numberAt(buffer, offset + tree.entries),
    root: root === noPage ? undefined : Number(root),
  };
}

/** A 64-bit number; sizes and counts are far below the precision of a double. */
function numberAt(buffer: Buffer, offset: number): number {
  return Number(buffer.readBigUInt64LE(offset));
}
