/** index.yaml of a chart repository. */

import { fromYaml } from '@towpath/charts';
import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import { compareVersions, isStable, satisfies } from './version.ts';

export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
  readonly description: string;
  readonly deprecated: boolean;
  readonly keywords: readonly string[];
  /** Addresses of the archive, as the index gives them; may be relative to the repository. */
  readonly urls: readonly string[];
  /** sha256 of the archive in hex; '' when the index gives none. */
  readonly digest: string;
}

/** Chart name → versions, newest first. */
export type RepositoryIndex = ReadonlyMap<string, readonly IndexEntry[]>;

/** Throws `REPOSITORY_INVALID` naming the repository. Entries without name, version or address are left out. */
export function parseIndex(text: string, repository: string): RepositoryIndex {
  let parsed: unknown;
  try {
    parsed = fromYaml(text, { file: 'index.yaml' });
  } catch (error) {
    throw invalid(repository, messageOf(error), error);
  }
  if (!isRecord(parsed)) throw invalid(repository, 'index.yaml is empty');
  if (typeof parsed['apiVersion'] !== 'string') throw invalid(repository, 'no API version specified');
  const entries = isRecord(parsed['entries']) ? parsed['entries'] : {};
  return new Map(Object.entries(entries).map(([name, list]) => [name, versionsOf(name, list)]));
}

function versionsOf(name: string, list: unknown): IndexEntry[] {
  const records = Array.isArray(list) ? list.filter(isRecord) : [];
  return records
    .flatMap((record) => entryOf(name, record))
    .toSorted((left, right) => compareVersions(right.version, left.version));
}

function entryOf(name: string, record: UnknownRecord): IndexEntry[] {
  const urls = Array.isArray(record['urls']) ? record['urls'].filter((url) => typeof url === 'string') : [];
  const version = scalar(record['version']);
  if (version === '' || urls.length === 0) return [];
  const digest = scalar(record['digest']).replace(/^sha256:/, '');
  return [
    {
      name: scalar(record['name']) || name,
      version,
      appVersion: scalar(record['appVersion']),
      description: scalar(record['description']),
      deprecated: record['deprecated'] === true,
      keywords: Array.isArray(record['keywords']) ? record['keywords'].map(scalar) : [],
      urls,
      digest,
    },
  ];
}

function scalar(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function invalid(repository: string, why: string, cause?: unknown): Error {
  return releaseError('REPOSITORY_INVALID', `${repository}: ${why}`, {
    next: 'check that the address is that of a chart repository',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The newest version that matches; '' takes the newest stable one. Throws `CHART_NOT_FOUND`. */
export function chooseVersion(index: RepositoryIndex, wanted: { name: string; version: string }): IndexEntry {
  const versions = index.get(wanted.name);
  if (versions === undefined) {
    throw releaseError('CHART_NOT_FOUND', `no chart name found: chart "${wanted.name}" is not in the repository`, {
      next: 'see what there is with: towpath helm search repo',
    });
  }
  const exact = versions.find((entry) => entry.version === wanted.version);
  const chosen =
    exact ??
    versions.find((entry) =>
      wanted.version === '' ? isStable(entry.version) : satisfies(entry.version, wanted.version),
    );
  if (chosen !== undefined) return chosen;
  const known = versions.slice(0, 5).map((entry) => entry.version);
  throw releaseError('CHART_NOT_FOUND', `no chart version found for ${wanted.name}-${wanted.version}`, {
    next: `choose one of ${known.join(', ')}${versions.length > known.length ? ', …' : ''}`,
  });
}
