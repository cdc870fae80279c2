/** Lists releases: the newest revision of each, filtered and sorted as Helm does. */

import { matchesRequirements, parseLabelSelector } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import type { Release, ReleaseStatus } from '../storage/release.ts';
import type { ReleaseStorage } from '../storage/secrets.ts';

export interface ListOptions {
  /** Statuses that are shown. */
  readonly statuses: ReadonlySet<ReleaseStatus>;
  readonly filter: string | undefined;
  readonly selector: string | undefined;
  readonly byDate: boolean;
  readonly reverse: boolean;
  readonly offset: number;
  /** 0 shows all. */
  readonly max: number;
}

export const listedByDefault: ReadonlySet<ReleaseStatus> = new Set<ReleaseStatus>(['deployed', 'failed']);

/** Source: helm 3 pkg/action/list.go. */
export async function listReleases(storage: ReleaseStorage, options: ListOptions): Promise<Release[]> {
  const pattern = compile(options.filter);
  const named = (await storage.list()).filter((release) => pattern.test(release.name));
  // Asked for nothing but superseded revisions, all of them are shown; otherwise a release is its newest revision.
  const onlySuperseded = options.statuses.size === 1 && options.statuses.has('superseded');
  const requirements = parseLabelSelector(options.selector ?? '');
  const shown = (onlySuperseded ? named : newestOf(named))
    .filter((release) => options.statuses.has(release.info.status))
    .filter((release) => matchesRequirements(requirements, labelsOf(release)));
  const sorted = shown.toSorted(options.byDate ? byDate : byName);
  if (options.reverse) sorted.reverse();
  const page = sorted.slice(options.offset);
  return options.max > 0 ? page.slice(0, options.max) : page;
}

function compile(filter: string | undefined): RegExp {
  try {
    return new RegExp(filter ?? '');
  } catch (error) {
    throw releaseError('VALUES_INVALID', `--filter: ${messageOf(error)}`, { next: 'correct the regular expression' });
  }
}

function labelsOf(release: Release): Record<string, string> {
  const { name, version, info, labels } = release;
  return { ...labels, name, owner: 'helm', status: info.status, version: String(version) };
}

function newestOf(releases: readonly Release[]): Release[] {
  const newest = new Map<string, Release>();
  for (const release of releases) {
    const key = `${release.namespace}/${release.name}`;
    const known = newest.get(key);
    if (known === undefined || known.version < release.version) newest.set(key, release);
  }
  return [...newest.values()];
}

function byName(left: Release, right: Release): number {
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  if (left.namespace !== right.namespace) return left.namespace < right.namespace ? -1 : 1;
  return left.version - right.version;
}

function byDate(left: Release, right: Release): number {
  return Date.parse(left.info.last_deployed) - Date.parse(right.info.last_deployed);
}
