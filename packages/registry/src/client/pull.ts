/** Pulls images by name: the embedded registry first, as a mirror of every other, then the registry the name means. */

import { codeOf, messageOf } from '@towpath/kit';
import { digestOf } from '../digest.ts';
import { registryError } from '../errors.ts';
import { parseImageConfig, parseManifest, selectPlatform, type ImageConfig, type Platform } from '../image/model.ts';
import { isIndexType, type Descriptor } from '../media-types.ts';
import { parseImageReference, type ImageReference } from '../reference.ts';
import type { Credentials } from './auth.ts';
import { RegistryClient, type RemoteManifest } from './client.ts';

export interface PullOptions {
  /** Address of the embedded registry, e.g. http://127.0.0.1:5000; asked first for every name. */
  readonly mirror?: string | undefined;
  /** Ask only the mirror. */
  readonly mirrorOnly?: boolean;
  readonly platform: Platform;
  readonly credentials?: (host: string) => Credentials | undefined;
  /** Hosts that may be asked over plain http. */
  readonly insecureHosts?: readonly string[];
  readonly fetch?: typeof fetch;
  readonly timeoutMs?: number;
}

export interface PulledImage {
  readonly reference: ImageReference;
  /** Of the image's manifest (not of the index it was found in). */
  readonly digest: string;
  readonly manifestBytes: Buffer;
  readonly manifestType: string;
  /** The configuration's own digest: what `docker images` calls the image id. */
  readonly configDigest: string;
  readonly configBytes: Buffer;
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  /** Compressed as the descriptor says; throws at the end when the digest is wrong. */
  openBlob(digest: string): AsyncGenerator<Uint8Array, void, undefined>;
  /** Host of the registry it came from. */
  readonly from: string;
}

const dockerHub = 'https://registry-1.docker.io';
const maxConfigBytes = 4 * 1024 * 1024;

/**
 * Finds the image and reads its manifest and configuration; layers are read by `openBlob`.
 * Throws `IMAGE_REFERENCE_INVALID`, `IMAGE_NOT_FOUND`, `IMAGE_PLATFORM`, `REGISTRY_UNREACHABLE` or `REGISTRY_DENIED`.
 */
export async function pullImage(name: string, options: PullOptions): Promise<PulledImage> {
  const reference = parseImageReference(name);
  const attempts: string[] = [];
  let last: unknown;
  for (const { client, repository } of placesOf(reference, options)) {
    try {
      const found = await client.manifest(repository, reference.digest ?? reference.tag ?? 'latest');
      if (found !== undefined)
        return await readImage({ client, repository, reference, found, platform: options.platform });
      attempts.push(`${client.url.host} does not have it`);
    } catch (error) {
      if (codeOf(error) === 'IMAGE_PLATFORM' || codeOf(error) === 'IMAGE_INVALID') throw error;
      last = error;
      attempts.push(messageOf(error));
    }
  }
  throw registryError('IMAGE_NOT_FOUND', `the image ${name} was not found: ${attempts.join('; ')}`, {
    next: 'push it, or check its name and tag',
    cause: last,
  });
}

interface Place {
  readonly client: RegistryClient;
  readonly repository: string;
}

function placesOf(reference: ImageReference, options: PullOptions): Place[] {
  const { host, repository } = reference;
  const clientFor = (url: string): RegistryClient =>
    new RegistryClient({
      url,
      credentials: options.credentials?.(new URL(url).host),
      insecure: options.insecureHosts?.includes(new URL(url).host) === true,
      ...(options.fetch !== undefined && { fetch: options.fetch }),
      ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    });
  const places: Place[] = [];
  // The mirror's own host may be written in the name; then it is asked once, like any other registry.
  if (options.mirror !== undefined) {
    places.push({ client: clientFor(options.mirror), repository });
    if (host !== undefined && new URL(options.mirror).host === host) return places;
  }
  if (options.mirrorOnly === true) return places;
  if (host === undefined || host === 'docker.io') {
    const full = repository.includes('/') ? repository : `library/${repository}`;
    places.push({ client: clientFor(dockerHub), repository: full });
  } else {
    const plain = options.insecureHosts?.includes(host) === true || /^(localhost|127\.)/.test(host);
    places.push({ client: clientFor(`${plain ? 'http' : 'https'}://${host}`), repository });
  }
  return places;
}

async function readImage(options: {
  client: RegistryClient;
  repository: string;
  reference: ImageReference;
  found: RemoteManifest;
  platform: Platform;
}): Promise<PulledImage> {
  const { client, repository, reference, platform } = options;
  let { found } = options;
  if (isIndexType(found.mediaType)) {
    const chosen = selectPlatform(found.bytes, platform);
    if (chosen === undefined) {
      throw registryError(
        'IMAGE_PLATFORM',
        `the image ${repository} has no variant for ${platform.os}/${platform.architecture}`,
        {
          next: 'build it for this platform',
        },
      );
    }
    const inner = await client.manifest(repository, chosen);
    if (inner === undefined) throw invalidImage(repository, `its manifest ${chosen} is missing`);
    found = inner;
  }
  const manifest = parseManifest(found.bytes, repository);
  if (manifest.config.size > maxConfigBytes) throw invalidImage(repository, 'its configuration is too large');
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.blob(repository, manifest.config.digest)) chunks.push(chunk);
  const configBytes = Buffer.concat(chunks);
  return {
    reference,
    digest: found.digest,
    manifestBytes: found.bytes,
    manifestType: found.mediaType,
    configDigest: digestOf(configBytes),
    configBytes,
    config: parseImageConfig(configBytes, repository),
    layers: manifest.layers,
    openBlob: (digest) => client.blob(repository, digest),
    from: client.url.host,
  };
}

function invalidImage(repository: string, because: string): Error {
  return registryError('IMAGE_INVALID', `the image ${repository} is damaged: ${because}`, { next: 'push it again' });
}
