/** Charts from OCI registries: `oci://HOST/PATH/NAME`. */

import { isRecord, messageOf } from '@towpath/kit';
import { RegistryClient, type Credentials } from '@towpath/registry';
import { releaseError } from '../errors.ts';
import { compareVersions, isStable, satisfies } from './version.ts';

/** Source: helm 3 pkg/registry/constants.go. */
const chartLayerTypes = new Set(['application/vnd.cncf.helm.chart.content.v1.tar+gzip', 'application/tar+gzip']);
const archiveLimitBytes = 100 * 1024 * 1024;

export interface OciOptions {
  readonly credentials?: Credentials | undefined;
  readonly plainHttp?: boolean;
}

/** True for an address of an OCI registry. */
export function isOci(address: string): boolean {
  return address.startsWith('oci://');
}

export interface OciChart {
  readonly version: string;
  readonly digest: string;
  readonly data: Buffer;
}

/** Fetches the archive of `oci://…/NAME` at a version, a range, or '' for the newest. Throws `CHART_NOT_FOUND`. */
export async function pullFromRegistry(address: string, version: string, options: OciOptions): Promise<OciChart> {
  const { host, repository } = parseAddress(address);
  const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
  const scheme = options.plainHttp === true || local ? 'http' : 'https';
  const client = new RegistryClient({
    url: `${scheme}://${host}`,
    credentials: options.credentials,
    insecure: options.plainHttp === true,
  });
  const chosen = await chooseTag(client, repository, address, version);
  const manifest = await client.manifest(repository, chosen.replaceAll('+', '_'));
  if (manifest === undefined) throw absent(address, chosen);
  const layer = chartLayer(manifest.bytes);
  if (layer === undefined) {
    throw releaseError('CHART_NOT_FOUND', `${address}:${chosen} holds no chart`, {
      next: 'push a chart there with helm push',
    });
  }
  return { version: chosen, digest: manifest.digest, data: await readBlob(client, repository, layer, address) };
}

function parseAddress(address: string): { host: string; repository: string } {
  const [host = '', ...rest] = address.slice('oci://'.length).split('/');
  const repository = rest.filter((part) => part !== '').join('/');
  if (host !== '' && repository !== '') return { host, repository };
  throw releaseError('REPOSITORY_INVALID', `${address} is no chart address`, {
    next: 'write it as oci://HOST/PATH/NAME',
  });
}

/** Tags carry `_` where versions have `+`. */
async function chooseTag(
  client: RegistryClient,
  repository: string,
  address: string,
  version: string,
): Promise<string> {
  if (/^v?\d+\.\d+\.\d+/.test(version) && !/[\s,|]/.test(version)) return version;
  const tags = (await client.tags(repository)) ?? [];
  const versions = tags.map((tag) => tag.replaceAll('_', '+')).toSorted((left, right) => compareVersions(right, left));
  const chosen = versions.find((tag) => (version === '' ? isStable(tag) : satisfies(tag, version)));
  if (chosen === undefined) throw absent(address, version === '' ? 'stable version' : version);
  return chosen;
}

function absent(address: string, version: string): Error {
  return releaseError('CHART_NOT_FOUND', `${address}: there is no ${version}`, {
    next: 'check the address and the version',
  });
}

function chartLayer(bytes: Buffer): string | undefined {
  let manifest: unknown;
  try {
    manifest = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw releaseError('REPOSITORY_INVALID', `a manifest is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const layers = isRecord(manifest) && Array.isArray(manifest['layers']) ? manifest['layers'].filter(isRecord) : [];
  const layer = layers.find((entry) => chartLayerTypes.has(String(entry['mediaType'])));
  return layer === undefined ? undefined : String(layer['digest']);
}

async function readBlob(client: RegistryClient, repository: string, digest: string, address: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of client.blob(repository, digest)) {
    sizeBytes += chunk.length;
    if (sizeBytes > archiveLimitBytes) {
      throw releaseError('REPOSITORY_INVALID', `${address} is larger than ${archiveLimitBytes / 1024 / 1024} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
