/** The status of a Deployment: counts and the conditions Available, Progressing and ReplicaFailure. */

import { findCondition, type Condition, type Deployment } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import type { ReplicaSet } from '../types.ts';
import { replicasOf, strategyOf, sumAvailable, sumReplicas } from './numbers.ts';

export type DeploymentStatus = NonNullable<Deployment['status']>;

/** No deadline: the condition Progressing is not kept. */
const unlimited = 2 ** 31 - 1;

export function progressDeadlineSeconds(deployment: Deployment): number | undefined {
  const seconds = deployment.spec['progressDeadlineSeconds'];
  return typeof seconds === 'number' && seconds !== unlimited ? seconds : undefined;
}

/** The counts and the conditions that follow from the ReplicaSets alone. */
export function countStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const sum = (value: (set: ReplicaSet) => number | undefined): number =>
    all.reduce((total, set) => total + (value(set) ?? 0), 0);
  const available = sumAvailable(all);
  const counts = {
    replicas: sum((set) => set.status?.replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sumReplicas(all) - available),
  };
  const { collisionCount } = deployment.status ?? {};
  const enough = available >= replicasOf(deployment) - strategyOf(deployment).maxUnavailable;
  const conditions = updateCondition(
    deployment.status?.conditions ?? [],
    enough
      ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
      : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'),
    nowMs,
  );
  const present = Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0));
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...present,
    ...(collisionCount !== undefined && { collisionCount }),
    conditions,
  };
}

/** The status while a rollout goes on, with the progress condition and what the ReplicaSets complain of. */
export function rolloutStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const status = countStatus(deployment, all, newest, nowMs);
  const deadline = progressDeadlineSeconds(deployment);
  let conditions = status.conditions ?? [];
  if (deadline === undefined) conditions = conditions.filter(({ type }) => type !== 'Progressing');
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  const finished =
    current?.reason === 'NewReplicaSetAvailable' && count(status, 'replicas') === count(status, 'updatedReplicas');
  if (deadline !== undefined && !finished) {
    conditions = progress({ deployment, status, conditions, current, newest, deadlineSeconds: deadline, nowMs });
  }
  return { ...status, conditions: withReplicaFailure(conditions, all, nowMs) };
}

function progress(options: {
  deployment: Deployment;
  status: DeploymentStatus;
  conditions: Condition[];
  current: Condition | undefined;
  newest: ReplicaSet | undefined;
  deadlineSeconds: number;
  nowMs: number;
}): Condition[] {
  const { deployment, status, conditions, current, newest, nowMs } = options;
  const subject =
    newest === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newest.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return updateCondition(conditions, condition('Progressing', 'True', 'NewReplicaSetAvailable', message), nowMs);
  }
  if (hasMoved(deployment.status ?? {}, status)) {
    const next = condition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`);
    return replaceCondition(conditions, next, current?.status === 'True' ? current : undefined, nowMs);
  }
  if (hasTimedOut(current, options.deadlineSeconds, nowMs)) {
    const message = `${subject} has timed out progressing.`;
    return updateCondition(conditions, condition('Progressing', 'False', 'ProgressDeadlineExceeded', message), nowMs);
  }
  return conditions;
}

/** Every replica is of the newest template and available, and the spec was seen. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas];
  return counts.every((value) => (value ?? 0) === wanted) && isObserved(deployment, status);
}

function isObserved(deployment: Deployment, status: DeploymentStatus): boolean {
  return (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
}

function hasMoved(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => count(status, 'replicas') - count(status, 'updatedReplicas');
  return (
    count(after, 'updatedReplicas') > count(before, 'updatedReplicas') ||
    old(after) < old(before) ||
    count(after, 'readyReplicas') > count(before, 'readyReplicas') ||
    count(after, 'availableReplicas') > count(before, 'availableReplicas')
  );
}

/** True when nothing moved for longer than the deadline. */
export function hasTimedOut(current: Condition | undefined, deadlineSeconds: number, nowMs: number): boolean {
  if (current === undefined || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  const since = Date.parse(current.lastUpdateTime ?? current.lastTransitionTime ?? '');
  return since + deadlineSeconds * 1000 < nowMs;
}

function withReplicaFailure(conditions: Condition[], all: readonly ReplicaSet[], nowMs: number): Condition[] {
  const failure = all.map((set) => findCondition(set.status?.conditions, 'ReplicaFailure')).find((found) => found);
  if (failure === undefined) return conditions.filter(({ type }) => type !== 'ReplicaFailure');
  const { reason, message } = failure;
  return updateCondition(conditions, condition('ReplicaFailure', 'True', reason ?? '', message ?? ''), nowMs);
}

type Counts = 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas';

function count(status: DeploymentStatus, member: Counts): number {
  return status[member] ?? 0;
}

export function condition(type: string, status: Condition['status'], reason: string, message: string): Condition {
  return { type, status, reason, message };
}

/** Sets a condition; nothing changes, times included, when status and reason are the same. */
export function updateCondition(conditions: readonly Condition[], next: Condition, nowMs: number): Condition[] {
  const current = findCondition(conditions, next.type);
  if (current?.status === next.status && current.reason === next.reason) return [...conditions];
  return replaceCondition(conditions, next, current?.status === next.status ? current : undefined, nowMs);
}

/** Puts `next` last with a new update time; the transition time is that of `unchanged`, when given. */
function replaceCondition(
  conditions: readonly Condition[],
  next: Condition,
  unchanged: Condition | undefined,
  nowMs: number,
): Condition[] {
  const now = toTimestamp(nowMs);
  const others = conditions.filter(({ type }) => type !== next.type);
  const { type, status, reason, message } = next;
  const lastTransitionTime = unchanged?.lastTransitionTime ?? now;
  return [
    ...others,
    {
      type,
      status,
      lastUpdateTime: now,
      lastTransitionTime,
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
    },
  ];
}
