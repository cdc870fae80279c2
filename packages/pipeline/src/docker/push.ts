/** Pushes an image from the local store to a registry, saying what `docker push` says. */

import {
  formatImageReference,
  parseImageConfig,
  parseImageReference,
  parseManifest,
  type RegistryClient,
} from '@towpath/registry';
import type { LocalImages } from './local-store.ts';

export interface PushOptions {
  readonly name: string;
  readonly images: LocalImages;
  readonly client: RegistryClient;
  readonly say: (line: string) => void;
}

/** Returns the manifest's digest. Throws `DOCKER_IMAGE` or an error of the registry. */
export async function pushImage(options: PushOptions): Promise<string> {
  const { name, images, client, say } = options;
  const reference = parseImageReference(name);
  const tag = reference.tag ?? 'latest';
  const stored = await images.get(name);
  const manifest = parseManifest(stored.bytes, name);
  const { repository } = reference;
  say(`The push refers to repository [${formatImageReference({ ...reference, tag: undefined, digest: undefined })}]`);
  const read = (digest: string): AsyncIterable<Uint8Array> =>
    images.store.readBlob(digest) as AsyncIterable<Uint8Array>;
  const configBytes = await collect(read(manifest.config.digest));
  const diffIds = parseImageConfig(configBytes, name).rootfs.diff_ids;
  const short = (index: number): string => (diffIds[index] ?? 'sha256:').slice('sha256:'.length, 'sha256:'.length + 12);
  for (const index of manifest.layers.keys()) say(`${short(index)}: Preparing`);
  for (const [index, layer] of manifest.layers.entries()) {
    const source = { digest: layer.digest, sizeBytes: layer.size, open: () => read(layer.digest) };
    const outcome = await client.pushBlob(repository, source);
    say(`${short(index)}: ${{ existed: 'Layer already exists', mounted: 'Mounted', pushed: 'Pushed' }[outcome]}`);
  }
  const { digest: configDigest, size } = manifest.config;
  await client.pushBlob(repository, { digest: configDigest, sizeBytes: size, open: () => read(configDigest) });
  const digest = await client.pushManifest(repository, tag, { mediaType: stored.mediaType, bytes: stored.bytes });
  say(`${tag}: digest: ${digest} size: ${stored.bytes.length}`);
  return digest;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
