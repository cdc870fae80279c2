/** What state a release is in, from its stored revisions and what the HelmRelease saw last. Pure. */

import { isPending, type Release } from '../storage/release.ts';
import { commonMetadataDigest, postRenderersDigest, releaseDigest, valuesDigest } from './digests.ts';
import type { HelmRelease, HelmReleaseStatus, Snapshot } from './helm-release.ts';
import { hasFailedTest, isOf, latest, previous } from './history.ts';
import { activeRemediation } from './settings.ts';
import type { UnknownRecord } from '@towpath/kit';

export type ReleaseStateName =
  | 'Absent'
  | 'Unmanaged'
  | 'OutOfSync'
  | 'Drifted'
  | 'Locked'
  | 'Untested'
  | 'InSync'
  | 'Failed';

export interface ReleaseState {
  readonly name: ReleaseStateName;
  /** '' where the name says it all. */
  readonly because: string;
}

export interface StateFacts {
  readonly object: HelmRelease;
  readonly status: HelmReleaseStatus;
  /** The stored revisions, oldest first. */
  readonly revisions: readonly Release[];
  readonly chart: { readonly name: string; readonly version: string };
  readonly values: UnknownRecord;
}

/**
 * `InSync` says nothing about the live objects: drift is looked for after it. Throws for a status Helm does not leave
 * behind. Source: helm-controller internal/reconcile/state.go.
 */
export function releaseState(facts: StateFacts): ReleaseState {
  const { status, revisions } = facts;
  const last = revisions.at(-1);
  if (last === undefined) return { name: 'Absent', because: 'no release in storage for object' };
  if (isPending(last.info.status)) return { name: 'Locked', because: `release with status '${last.info.status}'` };
  const seen = latest(status.history);
  if (seen === undefined) {
    return last.info.status === 'uninstalled'
      ? { name: 'Absent', because: 'found uninstalled release in storage' }
      : { name: 'Unmanaged', because: 'found existing release in storage' };
  }
  const changed = changedSince(seen, last);
  if (changed !== undefined) return { name: 'Unmanaged', because: changed };
  switch (last.info.status) {
    case 'failed':
      return { name: 'Failed', because: '' };
    case 'uninstalled':
      return { name: 'Absent', because: 'found uninstalled release in storage' };
    case 'deployed':
      return deployedState(facts, last, seen);
    default:
      throw new Error(`unable to determine state for release with status '${last.info.status}'`);
  }
}

/** Why a stored revision is not the one that was seen; undefined when it is. */
export function changedSince(seen: Snapshot, release: Release): string | undefined {
  if (seen.apiVersion !== 'v2') return undefined;
  if (!/^sha256:[0-9a-f]{64}$/.test(seen.digest)) return 'release digest verification error';
  return seen.digest === releaseDigest(release, seen.ociDigest)
    ? undefined
    : 'release not observed to be made for object';
}

function deployedState(facts: StateFacts, last: Release, seen: Snapshot): ReleaseState {
  const { object, status, chart, values } = facts;
  const { spec } = object;
  const { name, version } = last.chart.metadata;
  if (name !== chart.name || version !== chart.version) {
    return { name: 'OutOfSync', because: 'release chart changed' };
  }
  if (seen.configDigest !== valuesDigest(values))
    return { name: 'OutOfSync', because: 'release config values changed' };
  if (status.observedGeneration !== object.metadata.generation) {
    if (postRenderersDigest(spec) !== (status.observedPostRenderersDigest ?? '')) {
      return { name: 'OutOfSync', because: 'postrenderers digest has changed' };
    }
    if (commonMetadataDigest(spec) !== (status.observedCommonMetadataDigest ?? '')) {
      return { name: 'OutOfSync', because: 'common metadata digest has changed' };
    }
  }
  if (spec.test?.enable !== true) return { name: 'InSync', because: '' };
  if (seen.testHooks === undefined) return { name: 'Untested', because: '' };
  const remediation = activeRemediation(spec, status);
  if (remediation !== undefined && !remediation.ignoreTestFailures && hasFailedTest(seen)) {
    return { name: 'Failed', because: 'release has test in failed phase' };
  }
  return { name: 'InSync', because: '' };
}

/** What a rollback would go back to. */
export type RollbackTarget = 'there' | 'none' | 'changed';

export function rollbackTarget({ object, status, revisions }: StateFacts): RollbackTarget {
  const ignoreTests = activeRemediation(object.spec, status)?.ignoreTestFailures ?? false;
  const target = previous(status.history, ignoreTests);
  if (target === undefined) return 'none';
  const stored = revisions.find((release) => isOf(target, release));
  return stored !== undefined && changedSince(target, stored) === undefined ? 'there' : 'changed';
}
