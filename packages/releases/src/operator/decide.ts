/** Decides what to do with one HelmRelease. Pure: the table in decide.test.ts is its specification. */

import type { ReleaseStatus } from '../storage/release.ts';
import type { HelmReleaseSpec } from './helm-release.ts';

/** What was seen, all of it read before deciding. */
export interface Observed {
  readonly generation: number;
  /** From the status; undefined before the first run. */
  readonly observedGeneration: number | undefined;
  readonly lastAttemptedRevision: string | undefined;
  readonly rollbackCount: number;
  readonly rolledBack: boolean;
  /** The last install or upgrade ended in an error. */
  readonly attemptFailed: boolean;
  /** The last revision of the Helm release; undefined when there is none. */
  readonly last: ObservedRelease | undefined;
  readonly chart: {
    /** Commit or version. */
    readonly revision: string;
    /** Files of the chart differ from those of the last attempt. */
    readonly changed: boolean;
  };
  /** Nothing differs from the last comparison, and it is younger than the sync interval. */
  readonly comparedRecently: boolean;
}

export interface ObservedRelease {
  readonly version: number;
  readonly status: ReleaseStatus;
  readonly ageMs: number;
  /** Whose the objects are, by their antecedent annotation. */
  readonly antecedent: string | undefined;
  /** The revision is pending and was begun by an operator that no longer runs. */
  readonly abandoned: boolean;
  /** Failed revisions since the last good one. */
  readonly failures: number;
}

export type Action =
  | { readonly type: 'install'; readonly because: string; readonly replace: boolean }
  | { readonly type: 'upgrade'; readonly because: string }
  | { readonly type: 'dry-run-compare'; readonly because: string }
  | { readonly type: 'skip'; readonly because: string }
  | { readonly type: 'wait'; readonly because: string; readonly afterMs: number }
  | { readonly type: 'refuse'; readonly because: string };

export interface DecideOptions {
  /** `shop:helmrelease/frontend` */
  readonly resourceId: string;
  readonly syncIntervalMs: number;
}

/** A pending revision of somebody else's is taken for dead when it is older than its timeout and this. */
const pendingGraceMs = 30_000;
const failureBackoffMaxMs = 60 * 60_000;

export function decide(spec: HelmReleaseSpec, observed: Observed, options: DecideOptions): Action {
  const { last, chart } = observed;
  if (last === undefined) return { type: 'install', because: 'there is no release', replace: false };
  if (last.antecedent !== undefined && last.antecedent !== options.resourceId) {
    return { type: 'refuse', because: `release appears to be managed by '${last.antecedent}'` };
  }
  if (last.status.startsWith('pending-')) return decidePending(spec, last);
  if (last.status === 'uninstalled') return { type: 'install', because: 'the release was uninstalled', replace: true };
  const changed = whatChanged(observed);
  if (observed.rolledBack) return decideRolledBack(spec, observed, changed);
  if (changed !== undefined) return { type: 'upgrade', because: changed };
  if (last.status === 'failed') return decideFailed(last, options);
  if (last.status !== 'deployed') {
    return { type: 'refuse', because: `status '${last.status}' of release does not allow a safe upgrade` };
  }
  if (observed.attemptFailed) return { type: 'upgrade', because: 'the last attempt failed before it changed anything' };
  if (observed.comparedRecently) return { type: 'skip', because: 'nothing changed since the last comparison' };
  return { type: 'dry-run-compare', because: `chart and generation are those of ${chart.revision}` };
}

function whatChanged(observed: Observed): string | undefined {
  if (observed.generation !== observed.observedGeneration) return 'the HelmRelease changed';
  if (observed.chart.changed) return `the chart changed in ${observed.chart.revision}`;
  return undefined;
}

function decidePending(spec: HelmReleaseSpec, last: ObservedRelease): Action {
  if (last.abandoned) return { type: 'upgrade', because: `revision ${last.version} was left ${last.status}` };
  const leftMs = spec.timeoutMs + pendingGraceMs - last.ageMs;
  if (leftMs <= 0) return { type: 'upgrade', because: `revision ${last.version} has been ${last.status} for too long` };
  return { type: 'wait', because: `another operation holds the release (${last.status})`, afterMs: leftMs };
}

function decideRolledBack(spec: HelmReleaseSpec, observed: Observed, changed: string | undefined): Action {
  if (changed !== undefined) return { type: 'upgrade', because: changed };
  const { retry, maxRetries } = spec.rollback;
  if (retry && (maxRetries === 0 || observed.rollbackCount <= maxRetries)) {
    return { type: 'upgrade', because: `retry ${observed.rollbackCount} after a rollback` };
  }
  return { type: 'skip', because: 'the release was rolled back and nothing changed since' };
}

/** The original leaves a failed release alone for ever; here it is tried again, more and more rarely. */
function decideFailed(last: ObservedRelease, options: DecideOptions): Action {
  const waitMs = Math.min(failureBackoffMaxMs, options.syncIntervalMs * 2 ** Math.max(0, last.failures - 1));
  const leftMs = waitMs - last.ageMs;
  if (leftMs > 0)
    return { type: 'wait', because: `the last revision failed (${last.failures} in a row)`, afterMs: leftMs };
  return { type: 'upgrade', because: `the last revision failed (${last.failures} in a row)` };
}
