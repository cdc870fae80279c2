/** The conditions of Jobs. Source: Kubernetes pkg/controller/job, ensureJobConditionStatus. */

import { findCondition, type Condition } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import type { Job } from '../types.ts';

/** How a Job ends, or will when its last pods have gone. */
export interface Ending {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

/** Written when the end is decided, before the pods are counted and gone. */
const interimTypes = { Complete: 'SuccessCriteriaMet', Failed: 'FailureTarget' } as const;

/** The terminal condition of a Job, if it has one. */
export function finishedCondition(job: Job): Condition | undefined {
  const terminal = (job.status?.conditions ?? []).filter(({ type }) => type === 'Complete' || type === 'Failed');
  return terminal.find(({ status }) => status === 'True');
}

/** The end that an earlier look at the Job decided. */
export function decidedEnding(conditions: readonly Condition[]): Ending | undefined {
  for (const type of ['Complete', 'Failed'] as const) {
    const condition = findCondition(conditions, interimTypes[type]);
    if (condition?.status !== 'True') continue;
    return { type, reason: condition.reason ?? '', message: condition.message ?? '' };
  }
  return undefined;
}

export function withInterim(conditions: readonly Condition[], ending: Ending, nowMs: number): Condition[] {
  const { reason, message } = ending;
  return withCondition(conditions, { type: interimTypes[ending.type], status: 'True', reason, message }, nowMs);
}

export function withEnding(conditions: readonly Condition[], ending: Ending, nowMs: number): Condition[] {
  const { type, reason, message } = ending;
  return withCondition(conditions, { type, status: 'True', reason, message }, nowMs);
}

/** True or False; a condition that was never there does not begin as False. */
export function withSuspended(conditions: readonly Condition[], isSuspended: boolean, nowMs: number): Condition[] {
  const type = 'Suspended';
  if (isSuspended) {
    return withCondition(conditions, { type, status: 'True', reason: 'JobSuspended', message: 'Job suspended' }, nowMs);
  }
  if (findCondition(conditions, type) === undefined) return [...conditions];
  return withCondition(conditions, { type, status: 'False', reason: 'JobResumed', message: 'Job resumed' }, nowMs);
}

type NewCondition = Required<Pick<Condition, 'type' | 'status' | 'reason' | 'message'>>;

function withCondition(conditions: readonly Condition[], next: NewCondition, nowMs: number): Condition[] {
  const current = findCondition(conditions, next.type);
  const isSame = current?.status === next.status && current.reason === next.reason && current.message === next.message;
  if (isSame) return [...conditions];
  const now = toTimestamp(nowMs);
  const { type, status, reason, message } = next;
  const written = { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
  if (current === undefined) return [...conditions, written];
  return conditions.map((condition) => (condition === current ? written : condition));
}
