/** Volumes: the layout with ..data, and what changes when files do. */

import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeAtomically, type VolumeFiles } from './atomic-writer.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-volume-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function files(entries: Record<string, string>): VolumeFiles {
  return new Map(Object.entries(entries).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o644 }]));
}

test('files appear through ..data, are swapped together and go when they are gone', async () => {
  expect(await writeAtomically(dir, files({ a: '1', 'deep/b': '2' }))).toBe(true);
  const first = await readlink(join(dir, '..data'));
  expect(await readlink(join(dir, 'a'))).toBe('..data/a');
  expect(await readFile(join(dir, 'deep/b'), 'utf8')).toBe('2');

  expect(await writeAtomically(dir, files({ a: '1', 'deep/b': '2' }))).toBe(false);
  expect(await readlink(join(dir, '..data'))).toBe(first);

  expect(await writeAtomically(dir, files({ a: 'new', c: '3' }))).toBe(true);
  const second = await readlink(join(dir, '..data'));
  expect(second).not.toBe(first);
  expect((await readdir(dir)).toSorted()).toEqual(['..data', second, 'a', 'c']);
  expect(await readFile(join(dir, 'a'), 'utf8')).toBe('new');
});

test.each(['../x', '/x', 'a/../../x', '..x'])('the path %s is refused', async (path) => {
  await expect(writeAtomically(dir, files({ [path]: '' }))).rejects.toThrow('invalid path');
});
