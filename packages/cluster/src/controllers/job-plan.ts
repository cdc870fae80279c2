/** What a Job should do next: pure, from its pods. */

import type { Condition, Pod } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import { isReady, podPhase } from './pod-state.ts';
import type { Job, JobStatus } from './types.ts';

export const jobTrackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const completionIndexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** Wait before a new pod after a failed one: 10 s, doubled per failure, at most 6 min. */
const failureDelayMs = 10_000;
const failureDelayMaxMs = 360_000;

export interface JobPlan {
  /** Completion indexes of the pods to create; undefined entries for a Job that is not indexed. */
  readonly creations: readonly (number | undefined)[];
  readonly deletions: readonly Pod[];
  /** Finished pods whose result is in `status.uncountedTerminatedPods`, or was counted already. */
  readonly toUntrack: readonly Pod[];
  readonly status: JobStatus;
  readonly events: readonly { type: 'Normal' | 'Warning'; reason: string; message: string }[];
  readonly waitMs: number | undefined;
}

interface Tally {
  readonly active: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  readonly doneIndexes: ReadonlySet<number>;
  readonly uncounted: { succeeded: string[]; failed: string[] };
}

/** The terminal condition of a Job, if it has one. */
export function finishedCondition(job: Job): Condition | undefined {
  const terminal = (job.status?.conditions ?? []).filter(({ type }) => type === 'Complete' || type === 'Failed');
  return terminal.find(({ status }) => status === 'True');
}

/** Source: Kubernetes pkg/controller/job/job_controller.go, syncJob. */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): JobPlan {
  const tally = count(job, pods);
  const toUntrack = pods.filter((pod) => isTracked(pod) && isCounted(job, pod));
  const base = { toUntrack, waitMs: undefined };
  const status = currentStatus(job, pods, tally, nowMs);
  if (finishedCondition(job) !== undefined) {
    return { ...base, creations: [], deletions: tally.active, status, events: [] };
  }
  const verdict = judge(job, tally, nowMs);
  if (verdict !== undefined && hasUncounted(status)) {
    // The end is told once, with the final numbers.
    return { ...base, creations: [], deletions: tally.active, status, events: [] };
  }
  if (verdict !== undefined) {
    const conditions = [...(status.conditions ?? []), ...verdictConditions(verdict, nowMs)];
    const complete = verdict.type === 'Complete' ? { completionTime: toTimestamp(nowMs) } : {};
    const { active: _active, ready: _ready, ...rest } = status;
    return {
      ...base,
      creations: [],
      deletions: tally.active,
      status: { ...rest, ...complete, conditions },
      events: [verdictEvent(verdict)],
    };
  }
  if (job.spec.suspend === true) return suspended(base, tally, status, job, nowMs);
  const resumed = resumedStatus(status, job, nowMs);
  const delayMs = failureWaitMs(tally.failed, pods, nowMs);
  const creations = delayMs > 0 ? [] : missing(job, tally);
  return {
    ...base,
    creations,
    deletions: surplus(job, tally),
    status: resumed,
    events: [],
    waitMs: waitOf(job, resumed, delayMs, nowMs),
  };
}

function count(job: Job, pods: readonly Pod[]): Tally {
  const known = job.status?.uncountedTerminatedPods ?? {};
  const uncounted = { succeeded: [...(known.succeeded ?? [])], failed: [...(known.failed ?? [])] };
  const seen = new Set([...uncounted.succeeded, ...uncounted.failed]);
  const doneIndexes = new Set(parseIndexes(job.status?.completedIndexes ?? ''));
  for (const pod of pods) {
    const uid = pod.metadata.uid ?? '';
    const phase = podPhase(pod);
    // A pod that somebody deletes will be replaced, so it counts as failed at once (TerminatingOrFailed).
    const gone = pod.metadata.deletionTimestamp !== undefined;
    if (!isTracked(pod) || seen.has(uid)) continue;
    if (phase === 'Succeeded') uncounted.succeeded.push(uid);
    else if (phase === 'Failed' || gone) uncounted.failed.push(uid);
    const index = indexOf(pod);
    if (phase === 'Succeeded' && index !== undefined) doneIndexes.add(index);
  }
  const active = pods.filter((pod) => {
    const phase = podPhase(pod);
    return phase !== 'Succeeded' && phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined;
  });
  return {
    active,
    succeeded: isIndexed(job) ? doneIndexes.size : (job.status?.succeeded ?? 0) + uncounted.succeeded.length,
    failed: (job.status?.failed ?? 0) + uncounted.failed.length,
    doneIndexes,
    uncounted,
  };
}

