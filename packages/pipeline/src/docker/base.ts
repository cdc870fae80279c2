/** Finds the base image of a build: locally, in the embedded registry, in the registry its name means. */

import {
  parseImageConfig,
  parseImageReference,
  parseManifest,
  pullImage,
  type Credentials,
  type Platform,
} from '@towpath/registry';
import { codeOf } from '@towpath/kit';
import type { BaseImage } from './build.ts';
import type { LocalImages } from './local-store.ts';

export interface FindBaseOptions {
  readonly images: LocalImages;
  /** Address of the embedded registry, when one runs. */
  readonly registryUrl: string | undefined;
  readonly platform: Platform;
  /** Also ask Docker Hub for names without a host. */
  readonly pull: boolean;
  readonly credentials: (host: string) => Credentials | undefined;
}

/**
 * Undefined when the base cannot be reached. A name without a host is not asked for at Docker Hub unless told to:
 * the result would depend on the network, and on its limits.
 */
export async function findBase(name: string, options: FindBaseOptions): Promise<BaseImage | undefined> {
  const { images, registryUrl, platform } = options;
  const local = await images.find(name);
  if (local !== undefined) {
    const manifest = parseManifest(local.bytes, name);
    const chunks: Uint8Array[] = [];
    for await (const chunk of images.store.readBlob(manifest.config.digest)) chunks.push(chunk as Uint8Array);
    return {
      config: parseImageConfig(Buffer.concat(chunks), name),
      layers: manifest.layers,
      open: (digest) => images.store.readBlob(digest) as AsyncIterable<Uint8Array>,
    };
  }
  const hasHost = parseImageReference(name).host !== undefined;
  if (registryUrl === undefined && !hasHost && !options.pull) return undefined;
  try {
    const pulled = await pullImage(name, {
      mirror: registryUrl,
      mirrorOnly: !hasHost && !options.pull,
      platform,
      credentials: options.credentials,
      timeoutMs: 5_000,
    });
    return { config: pulled.config, layers: pulled.layers, open: (digest) => pulled.openBlob(digest) };
  } catch (error) {
    if (codeOf(error) === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  }
}
