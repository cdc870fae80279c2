import { describe, expect, it } from 'vitest';
import { decide, type DecideFacts } from './decide.ts';
import type { HelmReleaseSpec, HelmReleaseStatus } from './helm-release.ts';
import type { ReleaseStateName } from './state.ts';

interface Row {
  readonly name: string;
  readonly state: ReleaseStateName;
  readonly spec?: Partial<HelmReleaseSpec>;
  readonly status?: HelmReleaseStatus;
  readonly isForced?: boolean;
  readonly target?: DecideFacts['rollbackTarget'];
  /** `type action keep`, or `give-up reason`. */
  readonly expected: string;
}

const installed: HelmReleaseStatus = { lastAttemptedReleaseAction: 'install' };
const upgraded: HelmReleaseStatus = { lastAttemptedReleaseAction: 'upgrade' };
const failedInstall: HelmReleaseStatus = { ...installed, installFailures: 1 };
const failedUpgrade: HelmReleaseStatus = { ...upgraded, upgradeFailures: 1 };
const retrying: Partial<HelmReleaseSpec> = {
  install: { strategy: { name: 'RetryOnFailure' } },
  upgrade: { strategy: { name: 'RetryOnFailure' } },
};

const rows: readonly Row[] = [
  { name: 'nothing installed', state: 'Absent', expected: 'act install all' },
  { name: 'install out of retries', state: 'Absent', status: failedInstall, expected: 'give-up RetriesExceeded' },
  {
    name: 'install with retries left',
    state: 'Absent',
    spec: { install: { remediation: { retries: 1 } } },
    status: failedInstall,
    expected: 'act install all',
  },
  {
    name: 'install with endless retries',
    state: 'Absent',
    spec: { install: { remediation: { retries: -1 } } },
    status: { ...installed, installFailures: 99 },
    expected: 'act install all',
  },
  {
    name: 'a forced install out of retries',
    state: 'Absent',
    status: failedInstall,
    isForced: true,
    expected: 'act install all',
  },
  { name: "somebody else's release", state: 'Unmanaged', expected: 'act upgrade none' },
  { name: 'changed values', state: 'OutOfSync', status: installed, expected: 'act upgrade all' },
  {
    name: 'changed values out of retries',
    state: 'OutOfSync',
    status: failedUpgrade,
    expected: 'give-up RetriesExceeded',
  },
  {
    name: 'changed values, forced out of retries',
    state: 'OutOfSync',
    status: failedUpgrade,
    isForced: true,
    expected: 'act upgrade all',
  },
  { name: 'a pending revision', state: 'Locked', expected: 'act unlock all' },
  { name: 'no tests run', state: 'Untested', expected: 'act test all' },
  { name: 'in sync', state: 'InSync', status: installed, expected: 'in-sync sinceSuccess' },
  { name: 'in sync with retries', state: 'InSync', spec: retrying, status: installed, expected: 'in-sync newest' },
  { name: 'in sync, forced', state: 'InSync', status: installed, isForced: true, expected: 'act upgrade sinceSuccess' },
  {
    name: 'drift to be corrected',
    state: 'Drifted',
    spec: { driftDetection: { mode: 'enabled' } },
    expected: 'act correct cluster drift all',
  },
  { name: 'drift to be told', state: 'Drifted', spec: { driftDetection: { mode: 'warn' } }, expected: 'warn all' },
  { name: 'failed without an attempt of ours', state: 'Failed', expected: 'act upgrade all' },
  { name: 'failed before a change', state: 'Failed', status: installed, expected: 'act upgrade all' },
  {
    name: 'failed, retry on failure',
    state: 'Failed',
    spec: retrying,
    status: failedInstall,
    expected: 'act upgrade newest',
  },
  { name: 'failed, forced', state: 'Failed', status: failedInstall, isForced: true, expected: 'act upgrade all' },
  { name: 'a failed install', state: 'Failed', status: failedInstall, expected: 'give-up RetriesExceeded' },
  {
    name: 'a failed install that is remediated',
    state: 'Failed',
    spec: { install: { remediation: { retries: 1 } } },
    status: failedInstall,
    expected: 'act uninstall sinceSuccess',
  },
  {
    name: 'the last failed install',
    state: 'Failed',
    spec: { install: { remediation: { remediateLastFailure: true } } },
    status: failedInstall,
    expected: 'act uninstall sinceSuccess',
  },
  {
    name: 'a failed upgrade with something to go back to',
    state: 'Failed',
    spec: { upgrade: { remediation: { retries: 1 } } },
    status: failedUpgrade,
    target: 'there',
    expected: 'act rollback sinceSuccess',
  },
  {
    name: 'a failed upgrade whose last retry is remediated, too',
    state: 'Failed',
    spec: { upgrade: { remediation: { retries: 1 } } },
    status: { ...upgraded, upgradeFailures: 2 },
    target: 'there',
    expected: 'act rollback sinceSuccess',
  },
  {
    name: 'a failed upgrade with nothing to go back to',
    state: 'Failed',
    spec: { upgrade: { remediation: { retries: 1 } } },
    status: failedUpgrade,
    target: 'none',
    expected: 'give-up MissingRollbackTarget',
  },
  {
    name: 'a failed upgrade whose last revision was changed',
    state: 'Failed',
    spec: { upgrade: { remediation: { retries: 1 } } },
    status: failedUpgrade,
    target: 'changed',
    expected: 'act upgrade sinceSuccess',
  },
  {
    name: 'a failed upgrade that is uninstalled',
    state: 'Failed',
    spec: { upgrade: { remediation: { retries: 1, strategy: 'uninstall' } } },
    status: failedUpgrade,
    expected: 'act uninstall sinceSuccess',
  },
  { name: 'a failed upgrade', state: 'Failed', status: failedUpgrade, expected: 'give-up RetriesExceeded' },
];

describe('decide', () => {
  it.each(rows)('$name: $expected', ({ state, spec, status, isForced, target, expected }) => {
    const decision = decide({
      state: { name: state, because: '' },
      spec: { interval: '1h', ...spec },
      status: status ?? {},
      isForced: isForced ?? false,
      rollbackTarget: target ?? 'none',
    });
    const { type, keep } = decision;
    const said =
      decision.type === 'give-up'
        ? `${type} ${decision.reason}`
        : decision.type === 'act'
          ? `${type} ${decision.action} ${keep}`
          : `${type} ${keep}`;
    expect(said).toBe(expected);
  });
});