/**
 * Results are counted in two steps, so that a crash between them counts nothing twice: first the uids are written to
 * `uncountedTerminatedPods`, then the pods lose their finalizer, then the uids become numbers.
 */
function currentStatus(job: Job, pods: readonly Pod[], tally: Tally, nowMs: number): JobStatus {
  const tracked = new Set(pods.filter(isTracked).map((pod) => pod.metadata.uid ?? ''));
  const stillOpen = (uids: readonly string[]): string[] => uids.filter((uid) => tracked.has(uid));
  const written = job.status?.uncountedTerminatedPods ?? {};
  const settled = (uids: readonly string[] | undefined): number =>
    (uids ?? []).filter((uid) => !tracked.has(uid)).length;
  const open = { succeeded: stillOpen(tally.uncounted.succeeded), failed: stillOpen(tally.uncounted.failed) };
  const succeeded = isIndexed(job) ? tally.doneIndexes.size : (job.status?.succeeded ?? 0) + settled(written.succeeded);
  const failed = (job.status?.failed ?? 0) + settled(written.failed);
  const terminating = pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isOver(pod)).length;
  return {
    ...(tally.active.length > 0 && { active: tally.active.length }),
    ...(job.status?.completionTime !== undefined && { completionTime: job.status.completionTime }),
    ...(job.status?.conditions !== undefined && { conditions: job.status.conditions }),
    ...(failed > 0 && { failed }),
    ready: tally.active.filter(isReady).length,
    startTime: job.status?.startTime ?? toTimestamp(nowMs),
    ...(succeeded > 0 && { succeeded }),
    ...(isIndexed(job) && tally.doneIndexes.size > 0 && { completedIndexes: writeIndexes(tally.doneIndexes) }),
    terminating,
    uncountedTerminatedPods: {
      ...(open.succeeded.length > 0 && { succeeded: open.succeeded }),
      ...(open.failed.length > 0 && { failed: open.failed }),
    },
  };
}

interface Verdict {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

function judge(job: Job, tally: Tally, nowMs: number): Verdict | undefined {
  const { completions, parallelism = 1, backoffLimit = 6, activeDeadlineSeconds } = job.spec;
  if (tally.failed > backoffLimit || tooManyRestarts(job, tally)) {
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  }
  const startedAtMs = Date.parse(job.status?.startTime ?? '');
  const isLate = activeDeadlineSeconds !== undefined && nowMs - startedAtMs >= activeDeadlineSeconds * 1000;
  if (isLate && job.spec.suspend !== true) {
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  }
  const enough =
    completions === undefined
      ? tally.succeeded > 0 && tally.active.length === 0
      : tally.succeeded >= completions && (completions > 0 || tally.active.length === 0);
  const nothingToDo = completions === undefined && parallelism === 0 && tally.succeeded > 0;
  if (!enough && !nothingToDo) return undefined;
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

/** With restartPolicy OnFailure the container restarts count instead of failed pods. */
function tooManyRestarts(job: Job, tally: Tally): boolean {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false;
  const restarts = tally.active
    .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])])
    .reduce((sum, status) => sum + status.restartCount, 0);
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function verdictConditions(verdict: Verdict, nowMs: number): Condition[] {
  const now = toTimestamp(nowMs);
  const times = { lastProbeTime: now, lastTransitionTime: now };
  const { type, reason, message } = verdict;
  const first = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  return [
    { type: first, status: 'True', ...times, reason, message },
    { type, status: 'True', ...times, reason, message },
  ];
}

function verdictEvent(verdict: Verdict): JobPlan['events'][number] {
  if (verdict.type === 'Complete') return { type: 'Normal', reason: 'Completed', message: 'Job completed' };
  return { type: 'Warning', reason: verdict.reason, message: verdict.message };
}

function suspended(
  base: Pick<JobPlan, 'toUntrack' | 'waitMs'>,
  tally: Tally,
  status: JobStatus,
  job: Job,
  nowMs: number,
): JobPlan {
  const { startTime: _startTime, ...rest } = status;
  const next = { status: 'True' as const, reason: 'JobSuspended', message: 'Job suspended' };
  const { conditions, changed } = withSuspended(job, next, nowMs);
  const events = changed ? [{ type: 'Normal' as const, reason: 'Suspended', message: 'Job suspended' }] : [];
  return { ...base, creations: [], deletions: tally.active, status: { ...rest, conditions }, events };
}

function resumedStatus(status: JobStatus, job: Job, nowMs: number): JobStatus {
  if (!(job.status?.conditions ?? []).some(({ type }) => type === 'Suspended')) return status;
  const next = { status: 'False' as const, reason: 'JobResumed', message: 'Job resumed' };
  const { conditions, changed } = withSuspended(job, next, nowMs);
  return { ...status, conditions, ...(changed && { startTime: toTimestamp(nowMs) }) };
}

