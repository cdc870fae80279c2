/** What a Job should do next: pure, from its pods. */

import type { Pod } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import type { EventInput } from '@towpath/runtime';
import { isReady, sortForDeletion } from '../pod-state.ts';
import type { Job, JobStatus } from '../types.ts';
import { decidedEnding, finishedCondition, withEnding, withInterim, withSuspended, type Ending } from './conditions.ts';
import { failureAnnotations, failureWaitMs, indexWaitMs } from './failures.ts';
import { indexOf, isIndexed, parseIndexes, writeIndexes } from './indexes.ts';
import { hasPlace, isFailed, isOver, isTracked, observeJob, replacesOnlyFailed, type JobView } from './observe.ts';
import { judgeFailure, metSuccessRule } from './policies.ts';

export interface JobPlan {
  readonly creations: readonly JobCreation[];
  /** Pods the Job takes back: they lose the finalizer before they go and are not counted. */
  readonly deletions: readonly Pod[];
  /** Pods that go because the Job ends: they keep the finalizer until the status tells about them. */
  readonly endings: readonly Pod[];
  /** Finished pods whose result the status told already, or has nothing to tell about. */
  readonly toUntrack: readonly Pod[];
  readonly status: JobStatus;
  readonly events: readonly EventInput[];
  readonly waitMs: number | undefined;
}

export interface JobCreation {
  /** Undefined for a Job that is not indexed. */
  readonly index: number | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** As many results are told in one status before their pods lose the finalizer. Source: MaxUncountedPods. */
const uncountedMax = 500;

/** Source: Kubernetes pkg/controller/job/job_controller.go, syncJob. */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): JobPlan {
  const nothing = { creations: [], deletions: [], endings: [], events: [], waitMs: undefined };
  if (finishedCondition(job) !== undefined) {
    const isLeft = (pod: Pod): boolean => isOver(pod) || pod.metadata.deletionTimestamp !== undefined;
    const toUntrack = pods.filter((pod) => isTracked(pod) && isLeft(pod));
    return { ...nothing, toUntrack, status: job.status ?? {} };
  }
  const view = observeJob(job, pods);
  const decided = decideEnding(view, nowMs);
  if (decided !== undefined) {
    // What still runs when a Job has succeeded is no failure.
    const leaving = decided.type === 'Failed' ? { endings: view.active } : { deletions: view.active };
    return { ...nothing, ...leaving, ...settle(view, decided, nowMs) };
  }
  const change = manage(view, nowMs);
  const left = view.active.length - change.deletions.length + change.creations.length;
  const complete = completion(view, left);
  if (complete !== undefined) return { ...nothing, ...change, ...settle(view, complete, nowMs) };
  const settled = settle(view, undefined, nowMs);
  return { ...change, ...settled, endings: [], waitMs: shortest(change.waitMs, deadlineLeftMs(job, nowMs)) };
}

/** How the Job ends, whatever its pods still do; the reasons are asked in the order of kube-controller-manager. */
function decideEnding(view: JobView, nowMs: number): Ending | undefined {
  const { job, failed, failedIndexes, doneIndexes } = view;
  const { backoffLimit = 6, maxFailedIndexes = Infinity, completions = 0 } = job.spec;
  const fail = (reason: string, message: string): Ending => ({ type: 'Failed', reason, message });
  const before = decidedEnding(job.status?.conditions ?? []);
  if (before !== undefined) return before;
  for (const pod of view.failedPods) {
    const { failsJob } = judgeFailure(job, pod);
    if (failsJob !== undefined) return fail('PodFailurePolicy', failsJob);
  }
  if (failed > backoffLimit || tooManyRestarts(view)) {
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  if ((deadlineLeftMs(job, nowMs) ?? 1) <= 0) {
    return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  const failedCount = failedIndexes?.size ?? 0;
  if (failedCount > maxFailedIndexes) {
    return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  if (failedCount > 0 && failedCount + doneIndexes.size >= completions) {
    return fail('FailedIndexes', 'Job has failed indexes');
  }
  const message = metSuccessRule(job, doneIndexes);
  return message === undefined ? undefined : { type: 'Complete', reason: 'SuccessPolicy', message };
}

/** With restartPolicy OnFailure the container restarts count instead of failed pods. */
function tooManyRestarts({ job, pods }: JobView): boolean {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false;
  const restarts = pods
    .filter((pod) => !isOver(pod))
    .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])])
    .reduce((sum, status) => sum + status.restartCount, 0);
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** Undefined without a deadline, or while it does not run. */
function deadlineLeftMs(job: Job, nowMs: number): number | undefined {
  const { activeDeadlineSeconds, suspend } = job.spec;
  if (activeDeadlineSeconds === undefined || suspend === true) return undefined;
  const startedAtMs = job.status?.startTime === undefined ? nowMs : Date.parse(job.status.startTime);
  return startedAtMs + activeDeadlineSeconds * 1000 - nowMs;
}

