/** Puts an image together in a local store: layers, configuration, manifest; the same input gives the same digest. */

import { digestOf } from '../digest.ts';
import { mediaTypes, type Descriptor } from '../media-types.ts';
import type { OciStore } from '../store.ts';
import { encodeConfig, encodeManifest, type ImageConfig } from './model.ts';

export interface AssembleOptions {
  readonly store: OciStore;
  readonly repository: string;
  readonly tag: string;
  readonly config: ImageConfig;
  /** In order, base layers first; their blobs must be in the store already. */
  readonly layers: readonly Descriptor[];
}

export interface AssembledImage {
  readonly manifestDigest: string;
  /** The image id. */
  readonly configDigest: string;
}

/** Writes configuration and manifest and tags the result. */
export async function assembleImage(options: AssembleOptions): Promise<AssembledImage> {
  const { store, repository, tag, layers } = options;
  const configBytes = encodeConfig(options.config);
  const configDigest = await store.putBlob(repository, configBytes);
  for (const layer of layers) await store.linkBlob(repository, layer.digest);
  const bytes = encodeManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: configDigest, size: configBytes.length },
    layers,
  });
  const manifestDigest = digestOf(bytes);
  await store.putManifest(
    repository,
    { digest: manifestDigest, mediaType: mediaTypes.ociManifest, bytes },
    { tags: [tag] },
  );
  return { manifestDigest, configDigest };
}
