/** Charts from an HTTP repository. */

import { createHash } from 'node:crypto';
import { releaseError } from '../errors.ts';
import type { HttpGet, HttpOptions } from './http.ts';
import { chooseVersion, parseIndex, type IndexEntry, type RepositoryIndex } from './repository-index.ts';

export interface HttpRepository {
  /** Its address, with or without a final slash. */
  readonly url: string;
  readonly http: HttpOptions;
}

/** Downloads and reads index.yaml. */
export async function fetchIndex(get: HttpGet, repository: HttpRepository): Promise<RepositoryIndex> {
  return parseIndex(await fetchIndexText(get, repository), repository.url);
}

/** The text of index.yaml. */
export async function fetchIndexText(get: HttpGet, repository: HttpRepository): Promise<string> {
  return (await get(within(repository.url, 'index.yaml'), repository.http)).toString('utf8');
}

export interface PulledChart {
  readonly entry: IndexEntry;
  /** The archive, its digest checked against the index. */
  readonly data: Buffer;
}

/** Downloads a chart's archive. Throws `CHART_NOT_FOUND`, `REPOSITORY_INVALID` (wrong digest). */
export async function pullFromRepository(
  get: HttpGet,
  repository: HttpRepository,
  wanted: { index: RepositoryIndex; name: string; version: string },
): Promise<PulledChart> {
  const entry = chooseVersion(wanted.index, wanted);
  const address = archiveUrl(repository.url, entry);
  // The index may point elsewhere: credentials are for the repository's own host.
  const own = new URL(address).host === new URL(repository.url).host || repository.http.passCredentials === true;
  const { username: _user, password: _password, ...anonymous } = repository.http;
  const data = await get(address, own ? repository.http : anonymous);
  const digest = createHash('sha256').update(data).digest('hex');
  if (entry.digest !== '' && entry.digest !== digest) {
    throw releaseError(
      'REPOSITORY_INVALID',
      `${entry.name}-${entry.version}: the archive has digest ${digest}, the index says ${entry.digest}`,
      { next: 'update the repository and try again' },
    );
  }
  return { entry, data };
}

/** The absolute address of an entry's archive. */
function archiveUrl(repository: string, entry: IndexEntry): string {
  const url = entry.urls[0] ?? '';
  return /^[a-z]+:\/\//i.test(url) ? url : within(repository, url);
}

/** `path` below a repository's address; its query goes with it. */
function within(repository: string, path: string): string {
  const base = new URL(repository);
  const { search } = base;
  base.pathname = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  const joined = new URL(path, base);
  if (joined.search === '') joined.search = search;
  return joined.href;
}
