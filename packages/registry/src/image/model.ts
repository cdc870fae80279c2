/** What an image consists of: configuration, manifest, index. */

import { isRecord } from '@towpath/kit';
import { isDigest } from '../digest.ts';
import { registryError } from '../errors.ts';
import { mediaTypes, type Descriptor } from '../media-types.ts';

export interface Platform {
  readonly os: string;
  /** GOARCH: amd64, arm64, … */
  readonly architecture: string;
}

/** `config` of an OCI image configuration. */
export interface ImageRuntimeConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  /** `NAME=value` */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Volumes?: Readonly<Record<string, object>>;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** Source: OCI image specification, "Image configuration". */
export interface ImageConfig extends Platform {
  readonly created?: string;
  readonly config?: ImageRuntimeConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history?: readonly HistoryEntry[];
}

export interface ImageManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** GOARCH of a Node architecture name. */
export function goArchitecture(nodeArchitecture: string): string {
  if (nodeArchitecture === 'x64') return 'amd64';
  return nodeArchitecture === 'ia32' ? '386' : nodeArchitecture;
}

/** Throws `IMAGE_INVALID`. */
export function parseManifest(bytes: Uint8Array, subject: string): ImageManifest {
  const value = parseJson(bytes, subject);
  const layers = value['layers'];
  if (!isDescriptor(value['config']) || !Array.isArray(layers))
    throw invalid(subject, 'its manifest has no config or layers');
  const list = layers as unknown[];
  if (!list.every(isDescriptor)) throw invalid(subject, 'a layer of its manifest is malformed');
  return { config: value['config'], layers: list };
}

/** Throws `IMAGE_INVALID`. */
export function parseImageConfig(bytes: Uint8Array, subject: string): ImageConfig {
  const value = parseJson(bytes, subject);
  const rootfs = value['rootfs'];
  const diffIds = isRecord(rootfs) ? rootfs['diff_ids'] : undefined;
  if (!Array.isArray(diffIds)) throw invalid(subject, 'its configuration has no rootfs');
  return value as unknown as ImageConfig;
}

/** The digest of the manifest for a platform; undefined when the index has none. */
export function selectPlatform(indexBytes: Uint8Array, platform: Platform): string | undefined {
  const value = parseJson(indexBytes, 'index');
  const manifests = Array.isArray(value['manifests']) ? (value['manifests'] as unknown[]) : [];
  const found = manifests.filter(isDescriptor).find((descriptor) => {
    const wanted = descriptor.platform;
    return wanted !== undefined && wanted.os === platform.os && wanted.architecture === platform.architecture;
  });
  return found?.digest;
}

/** Canonical bytes of an image's configuration: the same input gives the same bytes. */
export function encodeConfig(config: ImageConfig): Buffer {
  return Buffer.from(JSON.stringify(config));
}

/** Canonical bytes of an OCI manifest. */
export function encodeManifest(manifest: ImageManifest): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: manifest.config,
      layers: manifest.layers,
    }),
  );
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isRecord(value)) return false;
  const { digest, size, mediaType } = value;
  return typeof digest === 'string' && isDigest(digest) && typeof size === 'number' && typeof mediaType === 'string';
}

function parseJson(bytes: Uint8Array, subject: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (isRecord(value)) return value;
  } catch {
    // Falls through to the one error below.
  }
  throw invalid(subject, 'it is no JSON object');
}

function invalid(subject: string, because: string): Error {
  return registryError('IMAGE_INVALID', `the image ${subject} is damaged: ${because}`, { next: 'push it again' });
}
