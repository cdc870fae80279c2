/** Store files that were cut off, torn, changed or made unreadable: refused and left alone, or everything is there. */

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, seededRandom, systemClock, TowpathError, type Random } from '@towpath/kit';
import { openLmdbStore } from '../../store/lmdb-store.ts';

const memoryFolder = '/dev/shm';
const pageBytes = 4096;
const sectorBytes = 512;
const batches = 120;
/** The last ones, which LMDB does not have yet when the sample is taken. */
const inLogOnly = 20;
/** Longer than LMDB lags behind. */
const followedMs = 4_000;
const keyCount = 90;
/** Writes after damage that was not refused: it must not come out later either. */
const writesAfter = 12;
const maxPrinted = 20;
const dataName = 'data.mdb';
/** One damage of so many hits another file than the data. */
const otherFileEvery = 4;
/** Another user than the owner, for files that may not be read. */
const nobody = 65_534;
const refusals = new Set(['STORE_CORRUPT', 'STORE_FOREIGN', 'STORE_NEWER', 'STORE_UNREADABLE']);

interface Sample {
  readonly root: string;
  /** A folder with a store, closed. */
  readonly dir: string;
  readonly model: ReadonlyMap<string, string>;
  /** The data file some transactions before. */
  readonly earlier: Buffer;
}

interface Outcome {
  refused: number;
  intact: number;
  readonly violations: string[];
}

