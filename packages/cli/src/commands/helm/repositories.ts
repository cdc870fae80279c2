/** repositories.yaml and the indexes downloaded for it, in helm's places and form. */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromYaml, toYaml } from '@towpath/charts';
import { codeOf, isRecord, messageOf, TowpathError, type UnknownRecord } from '@towpath/kit';
import { fetchIndexText, httpGet, parseIndex, type HttpOptions, type RepositoryIndex } from '@towpath/releases';
import type { HelmEnvironment } from './environment.ts';

export interface RepositoryEntry {
  readonly name: string;
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  readonly insecureSkipTlsVerify: boolean;
  readonly passCredentialsAll: boolean;
}

/** The repositories that were added, in their order; none when there is no file. */
export async function readRepositories(environment: HelmEnvironment): Promise<RepositoryEntry[]> {
  let text: string;
  try {
    text = await readFile(environment.repositoryConfig, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  const file = fromYaml(text, { file: environment.repositoryConfig });
  const list = isRecord(file) && Array.isArray(file['repositories']) ? file['repositories'].filter(isRecord) : [];
  return list.map(entryOf);
}

function entryOf(record: UnknownRecord): RepositoryEntry {
  const text = (member: string): string => (typeof record[member] === 'string' ? record[member] : '');
  return {
    name: text('name'),
    url: text('url'),
    username: text('username'),
    password: text('password'),
    certFile: text('certFile'),
    keyFile: text('keyFile'),
    caFile: text('caFile'),
    insecureSkipTlsVerify: record['insecure_skip_tls_verify'] === true,
    passCredentialsAll: record['pass_credentials_all'] === true,
  };
}

/** Writes the file beside its place and renames it; only its owner may read it, for it may hold passwords. */
export async function writeRepositories(
  environment: HelmEnvironment,
  repositories: readonly RepositoryEntry[],
): Promise<void> {
  const file = environment.repositoryConfig;
  await mkdir(dirname(file), { recursive: true });
  const document = {
    apiVersion: '',
    generated: '0001-01-01T00:00:00Z',
    repositories: repositories.map((entry) => ({
      caFile: entry.caFile,
      certFile: entry.certFile,
      insecure_skip_tls_verify: entry.insecureSkipTlsVerify,
      keyFile: entry.keyFile,
      name: entry.name,
      pass_credentials_all: entry.passCredentialsAll,
      password: entry.password,
      url: entry.url,
      username: entry.username,
    })),
  };
  const fresh = `${file}.new`;
  await writeFile(fresh, `${toYaml(document)}\n`, { mode: 0o600 });
  await rename(fresh, file);
}

/** Reads the files an entry names into the options of a request. */
export async function httpOptionsOf(entry: RepositoryEntry): Promise<HttpOptions> {
  const file = (path: string): Promise<string | undefined> =>
    path === '' ? Promise.resolve(undefined) : readFile(path, 'utf8');
  return {
    username: entry.username === '' ? undefined : entry.username,
    password: entry.password === '' ? undefined : entry.password,
    passCredentials: entry.passCredentialsAll,
    ca: await file(entry.caFile),
    cert: await file(entry.certFile),
    key: await file(entry.keyFile),
    insecure: entry.insecureSkipTlsVerify,
  };
}

/** Downloads an entry's index into the cache. */
export async function updateIndex(environment: HelmEnvironment, entry: RepositoryEntry): Promise<RepositoryIndex> {
  const text = await fetchIndexText(httpGet, { url: entry.url, http: await httpOptionsOf(entry) });
  const index = parseIndex(text, entry.url);
  await mkdir(environment.repositoryCache, { recursive: true });
  await writeFile(indexFile(environment, entry.name), text);
  const names = [...index.keys()].toSorted().map((name) => `${name}\n`);
  await writeFile(join(environment.repositoryCache, `${entry.name}-charts.txt`), names.join(''));
  return index;
}

/** The index as it was last downloaded; undefined when it never was. */
export async function cachedIndex(environment: HelmEnvironment, name: string): Promise<RepositoryIndex | undefined> {
  try {
    return parseIndex(await readFile(indexFile(environment, name), 'utf8'), name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new TowpathError('REPOSITORY_INVALID', `the index of "${name}" cannot be read: ${messageOf(error)}`, {
      next: 'download it again with: towpath helm repo update',
      cause: error,
    });
  }
}

export async function forgetIndex(environment: HelmEnvironment, name: string): Promise<void> {
  await rm(indexFile(environment, name), { force: true });
  await rm(join(environment.repositoryCache, `${name}-charts.txt`), { force: true });
}

function indexFile(environment: HelmEnvironment, name: string): string {
  return join(environment.repositoryCache, `${name}-index.yaml`);
}
