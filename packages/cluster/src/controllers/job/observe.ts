/** What the pods of a Job say: which are active, succeeded and failed, with the numbers its limits look at. Pure. */

import type { Pod } from '@towpath/api';
import { isActive } from '../pod-state.ts';
import type { Job } from '../types.ts';
import { attempts, failuresBefore, finishedAtMs } from './failures.ts';
import { indexOf, isIndexed, parseIndexes } from './indexes.ts';
import { judgeFailure } from './policies.ts';

export const jobTrackingFinalizer = 'batch.kubernetes.io/job-tracking';

export interface JobView {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  /** Being deleted and not over. */
  readonly terminating: readonly Pod[];
  /** Succeeded and failed ones, those that are counted already included. */
  readonly succeededPods: readonly Pod[];
  readonly failedPods: readonly Pod[];
  /** Counted ones and those to count. */
  readonly succeeded: number;
  readonly failed: number;
  readonly doneIndexes: ReadonlySet<number>;
  /** Undefined without `backoffLimitPerIndex`. */
  readonly failedIndexes: ReadonlySet<number> | undefined;
  /** By index: the failed pod that stays until its replacement has taken over its count of failures. */
  readonly awaiting: ReadonlyMap<number, Pod>;
}

/** Source: Kubernetes pkg/controller/job/job_controller.go, syncJob up to the end conditions. */
export function observeJob(job: Job, pods: readonly Pod[]): JobView {
  const written = job.status?.uncountedTerminatedPods ?? {};
  const isNew = (pod: Pod, uids: readonly string[] = []): boolean =>
    isTracked(pod) && !uids.includes(pod.metadata.uid ?? '') && hasPlace(job, pod);
  const active = pods.filter(isActive);
  const succeededPods = pods.filter(({ status }) => status?.phase === 'Succeeded');
  const failedPods = pods.filter((pod) => isFailed(job, pod));
  const newFailed = failedPods.filter((pod) => isNew(pod, written.failed) && judgeFailure(job, pod).isCounted);
  const newSucceeded = succeededPods.filter((pod) => isNew(pod, written.succeeded));
  const doneIndexes = indexesDone(job, succeededPods);
  const failedIndexes = indexesFailed(job, failedPods);
  const count = (job.status?.succeeded ?? 0) + (written.succeeded?.length ?? 0) + newSucceeded.length;
  const view = {
    job,
    pods,
    active,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isOver(pod)),
    succeededPods,
    failedPods,
    succeeded: isIndexed(job) ? doneIndexes.size : count,
    failed: (job.status?.failed ?? 0) + (written.failed?.length ?? 0) + newFailed.length,
    doneIndexes,
    failedIndexes,
  };
  return { ...view, awaiting: failedIndexes === undefined ? new Map() : awaitingReplacement(view) };
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(jobTrackingFinalizer) === true;
}

export function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** True unless the Job is indexed and the pod has none of its indexes. */
export function hasPlace(job: Job, pod: Pod): boolean {
  return !isIndexed(job) || indexOf(job, pod) !== undefined;
}

/** Failed, or being deleted where that counts at once. */
export function isFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (replacesOnlyFailed(job)) return false;
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

/** A pod that is being deleted is replaced when it has ended, not before. */
export function replacesOnlyFailed(job: Job): boolean {
  return job.spec.podReplacementPolicy === 'Failed' || job.spec.podFailurePolicy !== undefined;
}

function indexesDone(job: Job, succeededPods: readonly Pod[]): Set<number> {
  const done = new Set(parseIndexes(job.status?.completedIndexes ?? '', job.spec.completions));
  if (!isIndexed(job)) return new Set();
  for (const pod of succeededPods) {
    const index = indexOf(job, pod);
    if (index !== undefined && isTracked(pod)) done.add(index);
  }
  return done;
}

function indexesFailed(job: Job, failedPods: readonly Pod[]): Set<number> | undefined {
  const { backoffLimitPerIndex, completions } = job.spec;
  if (backoffLimitPerIndex === undefined || !isIndexed(job)) return undefined;
  const failed = new Set(parseIndexes(job.status?.failedIndexes ?? '', completions));
  for (const pod of failedPods) {
    const index = indexOf(job, pod);
    if (index === undefined || !isTracked(pod)) continue;
    const { action, isCounted } = judgeFailure(job, pod);
    if (action === 'FailIndex' || (isCounted && failuresBefore(pod) >= backoffLimitPerIndex)) failed.add(index);
  }
  return failed;
}

function awaitingReplacement(view: Omit<JobView, 'awaiting'>): Map<number, Pod> {
  const { job, doneIndexes, failedIndexes } = view;
  const taken = new Set(view.active.map((pod) => indexOf(job, pod)));
  const awaiting = new Map<number, Pod>();
  for (const pod of view.failedPods.filter(isTracked)) {
    const index = indexOf(job, pod);
    if (index === undefined || taken.has(index) || doneIndexes.has(index) || failedIndexes?.has(index)) continue;
    const known = awaiting.get(index);
    const isLater =
      known === undefined || (attempts(known) <= attempts(pod) && finishedAtMs(known) <= finishedAtMs(pod));
    if (isLater) awaiting.set(index, pod);
  }
  return awaiting;
}