/** The number of violations. */
export async function runDamage(options: {
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}): Promise<number> {
  const { count, seed, print } = options;
  // In memory where there is such a folder: nothing here depends on the disk.
  const root = await mkdtemp(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'towpath-damage-'));
  const random = seededRandom(seed);
  try {
    const sample = await makeSample(root, random);
    const cut = newOutcome();
    for (const name of [dataName, 'wal-0']) await truncations(sample, name, cut);
    report('truncated files', cut, print);
    const torn = newOutcome();
    for (let index = 0; index < count; index++) await damageOnce({ sample, random, index, outcome: torn });
    report(`damaged files, seed ${seed}`, torn, print);
    const unreadable = await readErrors(sample);
    report('read errors', unreadable, print);
    return cut.violations.length + torn.violations.length + unreadable.violations.length;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function newOutcome(): Outcome {
  return { refused: 0, intact: 0, violations: [] };
}

function report(name: string, { refused, intact, violations }: Outcome, print: (line: string) => void): void {
  for (const violation of violations.slice(0, maxPrinted)) print(`  VIOLATION ${violation}`);
  print(`${name}: ${refused} refused, ${intact} with everything there, ${violations.length} violations`);
}

async function makeSample(root: string, random: Random): Promise<Sample> {
  const dir = join(root, 'sample');
  const model = new Map<string, string>();
  const store = await openLmdbStore({ dir });
  // Batches apart from each other: LMDB has the earlier ones.
  let earlier = Buffer.alloc(0);
  for (let batch = 0; batch < batches; batch++) {
    if (batch === batches - inLogOnly) {
      await systemClock.sleep(followedMs);
      earlier = await readFile(join(dir, dataName));
      await store.commit([]);
      await systemClock.sleep(followedMs);
    }
    await store.commit(
      Array.from({ length: 1 + random.integer(6) }, () => {
        const key = `o/core/configmaps default/${random.integer(keyCount)}`;
        if (random.integer(4) === 0) {
          model.delete(key);
          return { key, value: undefined };
        }
        const value = `${batch} ${'x'.repeat(random.integer(random.integer(10) === 0 ? 20_000 : 2_000))}`;
        model.set(key, value);
        return { key, value };
      }),
    );
  }
  // As a kill leaves it: the last batches are in the log only.
  const left = join(root, 'left');
  await cp(dir, left, { recursive: true });
  await store.close();
  // Without space at the end: every page counts.
  for (const name of [dataName, 'wal-0']) {
    const path = join(left, name);
    await truncate(path, lastWritten(await readFile(path)) * pageBytes);
  }
  return { root, dir: left, model, earlier };
}

async function truncations(sample: Sample, name: string, outcome: Outcome): Promise<void> {
  const size = (await readFile(join(sample.dir, name))).length;
  for (let length = 0; length < size; length += pageBytes) {
    await tryStore(sample, outcome, `${name} cut to ${length} bytes`, (dir) => truncate(join(dir, name), length));
  }
}

async function damageOnce(parts: { sample: Sample; random: Random; index: number; outcome: Outcome }): Promise<void> {
  const { sample, random, index, outcome } = parts;
  if (random.integer(otherFileEvery) === 0) {
    const names = (await readdir(sample.dir)).filter((name) => name !== dataName).sort();
    const name = names[random.integer(names.length)] ?? '';
    const content = await readFile(join(sample.dir, name));
    // The log is the one large file among them: pages of it are hit as well.
    const what =
      name.startsWith('wal-') && random.integer(2) === 0 ? zeroPage(content, random) : flipBit(content, random);
    await tryStore(sample, outcome, `${index}: ${what} of ${name}`, (dir) => writeFile(join(dir, name), content));
    return;
  }
  const content = await readFile(join(sample.dir, dataName));
  const what = damagePage(content, sample, random);
  await tryStore(sample, outcome, `${index}: ${what}`, (dir) => writeFile(join(dir, dataName), content));
}

/** Changes the content, and says how. */
function damagePage(content: Buffer, sample: Sample, random: Random): string {
  const used = content.length / pageBytes;
  // The headers and the roots near them are a small part of the file, and the worst to lose.
  const page = random.integer(random.integer(4) === 0 ? 4 : used);
  const start = page * pageBytes;
  switch (random.integer(6)) {
    case 0:
      content.fill(0, start, start + pageBytes);
      return `page ${page} of zeros`;
    case 1: {
      const sector = start + random.integer(pageBytes / sectorBytes) * sectorBytes;
      content.fill(0, sector, sector + sectorBytes);
      return `zeros at ${sector}`;
    }
    case 2:
      Buffer.from(random.bytes(pageBytes)).copy(content, start);
      return `page ${page} of noise`;
    case 3:
      // The file was shorter then: what it did not have yet was not written.
      content.fill(0, start, start + pageBytes);
      if (start < sample.earlier.length) sample.earlier.copy(content, start, start, start + pageBytes);
      return `page ${page} as it was before`;
    case 4: {
      const other = random.integer(used) * pageBytes;
      content.copyWithin(start, other, other + pageBytes);
      return `page ${page} with the content of another`;
    }
    default: {
      const bytes = content.subarray(start, start + pageBytes);
      flipBit(bytes, random);
      return `a bit of page ${page}`;
    }
  }
}

/** Pages until the reserve of zeros begins. */
function lastWritten(content: Buffer): number {
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end--;
  return Math.ceil(end / pageBytes);
}

function flipBit(bytes: Buffer, random: Random): string {
  if (bytes.length > 0) {
    const at = random.integer(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
  }
  return 'a bit';
}

function zeroPage(content: Buffer, random: Random): string {
  const start = random.integer(Math.max(1, Math.ceil(content.length / pageBytes))) * pageBytes;
  content.fill(0, start, start + pageBytes);
  return `a page of zeros at ${start}`;
}

/** Damages a copy of the sample and opens it. */
async function tryStore(
  sample: Sample,
  outcome: Outcome,
  name: string,
  damage: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = join(sample.root, 'copy');
  await rm(dir, { recursive: true, force: true });
  await cp(sample.dir, dir, { recursive: true });
  await damage(dir);
  const before = await contentsOf(dir);
  let store: Awaited<ReturnType<typeof openLmdbStore>>;
  try {
    store = await openLmdbStore({ dir });
  } catch (error) {
    outcome.refused++;
    const isClear = error instanceof TowpathError && refusals.has(error.code) && error.next !== undefined;
    if (!isClear) outcome.violations.push(`${name}: refused without a clear sentence: ${messageOf(error)}`);
    if ((await contentsOf(dir)) !== before) outcome.violations.push(`${name}: refused, but the files changed`);
    return;
  }
  try {
    const model = new Map(sample.model);
    compare(store, model, `${name}: after the start`, outcome);
    for (let index = 0; index < writesAfter; index++) {
      const [key, value] = [`o/core/configmaps default/${index}`, `later ${'y'.repeat(index * 300)}`];
      await store.commit([{ key, value }]);
      model.set(key, value);
    }
    await store.close();
    store = await openLmdbStore({ dir });
    compare(store, model, `${name}: after more writes`, outcome);
    outcome.intact++;
  } catch (error) {
    outcome.violations.push(`${name}: opened, then failed: ${messageOf(error)}`);
  } finally {
    await store.close();
  }
}

function compare(
  store: Awaited<ReturnType<typeof openLmdbStore>>,
  model: ReadonlyMap<string, string>,
  name: string,
  outcome: Outcome,
): void {
  const found = new Map(store.range('o/', 'o0'));
  const lost = [...model].filter(([key, value]) => found.get(key) !== value).length;
  if (lost > 0 || found.size !== model.size) {
    outcome.violations.push(`${name}: ${lost} of ${model.size} acknowledged entries are not there`);
  }
}

/** All but LMDB's lock file, which holds nothing. */
async function contentsOf(dir: string): Promise<string> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name !== 'lock.mdb');
  const parts = await Promise.all(names.map(async ({ name }) => [name, await readFile(join(dir, name), 'latin1')]));
  return JSON.stringify(parts);
}

/** A folder in place of each file, and a user who may not read them. */
async function readErrors(sample: Sample): Promise<Outcome> {
  const outcome = newOutcome();
  for (const name of [dataName, 'acknowledged', 'towpath-store.json']) {
    await tryStore(sample, outcome, `${name} is a folder`, async (dir) => {
      await rm(join(dir, name));
      await mkdir(join(dir, name));
    });
  }
  if (process.seteuid === undefined || process.getuid?.() !== 0) return outcome;
  try {
    process.seteuid(nobody);
    await openLmdbStore({ dir: sample.dir });
    outcome.violations.push('files of another user: opened');
  } catch (error) {
    outcome.refused++;
    const isClear = error instanceof TowpathError && refusals.has(error.code);
    if (!isClear) outcome.violations.push(`files of another user: ${messageOf(error)}`);
  } finally {
    process.seteuid(0);
  }
  return outcome;
}