function completion({ job, succeeded }: JobView, active: number): Ending | undefined {
  const isEnough = succeeded >= (job.spec.completions ?? 1);
  if (!isEnough || active > 0) return undefined;
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

type Change = Pick<JobPlan, 'creations' | 'deletions' | 'waitMs'>;

/** Pods to create or to take back, never both at once. */
function manage(view: JobView, nowMs: number): Change {
  const { job, active, succeeded } = view;
  const nothing: Change = { creations: [], deletions: [], waitMs: undefined };
  if (job.spec.suspend === true) return { ...nothing, deletions: active };
  const { completions, parallelism = 1 } = job.spec;
  const wanted =
    completions === undefined
      ? succeeded > 0
        ? active.length
        : parallelism
      : Math.max(0, Math.min(parallelism, completions - succeeded));
  const deletions = toTakeBack(view, Math.max(0, active.length - wanted));
  if (deletions.length > 0) return { ...nothing, deletions };
  const lacking = wanted - active.length - (replacesOnlyFailed(job) ? view.terminating.length : 0);
  if (lacking <= 0) return nothing;
  if (view.failedIndexes !== undefined) return createPerIndex(view, lacking, nowMs);
  const waitMs = failureWaitMs(view.failedPods, view.succeededPods, nowMs);
  if (waitMs > 0) return { ...nothing, waitMs };
  if (!isIndexed(job)) {
    return { ...nothing, creations: Array.from({ length: lacking }, () => ({ index: undefined, annotations: {} })) };
  }
  return { ...nothing, creations: openIndexes(view, lacking).map((index) => ({ index, annotations: {} })) };
}

/** Each index waits for itself; the wait is told when none may begin. */
function createPerIndex(view: JobView, lacking: number, nowMs: number): Change {
  const { job, awaiting } = view;
  const open = openIndexes(view, lacking).map((index) => ({ index, waitMs: indexWaitMs(awaiting.get(index), nowMs) }));
  const creations = open
    .filter(({ waitMs }) => waitMs === 0)
    .map(({ index }) => ({ index, annotations: failureAnnotations(job, awaiting.get(index)) }));
  const waits = open.map(({ waitMs }) => waitMs).filter((waitMs) => waitMs > 0);
  return { creations, deletions: [], waitMs: shortest(...waits) };
}

/** The first indexes that have neither ended nor a pod. */
function openIndexes(view: JobView, count: number): number[] {
  const { job, active, doneIndexes, failedIndexes } = view;
  const kept = replacesOnlyFailed(job) ? [...active, ...view.terminating] : active;
  const taken = new Set([...doneIndexes, ...(failedIndexes ?? []), ...kept.map((pod) => indexOf(job, pod))]);
  const open: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && open.length < count; index++) {
    if (!taken.has(index)) open.push(index);
  }
  return open;
}

/** Pods without a place and the second ones of an index, then as many as there are too many. */
function toTakeBack({ job, active }: JobView, surplus: number): Pod[] {
  const ordered = sortForDeletion(active);
  const isRepeated = (pod: Pod, at: number): boolean =>
    isIndexed(job) && ordered.slice(at + 1).some((other) => indexOf(job, other) === indexOf(job, pod));
  const misplaced = ordered.filter((pod, at) => !hasPlace(job, pod) || isRepeated(pod, at));
  const others = ordered.filter((pod) => !misplaced.includes(pod));
  return [...misplaced, ...others.slice(0, Math.max(0, surplus - misplaced.length))];
}

/**
 * The status and the pods to let go. Results are counted in two steps, so that a crash between them counts nothing
 * twice: first they are told in the status (uids in `uncountedTerminatedPods`, indexes, the decided end), then the pods
 * lose their finalizer, then the uids become numbers. The end is told when every pod is counted and gone.
 */
function settle(
  view: JobView,
  ending: Ending | undefined,
  nowMs: number,
): Pick<JobPlan, 'status' | 'toUntrack' | 'events'> {
  const { job } = view;
  const before = job.status?.conditions ?? [];
  const leaving = view.pods.filter((pod) => isTracked(pod) && mayLeave(view, pod, ending));
  const counted = count(view, leaving, ending);
  const isLeft = Object.values(counted.open).some((uids) => uids.length > 0);
  const isOpen = isLeft || view.terminating.length > 0 || view.active.length > 0;
  const conditions =
    ending === undefined ? withSuspended(before, job.spec.suspend === true, nowMs) : withInterim(before, ending, nowMs);
  const base = statusOf(view, counted, nowMs);
  const toUntrack = leaving.filter((pod) => isTold(view, pod, ending));
  if (ending === undefined) {
    const isChanged = conditions.some((condition) => condition.type === 'Suspended' && !before.includes(condition));
    const isResumed = isChanged && job.spec.suspend !== true;
    const startTime = isResumed ? { startTime: toTimestamp(nowMs) } : {};
    const status = { ...base, ...startTime, ...(conditions.length > 0 && { conditions }) };
    return { toUntrack, status, events: isChanged ? [suspensionEvent(job)] : [] };
  }
  if (isOpen) return { toUntrack, status: { ...base, conditions }, events: [] };
  const finished = withEnding(conditions, ending, nowMs);
  const completionTime = ending.type === 'Complete' ? { completionTime: toTimestamp(nowMs) } : {};
  return {
    toUntrack,
    status: { ...base, ...completionTime, conditions: finished },
    events: endingEvents(view, ending),
  };
}

