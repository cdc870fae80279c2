/** Layers to a folder: whiteouts applied, and every path and link kept inside. */

import { createWriteStream } from 'node:fs';
import { chmod, lchown, link, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { TowpathError } from '@towpath/kit';
import { extract, type Header } from 'tar-stream';
import type { ImageLayer } from './image-source.ts';

const whiteout = '.wh.';
const opaqueWhiteout = '.wh..wh..opq';
/** No image entry is nested deeper; a longer chain of links is a circle. */
const maxLinks = 40;

export interface UnpackOptions {
  /** Files belong to whom the image says, which root alone can do; else all of them to this user. */
  readonly owners?: boolean;
}

/** Applies layers in order to `root`. Throws `IMAGE_LAYER_INVALID` naming the entry. Source: OCI image-spec, layer.md. */
export async function unpackLayers(
  layers: readonly ImageLayer[],
  root: string,
  options: UnpackOptions = {},
): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const layer of layers) await unpackLayer(layer, root, options.owners === true);
}

async function unpackLayer(layer: ImageLayer, root: string, owners: boolean): Promise<void> {
  const { mediaType } = layer;
  if (mediaType.endsWith('zstd')) {
    throw new TowpathError('IMAGE_LAYER_INVALID', `layer ${layer.digest} is compressed with zstd, which is not read`, {
      next: 'push the image with gzip or uncompressed layers',
    });
  }
  const unpacker = extract();
  const bytes = Readable.from(layer.open(), { objectMode: false });
  const reading = mediaType.endsWith('gzip') ? pipeline(bytes, createGunzip(), unpacker) : pipeline(bytes, unpacker);
  const writing = (async () => {
    const written = new Set<string>();
    for await (const entry of unpacker) {
      // Its chunks are buffers; the library's own type does not say so.
      const content = entry as unknown as AsyncIterable<Uint8Array>;
      await place(entry.header, content, { root, written, owners, digest: layer.digest });
      entry.resume();
    }
  })();
  await Promise.all([reading, writing]);
}

interface Target {
  readonly root: string;
  /** Paths this layer wrote: an opaque folder keeps them. */
  readonly written: Set<string>;
  readonly owners: boolean;
  readonly digest: string;
}

async function place(header: Header, content: AsyncIterable<Uint8Array>, target: Target): Promise<void> {
  const name = posix.normalize(`/${header.name}`).slice(1).replace(/\/$/, '');
  if (name === '' || name === '.') return;
  const folder = await insideFolder(target.root, posix.dirname(name), target.digest);
  const base = basename(name);
  if (base === opaqueWhiteout) return clear(folder, target.written);
  if (base.startsWith(whiteout)) {
    return rm(join(folder, base.slice(whiteout.length)), { recursive: true, force: true });
  }
  const path = join(folder, base);
  target.written.add(path);
  const present = await lstat(path).catch(() => undefined);
  if (header.type === 'directory') {
    if (present !== undefined && !present.isDirectory()) await rm(path, { force: true });
    await mkdir(path, { recursive: true });
    await own(path, header, target);
    // The owner must be able to work in it, whatever the image says.
    return chmod(path, header.mode | 0o700);
  }
  if (present !== undefined) await rm(path, { recursive: true, force: true });
  if (header.type === 'file' || header.type === 'contiguous-file') {
    await pipeline(content, createWriteStream(path, { mode: header.mode | 0o600 }));
    await own(path, header, target);
    return chmod(path, (header.mode & 0o777) | 0o400);
  }
  if (header.type === 'symlink') {
    await symlink(header.linkname, path);
    return own(path, header, target);
  }
  if (header.type === 'link') {
    const source = posix.normalize(`/${header.linkname}`).slice(1);
    const sourceFolder = await insideFolder(target.root, posix.dirname(source), target.digest);
    return link(join(sourceFolder, basename(source)), path);
  }
  // Devices and pipes need rights this node does not have; images rarely hold them.
}

async function own(path: string, header: Header, target: Target): Promise<void> {
  if (target.owners) await lchown(path, header.uid ?? 0, header.gid ?? 0);
}

async function clear(folder: string, written: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (![...written].some((kept) => kept === path || kept.startsWith(`${path}/`))) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** The real folder of `path` below `root`, links followed as if `root` were `/`, missing parts made. */
async function insideFolder(root: string, path: string, digest: string): Promise<string> {
  const real = await resolveInside(root, path, digest);
  const folder = join(root, real);
  const present = await lstat(folder).catch(() => undefined);
  if (present !== undefined && !present.isDirectory()) await rm(folder, { force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/**
 * Follows every link of `path` inside `root` and returns a path without links, relative to it.
 * `..` and absolute links stop at `root`. Throws `IMAGE_LAYER_INVALID` on a circle.
 */
export async function resolveInside(root: string, path: string, what = 'the image'): Promise<string> {
  let rest = path.split('/').filter((part) => part !== '' && part !== '.');
  let done: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const [part = '', ...others] = rest;
    rest = others;
    if (part === '..') {
      done.pop();
      continue;
    }
    const target = await readlink(join(root, ...done, part)).catch(() => undefined);
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (++links > maxLinks) {
      throw new TowpathError('IMAGE_LAYER_INVALID', `the links of ${path} in ${what} form a circle`);
    }
    if (target.startsWith('/')) done = [];
    rest = [...target.split('/').filter((one) => one !== '' && one !== '.'), ...rest];
  }
  return done.join('/');
}
