/** What a phase says on the status of a HelmRelease. */

import { setCondition, type Condition } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import type { HelmReleasePhase, HelmReleaseStatus } from './helm-release.ts';

type ConditionType = 'ChartFetched' | 'Deployed' | 'Tested' | 'Released' | 'RolledBack';

interface Effect {
  readonly type: ConditionType;
  readonly status: Condition['status'];
}

interface PhaseRow {
  readonly effects: readonly Effect[];
  /** `RELEASE` stands for the quoted release and its namespace. */
  readonly message: string;
}

/**
 * Phase → conditions. The reason is the phase. Source: helm-operator pkg/status/conditions.go; the sentence of
 * `Succeeded` is that of 1.0.0-rc9, which the acceptance walk expects in the MESSAGE column.
 */
const phases: Readonly<Record<HelmReleasePhase, PhaseRow>> = {
  ChartFetched: row('Chart fetch was successful for Helm release RELEASE.', { ChartFetched: 'True' }),
  ChartFetchFailed: row('Chart fetch failed for Helm release RELEASE.', { ChartFetched: 'False', Released: 'False' }),
  Installing: row('Running installation for Helm release RELEASE.', { Deployed: 'Unknown' }),
  Upgrading: row('Running upgrade for Helm release RELEASE.', { Deployed: 'Unknown' }),
  Deployed: row('Installation or upgrade succeeded for Helm release RELEASE.', { Deployed: 'True' }),
  DeployFailed: row('Installation or upgrade failed for Helm release RELEASE.', {
    Deployed: 'False',
    Released: 'False',
  }),
  Testing: row('Testing Helm release RELEASE.', { Tested: 'Unknown' }),
  Tested: row('Tested Helm release RELEASE.', { Tested: 'True' }),
  TestFailed: row('Test failed for Helm release RELEASE.', { Tested: 'False', Released: 'False' }),
  Succeeded: row('Helm release sync succeeded', { Released: 'True' }),
  Failed: row('Release failed for Helm release RELEASE.', { Released: 'False' }),
  RollingBack: row('Rolling back Helm release RELEASE.', { RolledBack: 'Unknown' }),
  RolledBack: row('Rolled back Helm release RELEASE.', { RolledBack: 'True' }),
  RollbackFailed: row('Rollback failed for Helm release RELEASE.', { RolledBack: 'False' }),
};

function row(message: string, effects: Partial<Record<ConditionType, Condition['status']>>): PhaseRow {
  const list = Object.entries(effects) as [ConditionType, Condition['status']][];
  return { message, effects: list.map(([type, status]) => ({ type, status })) };
}

const messageLimitCharacters = 1024;

export interface PhaseInput {
  readonly phase: HelmReleasePhase;
  readonly release: { readonly name: string; readonly namespace: string };
  /** Why, when the phase is a failure: file, line and what to do. */
  readonly cause?: string | undefined;
  /** The commit or chart version that is tried or that was deployed. */
  readonly revision?: string | undefined;
  /** A failed test that does not count against the release. */
  readonly ignoreFailure?: boolean;
}

/** The status after entering `phase`. */
export function enterPhase(status: HelmReleaseStatus, input: PhaseInput, nowMs: number): HelmReleaseStatus {
  const { phase, release, revision } = input;
  const { message, effects } = phases[phase];
  const said = withCause(message.replace('RELEASE', `'${release.name}' in '${release.namespace}'`), input.cause);
  let conditions = status.conditions ?? [];
  for (const { type, status: value } of effects) {
    if (input.ignoreFailure === true && type === 'Released') continue;
    conditions = withTimes(conditions, { type, status: value, reason: phase, message: said }, nowMs);
  }
  const next: HelmReleaseStatus = { ...status, phase, conditions };
  if (phase === 'Succeeded') {
    // A release that works again has no rollback to report.
    next.conditions = conditions.filter((condition) => condition.type !== 'RolledBack');
    next.rollbackCount = 0;
    if (revision !== undefined) next.revision = revision;
  }
  if (phase === 'RolledBack') next.rollbackCount = (status.rollbackCount ?? 0) + 1;
  if ((phase === 'Installing' || phase === 'Upgrading') && revision !== undefined)
    next.lastAttemptedRevision = revision;
  return next;
}

function withCause(sentence: string, cause: string | undefined): string {
  if (cause === undefined || cause === '') return sentence;
  const whole = `${sentence} ${cause}`;
  return whole.length > messageLimitCharacters ? `${whole.slice(0, messageLimitCharacters - 1)}…` : whole;
}

/** `lastUpdateTime` moves when the reason or the message does, the transition time only when the status does. */
function withTimes(conditions: readonly Condition[], next: Condition, nowMs: number): Condition[] {
  const previous = conditions.find((condition) => condition.type === next.type);
  const same = previous?.status === next.status && previous.reason === next.reason && previous.message === next.message;
  const lastUpdateTime = same ? (previous.lastUpdateTime ?? toTimestamp(nowMs)) : toTimestamp(nowMs);
  return setCondition(conditions, { ...next, lastUpdateTime }, nowMs);
}
