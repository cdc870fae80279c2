/** Layers: whiteouts, links that try to leave, overwritten kinds. */

import { mkdtemp, readdir, readFile, rm, symlink, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ImageLayer } from './image-source.ts';
import { resolveInside, unpackLayers } from './unpack.ts';

type Entry = { name: string; content?: string; type?: 'directory' | 'symlink' | 'link'; linkname?: string };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-unpack-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function layer(entries: Entry[], gzip = false): ImageLayer {
  return {
    digest: 'sha256:x',
    mediaType: `application/vnd.oci.image.layer.v1.tar${gzip ? '+gzip' : ''}`,
    async *open() {
      const archive = pack();
      for (const { name, content = '', type = 'file', linkname } of entries) {
        archive.entry({ name, type, ...(linkname !== undefined && { linkname }) }, type === 'file' ? content : '');
      }
      archive.finalize();
      const chunks: Uint8Array[] = [];
      for await (const chunk of archive) chunks.push(chunk as Uint8Array);
      yield gzip ? gzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks);
    },
  };
}

async function files(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).toSorted();
}

test('later layers add, replace and remove', async () => {
  const root = join(dir, 'rootfs');
  await unpackLayers(
    [
      layer(
        [{ name: 'a/', type: 'directory' }, { name: 'a/one', content: '1' }, { name: 'a/two' }, { name: 'b/three' }],
        true,
      ),
      layer([{ name: 'a/one', content: 'new' }, { name: 'a/.wh.two' }, { name: 'b/.wh..wh..opq' }, { name: 'b/four' }]),
    ],
    root,
  );
  expect(await files(root)).toEqual(['a', 'a/one', 'b', 'b/four']);
  expect(await readFile(join(root, 'a/one'), 'utf8')).toBe('new');
});

test('paths and links stay inside', async () => {
  const root = join(dir, 'rootfs');
  await writeFile(join(dir, 'outside'), 'safe');
  await unpackLayers(
    [
      layer([
        { name: '../outside', content: 'x' },
        { name: '/abs', content: 'y' },
        { name: 'up', type: 'symlink', linkname: '../..' },
        { name: 'up/escaped', content: 'z' },
        { name: 'root', type: 'symlink', linkname: '/' },
        { name: 'root/also', content: 'z' },
        { name: 'hard', type: 'link', linkname: '../abs' },
      ]),
    ],
    root,
  );
  expect(await readFile(join(dir, 'outside'), 'utf8')).toBe('safe');
  expect((await readdir(dir)).toSorted()).toEqual(['outside', 'rootfs']);
  expect((await readdir(root)).toSorted()).toEqual(['abs', 'also', 'escaped', 'hard', 'outside', 'root', 'up']);
  expect(await readFile(join(root, 'hard'), 'utf8')).toBe('y');
});

test('zstd is refused by name', async () => {
  const zstd = { ...layer([]), mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' };
  await expect(unpackLayers([zstd], join(dir, 'rootfs'))).rejects.toMatchObject({ code: 'IMAGE_LAYER_INVALID' });
});

test.each([
  { path: '/var/run/x', expected: 'run/x' },
  { path: '/loop', expected: undefined },
  { path: '../../etc', expected: 'etc' },
  { path: '/missing/deep', expected: 'missing/deep' },
])('$path resolves to $expected', async ({ path, expected }) => {
  await mkdir(join(dir, 'var'));
  await symlink('/run', join(dir, 'var/run'));
  await symlink('loop', join(dir, 'loop'));
  const resolved = resolveInside(dir, path);
  if (expected === undefined) await expect(resolved).rejects.toMatchObject({ code: 'IMAGE_LAYER_INVALID' });
  else expect(await resolved).toBe(expected);
});
