/** Tags of registries that tell nobody of pushes, by the registry protocol. */

import { isRecord } from '@towpath/kit';
import { isIndexType, parseImageReference, RegistryClient } from '@towpath/registry';

/** What automation asks a registry for; the answers may be kept. */
export interface TagSource {
  /** Throws when the registry cannot be reached or refuses. */
  list(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /** When the image was built; 0 when it does not say. */
  createdAtMs(repository: string, tag: string, signal: AbortSignal): Promise<number>;
}

const dockerHub = 'https://registry-1.docker.io';
const timeoutMs = 20_000;
const maxConfigBytes = 4 * 1024 * 1024;

/** Anonymous access only. `hostUrl` maps in-cluster addresses to ones that can be opened from here. */
export function createTagSource(hostUrl: (url: string) => string): TagSource {
  const clients = new Map<string, RegistryClient>();
  const open = (repository: string): { client: RegistryClient; name: string } => {
    const reference = parseImageReference(repository);
    const { host } = reference;
    const isHub = host === undefined || host === 'docker.io' || host === 'index.docker.io';
    const url = isHub ? dockerHub : hostUrl(`${isLocal(host) ? 'http' : 'https'}://${host}`);
    const client = clients.get(url) ?? new RegistryClient({ url, timeoutMs, insecure: url.startsWith('http:') });
    clients.set(url, client);
    const name = reference.repository;
    return { client, name: isHub && !name.includes('/') ? `library/${name}` : name };
  };
  return {
    async list(repository) {
      const { client, name } = open(repository);
      return (await client.tags(name)) ?? [];
    },
    async createdAtMs(repository, tag) {
      const { client, name } = open(repository);
      return createdAt(client, name, tag);
    },
  };
}

function isLocal(host: string): boolean {
  return /^(localhost|127\.|\[::1\])/.test(host) || host.endsWith('.towpath-system');
}

async function createdAt(client: RegistryClient, name: string, reference: string): Promise<number> {
  const manifest = await client.manifest(name, reference);
  if (manifest === undefined) return 0;
  const body: unknown = JSON.parse(manifest.bytes.toString('utf8'));
  if (isIndexType(manifest.mediaType)) {
    const [first] = isRecord(body) && Array.isArray(body['manifests']) ? (body['manifests'] as unknown[]) : [];
    const digest = isRecord(first) ? first['digest'] : undefined;
    return typeof digest === 'string' && digest !== reference ? createdAt(client, name, digest) : 0;
  }
  const config = isRecord(body) && isRecord(body['config']) ? body['config']['digest'] : undefined;
  if (typeof config !== 'string') return 0;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of client.blob(name, config)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxConfigBytes) return 0;
    chunks.push(chunk);
  }
  const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  return isRecord(parsed) ? Date.parse(String(parsed['created'])) || 0 : 0;
}
