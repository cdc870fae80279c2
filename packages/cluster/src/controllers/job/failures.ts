/** When a failed pod of a Job is replaced: back-off, and the counts kept per index. Source: pkg/controller/job. */

import { findCondition, type ContainerStatus, type Pod } from '@towpath/api';
import type { Job } from '../types.ts';
import { judgeFailure } from './policies.ts';

/** Wait before a new pod after a failed one: 10 s, doubled per failure, at most 10 min. */
const delayFirstMs = 10_000;
const delayMaxMs = 600_000;

const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

/** Milliseconds until the next pod may be created, after the failures since the last success; 0 is now. */
export function failureWaitMs(failed: readonly Pod[], succeeded: readonly Pod[], nowMs: number): number {
  const lastSuccessMs = Math.max(-Infinity, ...succeeded.map(finishedAtMs));
  const endsMs = failed.map(finishedAtMs).filter((endMs) => endMs > lastSuccessMs);
  return endsMs.length === 0 ? 0 : leftMs(endsMs.length, Math.max(...endsMs), nowMs);
}

/** The same for one index of a Job with `backoffLimitPerIndex`, after its last failed pod. */
export function indexWaitMs(last: Pod | undefined, nowMs: number): number {
  return last === undefined ? 0 : leftMs(attempts(last) + 1, finishedAtMs(last), nowMs);
}

function leftMs(failures: number, lastMs: number, nowMs: number): number {
  return Math.max(0, lastMs + Math.min(delayMaxMs, delayFirstMs * 2 ** (failures - 1)) - nowMs);
}

/** When a pod ended, as well as its object tells. */
export function finishedAtMs(pod: Pod): number {
  const sidecars = (pod.spec.initContainers ?? [])
    .filter(({ restartPolicy }) => restartPolicy === 'Always')
    .map(({ name }) => name);
  const init = (pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.includes(name));
  const endsMs = [...(pod.status?.containerStatuses ?? []), ...init].map(terminatedAtMs);
  if (endsMs.length > 0 && endsMs.every((endMs) => !Number.isNaN(endMs))) return Math.max(...endsMs);
  const ready = findCondition(pod.status?.conditions, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime !== undefined) return Date.parse(ready.lastTransitionTime);
  const { deletionTimestamp, creationTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  if (deletionTimestamp !== undefined) return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return Date.parse(creationTimestamp ?? '') || 0;
}

function terminatedAtMs(status: ContainerStatus): number {
  const terminated = status.state?.['terminated'] as { finishedAt?: string } | undefined;
  return Date.parse(terminated?.finishedAt ?? '');
}

/** Failures of the index before this pod that count against `backoffLimitPerIndex`. */
export function failuresBefore(pod: Pod): number {
  return countIn(pod, failureCountAnnotation);
}

/** All failures of the index before this pod. */
export function attempts(pod: Pod): number {
  return failuresBefore(pod) + countIn(pod, ignoredCountAnnotation);
}

/** What the replacement of a failed pod (none: the first of its index) carries about the failures before it. */
export function failureAnnotations(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (replaced === undefined) return { [failureCountAnnotation]: '0' };
  const { isCounted } = judgeFailure(job, replaced);
  const counted = failuresBefore(replaced) + (isCounted ? 1 : 0);
  const ignored = countIn(replaced, ignoredCountAnnotation) + (isCounted ? 0 : 1);
  return {
    [failureCountAnnotation]: String(counted),
    ...(ignored > 0 && { [ignoredCountAnnotation]: String(ignored) }),
  };
}

function countIn(pod: Pod, annotation: string): number {
  const text = pod.metadata.annotations?.[annotation] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
