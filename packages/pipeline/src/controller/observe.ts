/** What the Jobs of a pipeline did so far. Pure. */

import type { AnyObject, Condition, Pipeline, Pod } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';
import type { PlannedJob } from '../config/plan.ts';
import { attemptAnnotation, jobAnnotation } from '../names.ts';
import { isFinished, type JobState } from './decide.ts';

export interface ObservedJob extends JobState {
  readonly jobName?: string;
  readonly podName?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface Observed {
  /** Jobs that started or are over. */
  readonly states: ReadonlyMap<string, ObservedJob>;
  /** The attempt a job that is to start gets; 1 when absent. */
  readonly nextAttempt: ReadonlyMap<string, number>;
}

/** Attempts that an interruption (a restart of Towpath) may cost beyond the job's own retries. */
const maxInterruptions = 3;

/** Finished states are taken from the status: Jobs may be gone by then. */
export function observe(
  pipeline: Pipeline,
  plan: readonly PlannedJob[],
  objects: { readonly jobs: readonly AnyObject[]; readonly pods: readonly Pod[] },
): Observed {
  const states = new Map<string, ObservedJob>();
  const nextAttempt = new Map<string, number>();
  const recorded = new Map((pipeline.status?.jobs ?? []).map((job) => [job.name, job]));
  for (const job of plan) {
    const known = recorded.get(job.name);
    if (known !== undefined && isFinished(known.phase)) {
      states.set(job.name, known);
      continue;
    }
    const attempts = objects.jobs
      .filter((object) => object.metadata.annotations?.[jobAnnotation] === job.name)
      .toSorted((left, right) => attemptOf(left) - attemptOf(right));
    const last = attempts.at(-1);
    if (last === undefined) continue;
    const pod = objects.pods.find((candidate) => isOwnedBy(candidate, last));
    const state = stateOf(last, pod);
    if (state.phase === 'Failed' && mayTryAgain(job, attempts, objects.pods)) {
      nextAttempt.set(job.name, attemptOf(last) + 1);
    } else states.set(job.name, state);
  }
  return { states, nextAttempt };
}

function attemptOf(object: AnyObject): number {
  return Number(object.metadata.annotations?.[attemptAnnotation] ?? 1);
}

function isOwnedBy(pod: Pod, job: AnyObject): boolean {
  return pod.metadata.ownerReferences?.some((owner) => owner.uid === job.metadata.uid) === true;
}

function stateOf(job: AnyObject, pod: Pod | undefined): ObservedJob {
  const status = isRecord(job['status']) ? job['status'] : {};
  const startedAt = typeof status['startTime'] === 'string' ? status['startTime'] : undefined;
  const common = {
    jobName: job.metadata.name,
    ...(pod !== undefined && { podName: pod.metadata.name }),
    ...(startedAt !== undefined && { startedAt }),
  };
  const complete = conditionOf(job, 'Complete');
  if (complete !== undefined) {
    const finishedAt = complete.lastTransitionTime;
    return { ...common, phase: 'Succeeded', ...(finishedAt !== undefined && { finishedAt }) };
  }
  const failed = conditionOf(job, 'Failed');
  if (failed === undefined) return { ...common, phase: 'Running' };
  const message = failureMessage(failed, pod);
  const finishedAt = failed.lastTransitionTime;
  return { ...common, phase: 'Failed', message, ...(finishedAt !== undefined && { finishedAt }) };
}

function conditionOf(job: AnyObject, type: string): Condition | undefined {
  const conditions = getIn(job, ['status', 'conditions']);
  if (!Array.isArray(conditions)) return undefined;
  // Written by the Job controller, whose conditions have this form.
  return (conditions as Condition[]).find((condition) => condition.type === type && condition.status === 'True');
}

/** True when the Job object is over. */
export function isJobFinished(job: AnyObject): boolean {
  return conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined;
}

function failureMessage(condition: Condition, pod: Pod | undefined): string {
  if (condition.reason === 'DeadlineExceeded') return 'it took longer than its timeout';
  const code = exitCodeOf(pod);
  if (code !== undefined) return `exit code ${code}`;
  const waiting = getIn(pod, ['status', 'containerStatuses', 0, 'state', 'waiting', 'message']);
  return typeof waiting === 'string' ? waiting : (condition.message ?? 'its pod failed');
}

function exitCodeOf(pod: Pod | undefined): number | undefined {
  const code = getIn(pod, ['status', 'containerStatuses', 0, 'state', 'terminated', 'exitCode']);
  return typeof code === 'number' ? code : undefined;
}

/** Killed from outside (128 + signal), or lost with the node (the kubelet then says 255 or that it does not know). */
function wasInterrupted(pod: Pod | undefined): boolean {
  const code = exitCodeOf(pod);
  const reason = getIn(pod, ['status', 'containerStatuses', 0, 'state', 'terminated', 'reason']);
  if (reason === 'Unknown' || reason === 'ContainerStatusUnknown') return true;
  return code === 137 || code === 143 || code === 255;
}

/** A script that ended by itself uses up a retry; one that was killed from outside does not. */
function mayTryAgain(job: PlannedJob, attempts: readonly AnyObject[], pods: readonly Pod[]): boolean {
  const interrupted = attempts.filter((attempt) => {
    if (conditionOf(attempt, 'Failed')?.reason === 'DeadlineExceeded') return false;
    return wasInterrupted(pods.find((pod) => isOwnedBy(pod, attempt)));
  }).length;
  const lastCondition = attempts.at(-1);
  if (lastCondition !== undefined && conditionOf(lastCondition, 'Failed')?.reason === 'DeadlineExceeded') return false;
  return attempts.length - interrupted <= job.retries && interrupted <= maxInterruptions;
}