function withSuspended(
  job: Job,
  next: { status: 'True' | 'False'; reason: string; message: string },
  nowMs: number,
): { conditions: Condition[]; changed: boolean } {
  const current = (job.status?.conditions ?? []).find(({ type }) => type === 'Suspended');
  const others = (job.status?.conditions ?? []).filter(({ type }) => type !== 'Suspended');
  if (current?.status === next.status) return { conditions: job.status?.conditions ?? [], changed: false };
  return {
    conditions: [...others, { type: 'Suspended', ...next, lastTransitionTime: toTimestamp(nowMs) }],
    changed: true,
  };
}

function missing(job: Job, tally: Tally): (number | undefined)[] {
  const { completions, parallelism = 1 } = job.spec;
  const left = completions === undefined ? (tally.succeeded > 0 ? 0 : parallelism) : completions - tally.succeeded;
  const wanted = completions === undefined && tally.succeeded > 0 ? tally.active.length : Math.min(parallelism, left);
  const lacking = Math.max(0, wanted - tally.active.length);
  if (!isIndexed(job)) return Array.from({ length: lacking }, () => undefined);
  const taken = new Set([...tally.doneIndexes, ...tally.active.map(indexOf)]);
  return Array.from({ length: completions ?? 0 }, (_, index) => index)
    .filter((index) => !taken.has(index))
    .slice(0, lacking);
}

/** Pods beyond the parallelism, those that are not ready first. */
function surplus(job: Job, tally: Tally): Pod[] {
  const extra = tally.active.length - (job.spec.parallelism ?? 1);
  if (extra <= 0) return [];
  return tally.active.toSorted((left, right) => Number(isReady(left)) - Number(isReady(right))).slice(0, extra);
}

function failureWaitMs(failed: number, pods: readonly Pod[], nowMs: number): number {
  if (failed === 0) return 0;
  const ends = pods.filter((pod) => podPhase(pod) === 'Failed').map(finishedAtMs);
  if (ends.length === 0) return 0;
  const delayMs = Math.min(failureDelayMaxMs, failureDelayMs * 2 ** (failed - 1));
  return Math.max(...ends) + delayMs - nowMs;
}

function finishedAtMs(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map((status) => {
    const terminated = status.state?.['terminated'] as { finishedAt?: string } | undefined;
    return Date.parse(terminated?.finishedAt ?? '');
  });
  const known = ends.filter((end) => !Number.isNaN(end));
  return known.length === 0 ? Date.parse(pod.metadata.creationTimestamp ?? '') || 0 : Math.max(...known);
}

function waitOf(job: Job, status: JobStatus, delayMs: number, nowMs: number): number | undefined {
  const waits = delayMs > 0 ? [delayMs] : [];
  if (job.spec.activeDeadlineSeconds !== undefined) {
    waits.push(Date.parse(status.startTime ?? '') + job.spec.activeDeadlineSeconds * 1000 - nowMs);
  }
  return waits.length === 0 ? undefined : Math.max(1, Math.min(...waits));
}

function hasUncounted(status: JobStatus): boolean {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  return succeeded.length + failed.length > 0;
}

function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(jobTrackingFinalizer) === true;
}

/** True when the finalizer may go: the result was written down, or there is nothing to count any more. */
function isCounted(job: Job, pod: Pod): boolean {
  const uid = pod.metadata.uid ?? '';
  const { succeeded = [], failed = [] } = job.status?.uncountedTerminatedPods ?? {};
  return (
    succeeded.includes(uid) ||
    failed.includes(uid) ||
    (finishedCondition(job) !== undefined && (isOver(pod) || gone(pod)))
  );
}

function gone(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

function isOver(pod: Pod): boolean {
  return podPhase(pod) === 'Succeeded' || podPhase(pod) === 'Failed';
}

function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed';
}

function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[completionIndexAnnotation];
  return text === undefined ? undefined : Number(text);
}

/** `0,2-4` → 0, 2, 3, 4. */
export function parseIndexes(text: string): number[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [from, to] = part.split('-').map(Number);
      const first = from ?? 0;
      return Array.from({ length: (to ?? first) - first + 1 }, (_, offset) => first + offset);
    });
}

export function writeIndexes(indexes: ReadonlySet<number>): string {
  const ranges: { from: number; to: number }[] = [];
  for (const index of [...indexes].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.to + 1 === index) last.to = index;
    else ranges.push({ from: index, to: index });
  }
  return ranges
    .map(({ from, to }) => (from === to ? String(from) : to === from + 1 ? `${from},${to}` : `${from}-${to}`))
    .join(',');
}