/** True when nothing about the pod is awaited any more. */
function mayLeave(view: JobView, pod: Pod, ending: Ending | undefined): boolean {
  if (ending !== undefined || pod.status?.phase === 'Succeeded') return true;
  if (!isFailed(view.job, pod)) return false;
  const index = indexOf(view.job, pod);
  return index === undefined || view.awaiting.get(index) !== pod;
}

/** When the Job has failed, what still runs counts as failed. */
function countsAsFailed(job: Job, pod: Pod, ending: Ending | undefined): boolean {
  const isLost = isFailed(job, pod) || (ending?.type === 'Failed' && pod.status?.phase !== 'Succeeded');
  return isLost && hasPlace(job, pod) && judgeFailure(job, pod).isCounted;
}

/** True when the status as it was read tells about the pod: only then may it go. */
function isTold(view: JobView, pod: Pod, ending: Ending | undefined): boolean {
  const { job } = view;
  const uid = pod.metadata.uid ?? '';
  const { succeeded = [], failed = [] } = job.status?.uncountedTerminatedPods ?? {};
  if (failed.includes(uid) || succeeded.includes(uid)) return true;
  if (countsAsFailed(job, pod, ending)) return false;
  if (pod.status?.phase === 'Succeeded') {
    const index = indexOf(job, pod);
    if (!isIndexed(job)) return false;
    return index === undefined || parseIndexes(job.status?.completedIndexes ?? '').includes(index);
  }
  return ending === undefined || decidedEnding(job.status?.conditions ?? []) !== undefined;
}

interface Counted {
  readonly open: { succeeded: string[]; failed: string[] };
  readonly succeeded: number;
  readonly failed: number;
}

function count(view: JobView, leaving: readonly Pod[], ending: Ending | undefined): Counted {
  const { job } = view;
  const written = job.status?.uncountedTerminatedPods ?? {};
  const tracked = new Set(view.pods.filter(isTracked).map((pod) => pod.metadata.uid ?? ''));
  const split = (uids: readonly string[] = []): { open: string[]; settled: number } => {
    const open = uids.filter((uid) => tracked.has(uid));
    return { open, settled: uids.length - open.length };
  };
  const [succeeded, failed] = [split(written.succeeded), split(written.failed)];
  for (const pod of leaving) {
    const uid = pod.metadata.uid ?? '';
    if (failed.open.includes(uid) || succeeded.open.includes(uid)) continue;
    if (succeeded.open.length + failed.open.length >= uncountedMax) break;
    if (countsAsFailed(job, pod, ending)) failed.open.push(uid);
    else if (pod.status?.phase === 'Succeeded' && !isIndexed(job)) succeeded.open.push(uid);
  }
  return {
    open: { succeeded: succeeded.open, failed: failed.open },
    succeeded: isIndexed(job) ? view.doneIndexes.size : (job.status?.succeeded ?? 0) + succeeded.settled,
    failed: (job.status?.failed ?? 0) + failed.settled,
  };
}

function statusOf(view: JobView, counted: Counted, nowMs: number): JobStatus {
  const { job, active, doneIndexes, failedIndexes } = view;
  const { succeeded, failed, open } = counted;
  const startTime = job.status?.startTime ?? (job.spec.suspend === true ? undefined : toTimestamp(nowMs));
  return {
    ...(active.length > 0 && { active: active.length }),
    ...(doneIndexes.size > 0 && { completedIndexes: writeIndexes(doneIndexes) }),
    ...(failed > 0 && { failed }),
    ...(failedIndexes !== undefined && { failedIndexes: writeIndexes(failedIndexes) }),
    ready: active.filter(isReady).length,
    ...(startTime !== undefined && { startTime }),
    ...(succeeded > 0 && { succeeded }),
    terminating: view.terminating.length,
    uncountedTerminatedPods: {
      ...(open.succeeded.length > 0 && { succeeded: open.succeeded }),
      ...(open.failed.length > 0 && { failed: open.failed }),
    },
  };
}

function suspensionEvent(job: Job): EventInput {
  return job.spec.suspend === true
    ? { type: 'Normal', reason: 'Suspended', message: 'Job suspended' }
    : { type: 'Normal', reason: 'Resumed', message: 'Job resumed' };
}

function endingEvents({ job, succeeded }: JobView, ending: Ending): EventInput[] {
  if (ending.type === 'Failed') return [{ type: 'Warning', reason: ending.reason, message: ending.message }];
  const completed: EventInput = { type: 'Normal', reason: 'Completed', message: 'Job completed' };
  if (succeeded <= (job.spec.completions ?? Infinity)) return [completed];
  const message = 'Too many succeeded pods running after completion count reached';
  return [{ type: 'Warning', reason: 'TooManySucceededPods', message }, completed];
}

function shortest(...waitsMs: readonly (number | undefined)[]): number | undefined {
  const known = waitsMs.filter((waitMs): waitMs is number => waitMs !== undefined);
  return known.length === 0 ? undefined : Math.max(1, Math.min(...known));
}
