/** Checks a manifest before it is stored. */

import { isRecord } from '@towpath/kit';
import { isDigest } from '../digest.ts';
import { isIndexType, mediaTypes, type Descriptor } from '../media-types.ts';
import { Problem } from './problem.ts';

export interface CheckedManifest {
  readonly mediaType: string;
  /** Blobs that must be in the repository. */
  readonly blobs: readonly string[];
  /** The manifest this one refers to, with the descriptor that the referrers list shows. */
  readonly subject:
    | { readonly digest: string; readonly artifactType: string; readonly annotations: unknown }
    | undefined;
}

/** Larger manifests are refused (the specification asks for at least 4 MiB). */
export const maxManifestBytes = 4 * 1024 * 1024;

/** Throws a {@link Problem} naming what is wrong. */
export function checkManifest(bytes: Uint8Array, contentType: string | undefined): CheckedManifest {
  const manifest = parse(bytes);
  const declared = manifest['mediaType'];
  const header = contentType?.split(';')[0]?.trim();
  if (declared !== undefined && typeof declared !== 'string') throw invalid('mediaType is no string');
  if (declared !== undefined && header !== undefined && header !== declared) {
    throw invalid(`its mediaType ${declared} differs from the Content-Type ${header}`);
  }
  const mediaType = header ?? declared ?? mediaTypes.ociManifest;
  const isIndex = Array.isArray(manifest['manifests']);
  if (isIndex && (manifest['layers'] !== undefined || manifest['config'] !== undefined)) {
    throw invalid('it has both layers and manifests');
  }
  if (isIndexType(mediaType) !== isIndex && knownTypes.has(mediaType))
    throw invalid(`it does not have the form of ${mediaType}`);
  const blobs = isIndex ? [] : blobsOf(manifest);
  return { mediaType, blobs, subject: subjectOf(manifest, mediaType) };
}

const knownTypes = new Set<string>([
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
]);

function parse(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw invalid('it is no JSON');
  }
  if (!isRecord(value)) throw invalid('it is no JSON object');
  if (value['schemaVersion'] !== undefined && value['schemaVersion'] !== 2) throw invalid('its schemaVersion is not 2');
  return value;
}

/** Layers that are fetched from elsewhere (`urls`) need not be here. */
function blobsOf(manifest: Record<string, unknown>): string[] {
  const layers = manifest['layers'] ?? [];
  if (!Array.isArray(layers)) throw invalid('layers is no list');
  const config = manifest['config'];
  const descriptors: unknown[] = [...(config === undefined ? [] : [config]), ...(layers as unknown[])];
  return descriptors.flatMap((descriptor) => {
    if (!isRecord(descriptor)) throw invalid('a descriptor is no object');
    const { digest, mediaType } = descriptor;
    if (typeof digest !== 'string' || !isDigest(digest)) throw invalid('a descriptor has no valid digest');
    const foreign = typeof mediaType === 'string' && /nondistributable|foreign/.test(mediaType);
    return foreign ? [] : [digest];
  });
}

function subjectOf(manifest: Record<string, unknown>, mediaType: string): CheckedManifest['subject'] {
  const subject = manifest['subject'];
  if (subject === undefined || subject === null) return undefined;
  if (!isRecord(subject) || typeof subject['digest'] !== 'string' || !isDigest(subject['digest'])) {
    throw invalid('its subject has no valid digest');
  }
  const config = isRecord(manifest['config']) ? manifest['config']['mediaType'] : undefined;
  const artifactType = manifest['artifactType'] ?? (isIndexType(mediaType) ? '' : config);
  return { digest: subject['digest'], artifactType: String(artifactType ?? ''), annotations: manifest['annotations'] };
}

/** The descriptor under which a referring manifest is listed. */
export function referrerDescriptor(
  manifest: { digest: string; mediaType: string; bytes: Uint8Array },
  subject: NonNullable<CheckedManifest['subject']>,
): Descriptor & { readonly of: string } {
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(subject.artifactType !== '' && { artifactType: subject.artifactType }),
    ...(isRecord(subject.annotations) && { annotations: subject.annotations as Record<string, string> }),
    of: subject.digest,
  };
}

function invalid(because: string): Problem {
  return new Problem(400, 'MANIFEST_INVALID', `the manifest is refused: ${because}`);
}
