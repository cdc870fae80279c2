/** What to do about the state of a release. Pure; its test is the specification table. */

import { unreachable } from '@towpath/kit';
import type { HelmReleaseSpec, HelmReleaseStatus } from './helm-release.ts';
import { activeRemediation, activeRetryMs, installRemediation, upgradeRemediation } from './settings.ts';
import type { ReleaseState, RollbackTarget } from './state.ts';

export interface DecideFacts {
  readonly state: ReleaseState;
  readonly spec: HelmReleaseSpec;
  readonly status: HelmReleaseStatus;
  /** `reconcile.fluxcd.io/forceAt` asks for a release action, and was not yet answered. */
  readonly isForced: boolean;
  /** Only looked at for a failed release. */
  readonly rollbackTarget: RollbackTarget;
}

/** What of the snapshots in status is kept: all, those since the last success, the newest five, or none. */
export type Keep = 'all' | 'sinceSuccess' | 'newest' | 'none';

export type ReleaseActionName =
  | 'install'
  | 'upgrade'
  | 'test'
  | 'rollback'
  | 'uninstall'
  | 'unlock'
  | 'correct cluster drift';

export type Decision =
  /** The release is as it should be. */
  | { readonly type: 'in-sync'; readonly keep: Keep; readonly because: string }
  /** There is drift, and the spec only wants to know of it. */
  | { readonly type: 'warn'; readonly keep: Keep; readonly because: string }
  | { readonly type: 'act'; readonly action: ReleaseActionName; readonly keep: Keep; readonly because: string }
  /** Nothing more is tried until something changes. */
  | {
      readonly type: 'give-up';
      readonly reason: 'RetriesExceeded' | 'MissingRollbackTarget';
      readonly keep: Keep;
      /** The error, in Flux's words. */
      readonly because: string;
    };

/** Source: helm-controller internal/reconcile/atomic_release.go, actionForState. */
export function decide(facts: DecideFacts): Decision {
  const { state, spec, status, isForced } = facts;
  const { because } = state;
  switch (state.name) {
    case 'InSync': {
      const keep = activeRetryMs(spec, status) === undefined ? 'sinceSuccess' : 'newest';
      if (!isForced) return { type: 'in-sync', keep, because: 'release in-sync with desired state' };
      return act('upgrade', 'forcing upgrade for in-sync release: force requested through annotation', keep);
    }
    case 'Locked':
      return act('unlock', `release locked: ${because}`);
    case 'Absent':
      if (installRemediation(spec, status).exhausted && !isForced) return exceeded('cannot install release');
      return act('install', `release not installed: ${because}`);
    case 'Unmanaged':
      return act('upgrade', `release not managed by controller: ${because}`, 'none');
    case 'OutOfSync':
      if (upgradeRemediation(spec, status).exhausted && !isForced) return exceeded('cannot upgrade release');
      return act('upgrade', `release out-of-sync with desired state: ${because}`);
    case 'Drifted':
      if (spec.driftDetection?.mode === 'enabled') return act('correct cluster drift', because);
      return { type: 'warn', keep: 'all', because };
    case 'Untested':
      return act('test', 'release has not been tested');
    case 'Failed':
      return afterFailure(facts);
    default:
      return unreachable(state.name);
  }
}

function afterFailure({ state, spec, status, isForced, rollbackTarget }: DecideFacts): Decision {
  const because = state.because === '' ? 'release is in a failed state' : `release failed: ${state.because}`;
  if (activeRetryMs(spec, status) !== undefined) return act('upgrade', `${because}: retrying`, 'newest');
  const remediation = activeRemediation(spec, status);
  if (remediation === undefined) return act('upgrade', `${because}: no active remediation strategy`);
  if (remediation.failures <= 0) return act('upgrade', `${because}: conditions have changed since last failure`);
  if (isForced) return act('upgrade', `${because}: force requested through annotation`);
  if (remediation.exhausted && !remediation.remediateLastFailure) return exceeded('cannot remediate failed release');
  if (remediation.strategy === 'uninstall') return act('uninstall', because, 'sinceSuccess');
  switch (rollbackTarget) {
    case 'there':
      return act('rollback', because, 'sinceSuccess');
    case 'changed':
      return act('upgrade', `${because}: unable to verify previous release in storage to roll back to`, 'sinceSuccess');
    case 'none':
      return {
        type: 'give-up',
        reason: 'MissingRollbackTarget',
        keep: 'sinceSuccess',
        because: 'missing target release for rollback: cannot remediate failed release',
      };
    default:
      return unreachable(rollbackTarget);
  }
}

function act(action: ReleaseActionName, because: string, keep: Keep = 'all'): Decision {
  return { type: 'act', action, keep, because };
}

function exceeded(what: string): Decision {
  return { type: 'give-up', reason: 'RetriesExceeded', keep: 'all', because: `exceeded maximum retries: ${what}` };
}
