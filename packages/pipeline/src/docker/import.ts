/** Takes an image over from an OCI archive, as podman, buildah and docker save write it. */

import { createReadStream } from 'node:fs';
import { isRecord } from '@towpath/kit';
import {
  isDigest,
  isIndexType,
  mediaTypes,
  parseImageReference,
  parseManifest,
  selectPlatform,
  type Platform,
} from '@towpath/registry';
import { extract } from 'tar-stream';
import { pipelineError } from '../errors.ts';
import type { LocalImages } from './local-store.ts';

export interface ImportOptions {
  /** The tar file. */
  readonly file: string;
  /** Names the image gets. */
  readonly tags: readonly string[];
  readonly images: LocalImages;
  readonly platform: Platform;
}

const maxIndexBytes = 4 * 1024 * 1024;

/** Returns the image id. Throws `DOCKER_IMAGE`. Source: OCI image layout specification. */
export async function importArchive(options: ImportOptions): Promise<string> {
  const { images, tags } = options;
  const [first = 'towpath.local/unnamed:latest'] = tags;
  const reference = parseImageReference(first);
  const repository = images.repository(reference);
  const index = await readArchive(options, repository);
  const digest = await manifestDigest(index, options);
  const bytes = await readBlob(images, digest);
  const manifest = parseManifest(bytes, first);
  for (const { digest: blob } of [manifest.config, ...manifest.layers]) {
    if ((await images.store.blobSize(repository, blob)) === undefined)
      throw damaged(options.file, `the blob ${blob} is missing`);
  }
  const stored = { digest, mediaType: mediaTypeOf(bytes), bytes };
  await images.store.putManifest(repository, stored, { tags: [reference.tag ?? 'latest'] });
  for (const other of tags.slice(1)) await images.tag(first, other);
  return manifest.config.digest;
}

/** Stores every blob and returns index.json. */
async function readArchive({ file, images }: ImportOptions, repository: string): Promise<Buffer> {
  let index: Buffer | undefined;
  const archive = createReadStream(file).pipe(extract());
  for await (const entry of archive) {
    // An entry is a stream of bytes; its type does not say so.
    const chunks = entry as unknown as AsyncIterable<Uint8Array>;
    const name = entry.header.name.replace(/^\.\//, '');
    const blob = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name);
    const digest = blob === null ? '' : `${blob[1]}:${blob[2]}`;
    if (isDigest(digest) && entry.header.type === 'file') await storeBlob({ images, repository, digest, chunks });
    else if (name === 'index.json' && (entry.header.size ?? 0) <= maxIndexBytes) index = await collect(chunks);
    else entry.resume();
  }
  if (index === undefined) throw damaged(file, 'it has no index.json');
  return index;
}

async function storeBlob(options: {
  images: LocalImages;
  repository: string;
  digest: string;
  chunks: AsyncIterable<Uint8Array>;
}): Promise<void> {
  const { store } = options.images;
  const upload = await store.upload();
  if (upload === undefined) throw damaged('the local image store', 'it cannot be written');
  await upload.append(options.chunks, Number.MAX_SAFE_INTEGER);
  if (!(await store.finishUpload(options.repository, upload, options.digest))) {
    throw damaged(options.digest, 'its bytes have another digest');
  }
}

/** Follows an index in an index (docker with its containerd store) once. */
async function manifestDigest(index: Buffer, options: ImportOptions): Promise<string> {
  const value: unknown = JSON.parse(index.toString('utf8'));
  const entries = isRecord(value) && Array.isArray(value['manifests']) ? (value['manifests'] as unknown[]) : [];
  const [entry] = entries;
  const digest = isRecord(entry) ? entry['digest'] : undefined;
  const mediaType = isRecord(entry) ? entry['mediaType'] : undefined;
  if (typeof digest !== 'string' || !isDigest(digest)) throw damaged(options.file, 'its index names no image');
  if (typeof mediaType !== 'string' || !isIndexType(mediaType)) return digest;
  const inner = selectPlatform(await readBlob(options.images, digest), options.platform);
  if (inner === undefined) throw damaged(options.file, `it has no image for ${options.platform.architecture}`);
  return inner;
}

function mediaTypeOf(bytes: Buffer): string {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  const mediaType = isRecord(value) ? value['mediaType'] : undefined;
  return typeof mediaType === 'string' ? mediaType : mediaTypes.ociManifest;
}

function readBlob(images: LocalImages, digest: string): Promise<Buffer> {
  return collect(images.store.readBlob(digest) as AsyncIterable<Uint8Array>);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

function damaged(what: string, because: string): Error {
  return pipelineError('DOCKER_IMAGE', `the image archive ${what} cannot be read: ${because}`, {
    next: 'build the image again',
  });
}
