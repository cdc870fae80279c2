/** OCIRepositories: a tag or digest of a registry, one layer of it unpacked or copied. */

import { isRecord, messageOf } from '@towpath/kit';
import { dockerLogin, RegistryClient } from '@towpath/registry';
import { compareVersions, satisfies } from '@towpath/releases';
import { archiveFiles, readArchive } from './archive.ts';
import { refuse, secretOf, type Find, type SourceDeps } from './deps.ts';
import { SourceFailure } from './errors.ts';
import { withoutIgnored } from './ignore-rules.ts';
import type { OciRepository } from './kinds.ts';

const maxLayerBytes = 256 * 1024 * 1024;

export const findOci: Find<OciRepository> = async (object, deps) => {
  const { spec } = object;
  refuse(spec, ['verify', 'provider', 'serviceAccountName', 'certSecretRef', 'proxySecretRef']);
  const place = placeOf(spec.url);
  const client = await clientFor(object, place.host, deps);
  const { tag, digest, manifest } = await resolve(object, client, place.repository);
  const revision = tag === '' ? digest : `${tag}@${digest}`;
  const { layerSelector, ignore } = spec;
  const isCopy = layerSelector?.operation === 'copy';
  const reference = `${place.host}/${place.repository}${tag === '' ? `@${digest}` : `:${tag}`}`;
  return {
    revision,
    fileName: `${digest}.tar.gz`,
    inputs: { observedIgnore: ignore, observedLayerSelector: layerSelector },
    ...(manifest.annotations !== undefined && { metadata: manifest.annotations }),
    news: `new revision '${revision}' for '${reference}'`,
    stored: { reason: 'Succeeded', message: `stored artifact for digest '${revision}'` },
    event: () => ({ reason: 'NewArtifact', message: eventMessage(revision, spec.url, manifest) }),
    bytes: async () => {
      const layer = chooseLayer(manifest, layerSelector?.mediaType);
      const bytes = await readLayer(client, place.repository, layer);
      return isCopy ? bytes : archiveFiles(withoutIgnored(await readArchive(bytes), ignore));
    },
  };
};

function placeOf(url: string): { host: string; repository: string } {
  const [, host = '', repository = ''] = /^oci:\/\/([^/]+)\/(.+?)\/?$/.exec(url) ?? [];
  if (repository !== '' && /[^a-z0-9_\-./]/.test(repository)) {
    const allowed = 'abcdefghijklmnopqrstuvwxyz0123456789_-./';
    const because = `repository can only contain the characters \`${allowed}\`: ${repository}`;
    throw new SourceFailure('URLInvalid', `URL validation failed for '${url}': ${because}`, { isStalled: true });
  }
  if (repository !== '') return { host, repository };
  const message = `failed to parse the URL '${url}': URL must be in format 'oci://<domain>/<org>/<repo>'`;
  throw new SourceFailure('URLInvalid', message, { isStalled: true });
}

async function clientFor(object: OciRepository, host: string, deps: SourceDeps): Promise<RegistryClient> {
  const { secretRef, insecure } = object.spec;
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
  const scheme = insecure === true || isLoopback ? 'http' : 'https';
  const inside = deps.hostUrl(`http://${host}/`);
  const url = inside === `http://${host}/` ? `${scheme}://${host}` : inside.replace(/\/$/, '');
  const credentials =
    secretRef === undefined ? undefined : dockerLogin(await secretOf(object, secretRef.name, deps.client), host);
  return new RegistryClient({ url, credentials, insecure: insecure === true });
}

interface Layer {
  readonly mediaType: string;
  readonly digest: string;
}

interface Manifest {
  readonly layers: readonly Layer[];
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Resolved {
  readonly tag: string;
  readonly digest: string;
  readonly manifest: Manifest;
}

/** A digest wins over a version range, that over a tag. */
async function resolve({ spec }: OciRepository, client: RegistryClient, repository: string): Promise<Resolved> {
  const { ref = {}, url } = spec;
  try {
    const tag =
      ref.digest !== undefined
        ? ''
        : ref.semver === undefined
          ? (ref.tag ?? 'latest')
          : await newest({ ...ref, url }, client, repository);
    const found = await client.manifest(repository, ref.digest ?? tag);
    if (found === undefined) {
      const asked = `GET ${client.url.origin}/v2/${repository}/manifests/${ref.digest ?? tag}`;
      throw new Error(`${asked}: MANIFEST_UNKNOWN: manifest unknown`);
    }
    return { tag, digest: found.digest, manifest: parseManifest(found.bytes) };
  } catch (error) {
    if (error instanceof SourceFailure) throw error;
    const message = `failed to determine artifact digest: ${messageOf(error)}`;
    throw new SourceFailure('OCIArtifactPullFailed', message, { cause: error });
  }
}

async function newest(
  { url, ...ref }: { url: string; semver?: string; semverFilter?: string },
  client: RegistryClient,
  repository: string,
): Promise<string> {
  const filter = ref.semverFilter === undefined ? undefined : new RegExp(ref.semverFilter);
  const tags = (await client.tags(repository)) ?? [];
  const matching = tags.filter(
    (tag) => filter?.test(tag) !== false && satisfies(tag.replaceAll('_', '+'), ref.semver ?? '*'),
  );
  const [tag] = matching.toSorted((left, right) => compareVersions(right, left));
  if (tag === undefined) {
    const message = `failed to determine the artifact tag for '${url}': no match found for semver: ${ref.semver}`;
    throw new SourceFailure('ReadOperationFailed', message);
  }
  return tag;
}

function parseManifest(bytes: Uint8Array): Manifest {
  const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const entries = isRecord(parsed) && Array.isArray(parsed['layers']) ? parsed['layers'].filter(isRecord) : [];
  const annotations = isRecord(parsed) && isRecord(parsed['annotations']) ? parsed['annotations'] : undefined;
  const texts = Object.entries(annotations ?? {}).map(([key, value]) => [key, String(value)] as const);
  return {
    layers: entries.map((layer) => ({ mediaType: String(layer['mediaType']), digest: String(layer['digest']) })),
    ...(annotations !== undefined && { annotations: Object.fromEntries(texts) }),
  };
}

function chooseLayer({ layers }: Manifest, mediaType: string | undefined): Layer {
  const layer = mediaType === undefined ? layers[0] : layers.find((one) => one.mediaType === mediaType);
  if (layer !== undefined) return layer;
  const because =
    mediaType === undefined
      ? 'no layers found in artifact'
      : `failed to find layer with media type '${mediaType}' in artifact`;
  throw new SourceFailure('OCIArtifactLayerOperationFailed', because);
}

async function readLayer(client: RegistryClient, repository: string, { digest }: Layer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of client.blob(repository, digest)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxLayerBytes) {
      throw new SourceFailure(
        'OCIArtifactLayerOperationFailed',
        `the layer has more than ${maxLayerBytes / 1024 / 1024} MiB`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function eventMessage(revision: string, url: string, { annotations = {} }: Manifest): string {
  const source = annotations['org.opencontainers.image.source'];
  const origin = annotations['org.opencontainers.image.revision'];
  const base = `stored artifact with revision '${revision}' from '${url}'`;
  if (source === undefined || origin === undefined) return base;
  return `${base}, origin source '${source}', origin revision '${origin}'`;
}
