/** Credentials for registries, from pull secrets and from files in the form of Docker's config.json. */

import type { Secret } from '@towpath/api';
import { isRecord } from '@towpath/kit';
import { parseImageReference, type Credentials } from '@towpath/registry';

/** One entry of a file or Secret. */
export interface RegistryAuth {
  /** `HOST[:PORT][/PATH]`, the host's parts may hold `*`. */
  readonly place: string;
  readonly credentials: Credentials;
}

/** Docker Hub under the name its credentials are kept by. */
const defaultRegistry = 'index.docker.io';

/** Entries of a pull secret; none when it is of another type or cannot be read, as for the kubelet. */
export function authsOfSecret(secret: Secret): RegistryAuth[] {
  const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  if (secret.type === 'kubernetes.io/dockerconfigjson') return parseAuths(text('.dockerconfigjson'));
  if (secret.type === 'kubernetes.io/dockercfg') return parseAuths(`{"auths":${text('.dockercfg') || '{}'}}`);
  return [];
}

/** Entries of `{"auths": {PLACE: {"auth": base64} or {"username", "password"}}}`; none when it cannot be read. */
export function parseAuths(text: string): RegistryAuth[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const auths = isRecord(value) && isRecord(value['auths']) ? value['auths'] : {};
  return Object.entries(auths).flatMap(([place, entry]) => {
    const credentials = isRecord(entry) ? credentialsOf(entry) : undefined;
    return credentials === undefined ? [] : [{ place: placeOf(place), credentials }];
  });
}

/** What may open the registry of `reference`, the longest place first. Source: Kubernetes pkg/credentialprovider. */
export function authsFor(reference: string, auths: readonly RegistryAuth[]): Credentials[] {
  const { host, repository } = parseImageReference(reference);
  const isDefault = host === undefined || host === 'docker.io' || host === defaultRegistry;
  const target = `${isDefault ? defaultRegistry : host}/${repository}`;
  return auths
    .filter(({ place }) => matches(isDefault ? place.replace(/^docker\.io/, defaultRegistry) : place, target))
    .toSorted((left, right) => right.place.length - left.place.length)
    .map(({ credentials }) => credentials);
}

function credentialsOf(entry: Record<string, unknown>): Credentials | undefined {
  const { auth, username, password } = entry;
  if (typeof auth === 'string' && auth !== '') {
    const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = text.indexOf(':');
    return colon > 0 ? { username: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
  }
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

/** Without scheme; `/v1/` and `/v2/` mean the host. */
function placeOf(text: string): string {
  const bare = text.replace(/^https?:\/\//, '');
  const [host = '', ...path] = bare.split('/');
  const rest = (/^v[12]$/.test(path[0] ?? '') ? path.slice(1) : path).filter(Boolean);
  return [host, ...rest].join('/');
}

/** Parts of the host are compared one by one; the path of the place begins the target's. */
function matches(place: string, target: string): boolean {
  const [host = '', ...path] = place.split('/');
  const [wanted = '', ...rest] = target.split('/');
  const [name = '', port] = host.split(':');
  const [wantedName = '', wantedPort] = wanted.split(':');
  const parts = name.split('.');
  const wantedParts = wantedName.split('.');
  return (
    port === wantedPort &&
    parts.length === wantedParts.length &&
    parts.every((part, index) => globForm(part).test(wantedParts[index] ?? '')) &&
    rest.join('/').startsWith(path.join('/'))
  );
}

function globForm(part: string): RegExp {
  const escaped = part.replace(/[.*+?^${}()|[\]\\]/g, (character) => (character === '*' ? '.*' : `\\${character}`));
  return new RegExp(`^${escaped}$`);
}
