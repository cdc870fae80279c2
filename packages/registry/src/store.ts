/** Images on disk: blobs by digest, shared between repositories; each repository links what it holds. */

import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, isRecord, systemRandom, toTimestamp, uuid, type Clock, type Random } from '@towpath/kit';
import { algorithmOf, digestOf, hexOf, isDigest } from './digest.ts';
import type { Descriptor } from './media-types.ts';
import { isRepository } from './reference.ts';
import { openUpload, type Upload } from './upload.ts';

export interface OciStoreOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly random?: Random;
}

export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface StoredTag {
  readonly name: string;
  readonly digest: string;
  /** RFC 3339 */
  readonly pushedAt: string;
}

/**
 * Folder layout: blobs/ALG/xx/HEX · repositories/NAME/{_blobs,_manifests,_tags,_referrers} · uploads/.
 * Every file is written beside its place and renamed, so that readers and a kill see all of it or nothing.
 */
export class OciStore {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: OciStoreOptions) {
    this.#dir = options.dir;
    this.#clock = options.clock;
    this.#random = options.random ?? systemRandom;
  }

  /** Size in bytes of a blob the repository holds, or undefined. */
  async blobSize(repository: string, digest: string): Promise<number | undefined> {
    if (!(await exists(this.#link(repository, '_blobs', digest)))) return undefined;
    return sizeOf(this.#blobFile(digest));
  }

  /** Size of a blob any repository holds, or undefined. */
  async sharedBlobSize(digest: string): Promise<number | undefined> {
    return sizeOf(this.#blobFile(digest));
  }

  /** The bytes from `start` to `end`, both included. */
  readBlob(digest: string, range: { start?: number; end?: number } = {}): ReadStream {
    return createReadStream(this.#blobFile(digest), range);
  }

  /** Lets a repository hold a blob that is already stored; false when it is not. */
  async linkBlob(repository: string, digest: string): Promise<boolean> {
    if ((await sizeOf(this.#blobFile(digest))) === undefined) return false;
    await this.#write(this.#link(repository, '_blobs', digest), '');
    return true;
  }

  /** False when the repository did not hold it. The bytes stay for others. */
  async unlinkBlob(repository: string, digest: string): Promise<boolean> {
    const link = this.#link(repository, '_blobs', digest);
    if (!(await exists(link))) return false;
    await rm(link, { force: true });
    return true;
  }

  /** Starts an upload, or goes on with one that a restart interrupted. */
  async upload(id?: string): Promise<Upload | undefined> {
    if (id !== undefined && !/^[0-9a-f-]{36}$/.test(id)) return undefined;
    const file = join(this.#dir, 'uploads', id ?? uuid(this.#random));
    if (id === undefined) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, '', { flag: 'wx' });
    } else if (!(await exists(file))) return undefined;
    return openUpload(file);
  }

  /** Moves a finished upload to its place; false when its bytes have another digest (the upload is gone then). */
  async finishUpload(repository: string, upload: Upload, digest: string): Promise<boolean> {
    const actual = await upload.finish(algorithmOf(digest));
    if (actual !== digest) {
      await upload.cancel();
      return false;
    }
    const target = this.#blobFile(digest);
    await mkdir(dirname(target), { recursive: true });
    await rename(upload.file, target);
    await this.#write(this.#link(repository, '_blobs', digest), '');
    return true;
  }

  /** Stores bytes in one step and returns their digest. */
  async putBlob(repository: string, bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    if ((await this.sharedBlobSize(digest)) === undefined) await this.#write(this.#blobFile(digest), bytes);
    await this.linkBlob(repository, digest);
    return digest;
  }

  /** By tag or digest. */
  async manifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const digest = isDigest(reference) ? reference : (await this.#tag(repository, reference))?.digest;
    if (digest === undefined) return undefined;
    const record = await readJson(this.#link(repository, '_manifests', digest));
    const mediaType = isRecord(record) ? record['mediaType'] : undefined;
    if (typeof mediaType !== 'string') return undefined;
    const bytes = await readOptional(this.#blobFile(digest));
    return bytes === undefined ? undefined : { digest, mediaType, bytes };
  }

  /** Stores a manifest under its digest and, when given, under tags. */
  async putManifest(
    repository: string,
    manifest: StoredManifest,
    options: { readonly tags?: readonly string[]; readonly subject?: Descriptor & { readonly of: string } } = {},
  ): Promise<void> {
    const { digest, mediaType, bytes } = manifest;
    await this.#write(this.#blobFile(digest), bytes);
    await this.#write(this.#link(repository, '_blobs', digest), '');
    await this.#write(this.#link(repository, '_manifests', digest), JSON.stringify({ mediaType }));
    if (options.subject !== undefined) {
      const { of, ...descriptor } = options.subject;
      const file = join(this.#link(repository, '_referrers', of), digest.replace(':', '-'));
      await this.#write(file, JSON.stringify(descriptor));
    }
    for (const tag of options.tags ?? []) {
      const record = { digest, pushedAt: toTimestamp(this.#clock.nowMs()) };
      await this.#write(this.#tagFile(repository, tag), JSON.stringify(record));
    }
  }

  /** Removes a manifest and every tag on it; false when there was none. */
  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    const link = this.#link(repository, '_manifests', digest);
    if (!(await exists(link))) return false;
    for (const tag of await this.tags(repository)) {
      if (tag.digest === digest) await rm(this.#tagFile(repository, tag.name), { force: true });
    }
    await rm(link, { force: true });
    await rm(this.#link(repository, '_blobs', digest), { force: true });
    const referrers = join(this.#repositoryDir(repository), '_referrers');
    for (const subject of await list(referrers)) {
      await rm(join(referrers, subject, digest.replace(':', '-')), { force: true });
    }
    return true;
  }

  async deleteTag(repository: string, tag: string): Promise<boolean> {
    if ((await this.#tag(repository, tag)) === undefined) return false;
    await rm(this.#tagFile(repository, tag), { force: true });
    return true;
  }

  /** Sorted by name. */
  async tags(repository: string): Promise<StoredTag[]> {
    const names = await list(join(this.#repositoryDir(repository), '_tags'));
    const tags = await Promise.all(names.map((name) => this.#tag(repository, name)));
    return tags.filter((tag) => tag !== undefined);
  }

  /** Descriptors of manifests whose subject is `digest`. */
  async referrers(repository: string, digest: string): Promise<Descriptor[]> {
    const folder = this.#link(repository, '_referrers', digest);
    const records = await Promise.all((await list(folder)).map((name) => readJson(join(folder, name))));
    return records.filter((record): record is Descriptor & Record<string, unknown> => isRecord(record));
  }

  async hasRepository(repository: string): Promise<boolean> {
    return exists(this.#repositoryDir(repository));
  }

  /** Names of all repositories that hold something, sorted. */
  async repositories(): Promise<string[]> {
    const found: string[] = [];
    const visit = async (folder: string, name: string): Promise<void> => {
      const entries = await list(folder);
      if (entries.some((entry) => entry.startsWith('_'))) found.push(name);
      for (const entry of entries) {
        if (!entry.startsWith('_')) await visit(join(folder, entry), name === '' ? entry : `${name}/${entry}`);
      }
    };
    await visit(join(this.#dir, 'repositories'), '');
    return found.filter(isRepository).toSorted();
  }

  async #tag(repository: string, name: string): Promise<StoredTag | undefined> {
    const record = await readJson(this.#tagFile(repository, name));
    if (!isRecord(record) || typeof record['digest'] !== 'string') return undefined;
    return { name, digest: record['digest'], pushedAt: String(record['pushedAt'] ?? '') };
  }

  #blobFile(digest: string): string {
    const hex = hexOf(digest);
    return join(this.#dir, 'blobs', algorithmOf(digest), hex.slice(0, 2), hex);
  }

  #repositoryDir(repository: string): string {
    return join(this.#dir, 'repositories', repository);
  }

  #link(repository: string, kind: '_blobs' | '_manifests' | '_referrers', digest: string): string {
    return join(this.#repositoryDir(repository), kind, digest.replace(':', '-'));
  }

  #tagFile(repository: string, tag: string): string {
    return join(this.#repositoryDir(repository), '_tags', tag);
  }

  async #write(file: string, content: string | Uint8Array): Promise<void> {
    const fresh = join(this.#dir, 'uploads', `${uuid(this.#random)}.new`);
    await mkdir(dirname(fresh), { recursive: true });
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(fresh, 'wx');
    try {
      await handle.writeFile(content);
      if (content.length > 0) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
  }
}

async function exists(file: string): Promise<boolean> {
  return (await sizeOf(file)) !== undefined;
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function readOptional(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function readJson(file: string): Promise<unknown> {
  const bytes = await readOptional(file);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
