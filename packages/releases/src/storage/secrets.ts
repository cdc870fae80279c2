/** The history of releases, kept in Secrets the way Helm 3 keeps it. */

import { Secrets, selectorText, type Secret } from '@towpath/api';
import type { Clock } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';
import { hasCode, releaseError } from '../errors.ts';
import { decodeRelease, encodeRelease } from './codec.ts';
import type { Release } from './release.ts';

const secretType = 'helm.sh/release.v1';
/** Labels that belong to the storage; users' labels may not use these names. */
export const systemLabels = ['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt'] as const;

export interface ReleaseStorageOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** Where the Secrets are; undefined reads all namespaces (then nothing can be written). */
  readonly namespace: string | undefined;
}

interface CreateOptions {
  /** Revisions that are kept, this one included; 0 keeps all. */
  readonly historyMax: number;
  /** Annotations of the Secret; gone with the first update. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Reads and writes revisions. Revisions come back oldest first. */
export interface ReleaseStorage {
  /** Throws `RELEASE_NOT_FOUND`. */
  get(name: string, version: number): Promise<Release>;
  /** Every revision of every release; `labelSelector` narrows by the Secrets' labels. */
  list(options?: { labelSelector?: string | undefined }): Promise<Release[]>;
  /** The revisions of one release, oldest first; empty when there is none. */
  history(name: string): Promise<Release[]>;
  /** The newest revision, whatever its status. */
  last(name: string): Promise<Release | undefined>;
  /** The newest revision with status deployed. */
  deployed(name: string): Promise<Release | undefined>;
  deployedAll(name: string): Promise<Release[]>;
  /** Writes a new revision, first making room for it. Throws `RELEASE_EXISTS`. */
  create(release: Release, options: CreateOptions): Promise<void>;
  update(release: Release): Promise<void>;
  delete(name: string, version: number): Promise<void>;
}

/** The name of the Secret of one revision. */
export function secretName(name: string, version: number): string {
  return `sh.helm.release.v1.${name}.v${version}`;
}

/** Source: helm 3 pkg/storage and pkg/storage/driver/secrets.go. */
export function createReleaseStorage(options: ReleaseStorageOptions): ReleaseStorage {
  const { client, namespace } = options;

  async function query(labels: Record<string, string>, extra?: string): Promise<Release[]> {
    const exact = selectorText({ ...labels, owner: 'helm' });
    const labelSelector = extra === undefined || extra === '' ? exact : `${exact},${extra}`;
    const { items } = await client.list(Secrets, { namespace, labelSelector });
    const releases = items.flatMap((secret) => readable(secret));
    return releases.toSorted((left, right) => left.version - right.version);
  }

  const storage: ReleaseStorage = {
    async get(name, version) {
      const secret = await client.get(Secrets, { ...inNamespace(namespace), name: secretName(name, version) });
      if (secret === undefined) throw notFound(name, namespace);
      return releaseOf(secret);
    },
    list: (listOptions = {}) => query({}, listOptions.labelSelector),
    history: (name) => query({ name }),
    last: async (name) => (await query({ name })).at(-1),
    deployed: async (name) => (await query({ name, status: 'deployed' })).at(-1),
    deployedAll: (name) => query({ name, status: 'deployed' }),
    async create(release, { historyMax, annotations }) {
      if (historyMax > 0) await makeRoom(storage, release.name, historyMax - 1);
      const stamp = { createdAt: epochSeconds(options.clock) };
      try {
        const secret = secretOf(release, stamp, namespace);
        if (annotations !== undefined) secret.metadata.annotations = { ...annotations };
        await client.create(Secrets, secret);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        throw releaseError('RELEASE_EXISTS', 'release: already exists', {
          next: `wait for the other operation on "${release.name}" to end, then try again`,
          cause: error,
        });
      }
    },
    async update(release) {
      const stamp = { modifiedAt: epochSeconds(options.clock) };
      await client.update(Secrets, secretOf(release, stamp, namespace));
    },
    delete: (name, version) => client.delete(Secrets, { ...inNamespace(namespace), name: secretName(name, version) }),
  };
  return storage;
}

/** The sentence Helm says; callers match on it. */
export function notFound(name: string, namespace: string | undefined): Error {
  return releaseError('RELEASE_NOT_FOUND', 'release: not found', {
    next: `see the releases there are with: towpath helm list -n ${namespace ?? 'NAMESPACE'} (asked for "${name}")`,
  });
}

/** Deletes the oldest revisions, never the deployed one, until `keep` are left. */
async function makeRoom(storage: ReleaseStorage, name: string, keep: number): Promise<void> {
  const history = await storage.history(name);
  if (history.length <= keep) return;
  const deployed = history.findLast((release) => release.info.status === 'deployed');
  const surplus = history.filter((release) => release !== deployed).slice(0, history.length - keep);
  for (const release of surplus) await storage.delete(name, release.version);
}

/** In the storage's namespace, which may be another than the release's. */
function secretOf(release: Release, stamp: Record<string, string>, namespace = release.namespace): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: secretName(release.name, release.version),
      namespace,
      labels: {
        ...release.labels,
        ...stamp,
        name: release.name,
        owner: 'helm',
        status: release.info.status,
        version: String(release.version),
      },
    },
    type: secretType,
    data: { release: Buffer.from(encodeRelease(release)).toString('base64') },
  };
}

function releaseOf(secret: Secret): Release {
  const text = Buffer.from(secret.data?.['release'] ?? '', 'base64').toString('utf8');
  const labels = Object.entries(secret.metadata.labels ?? {}).filter(
    ([key]) => !(systemLabels as readonly string[]).includes(key),
  );
  return decodeRelease(text, { secret: secret.metadata.name, labels: Object.fromEntries(labels) });
}

/** One unreadable Secret must not hide the others: it is left out, as Helm does. */
function readable(secret: Secret): Release[] {
  try {
    return [releaseOf(secret)];
  } catch (error) {
    if (hasCode(error, 'RELEASE_CORRUPT')) return [];
    throw error;
  }
}

function inNamespace(namespace: string | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function epochSeconds(clock: Clock): string {
  return String(Math.floor(clock.nowMs() / 1000));
}
