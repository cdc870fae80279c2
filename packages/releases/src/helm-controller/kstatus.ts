/** Whether an object has become what its spec asks for. Source: fluxcd/cli-utils pkg/kstatus/status. */

import type { AnyObject, Condition } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';

export type ObjectStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown';

type Rule = (object: AnyObject) => ObjectStatus;

/** `NotFound` for undefined. `rules` come before the built-in ones, by `group/Kind` (`/Pod` for core). */
export function objectStatus(
  object: AnyObject | undefined,
  rules: Readonly<Record<string, Rule>> = {},
): ObjectStatus {
  if (object === undefined) return 'NotFound';
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : '';
  const name = `${group}/${object.kind}`;
  const own = rules[name];
  if (own !== undefined) return own(object);
  return generalStatus(object) ?? builtin[name]?.(object) ?? readyStatus(object) ?? 'Current';
}

/** What holds for every kind: deletion, the generation and the conditions Reconciling and Stalled. */
function generalStatus(object: AnyObject): ObjectStatus | undefined {
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const observed = getIn(object, ['status', 'observedGeneration']);
  const { generation } = object.metadata;
  if (generation !== undefined && observed !== undefined && observed !== generation) return 'InProgress';
  if (has(object, 'Reconciling', 'True')) return 'InProgress';
  return has(object, 'Stalled', 'True') ? 'Failed' : undefined;
}

function readyStatus(object: AnyObject): ObjectStatus | undefined {
  const ready = conditionsOf(object).find(({ type }) => type === 'Ready');
  if (ready === undefined) return undefined;
  return ready.status === 'True' ? 'Current' : 'InProgress';
}

const builtin: Readonly<Record<string, Rule>> = {
  '/Service': (object) =>
    getIn(object, ['spec', 'type']) === 'LoadBalancer' && (getIn(object, ['spec', 'clusterIP']) ?? '') === ''
      ? 'InProgress'
      : 'Current',
  '/Pod': podStatus,
  '/Secret': () => 'Current',
  '/ConfigMap': () => 'Current',
  '/PersistentVolumeClaim': (object) =>
    getIn(object, ['status', 'phase']) === 'Bound' ? 'Current' : 'InProgress',
  'apps/StatefulSet': statefulSetStatus,
  'apps/DaemonSet': daemonSetStatus,
  'apps/Deployment': deploymentStatus,
  'apps/ReplicaSet': replicaSetStatus,
  'policy/PodDisruptionBudget': () => 'Current',
  'batch/CronJob': () => 'Current',
  'batch/Job': (object) => jobEnd(object) ?? (startedJob(object) ? 'Current' : 'InProgress'),
  'apiextensions.k8s.io/CustomResourceDefinition': definitionStatus,
};

function deploymentStatus(object: AnyObject): ObjectStatus {
  const deadline = getIn(object, ['spec', 'progressDeadlineSeconds']);
  const progressing = conditionsOf(object).find(({ type }) => type === 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') return 'Failed';
  const wanted = count(object, ['spec', 'replicas'], 1);
  const total = count(object, ['status', 'replicas']);
  const updated = count(object, ['status', 'updatedReplicas']);
  const inNumbers =
    wanted <= total &&
    wanted <= updated &&
    total <= wanted &&
    updated <= count(object, ['status', 'availableReplicas']) &&
    wanted <= count(object, ['status', 'readyReplicas']);
  const isThrough =
    deadline === undefined ||
    deadline === 2 ** 31 - 1 ||
    (progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable');
  return inNumbers && isThrough && has(object, 'Available', 'True') ? 'Current' : 'InProgress';
}

function replicaSetStatus(object: AnyObject): ObjectStatus {
  const wanted = count(object, ['spec', 'replicas'], 1);
  const reached =
    !has(object, 'ReplicaFailure', 'True') &&
    wanted <= count(object, ['status', 'fullyLabeledReplicas']) &&
    wanted <= count(object, ['status', 'availableReplicas']) &&
    wanted <= count(object, ['status', 'readyReplicas']) &&
    count(object, ['status', 'replicas']) <= wanted;
  return reached ? 'Current' : 'InProgress';
}

function statefulSetStatus(object: AnyObject): ObjectStatus {
  if (getIn(object, ['spec', 'updateStrategy', 'type']) === 'OnDelete') return 'Current';
  const wanted = count(object, ['spec', 'replicas'], 1);
  const total = count(object, ['status', 'replicas']);
  if (wanted !== total || wanted > count(object, ['status', 'readyReplicas'])) return 'InProgress';
  const partition = getIn(object, ['spec', 'updateStrategy', 'rollingUpdate', 'partition']);
  if (typeof partition === 'number') {
    return count(object, ['status', 'updatedReplicas']) < wanted - partition ? 'InProgress' : 'Current';
  }
  if (wanted > count(object, ['status', 'currentReplicas'])) return 'InProgress';
  const current = getIn(object, ['status', 'currentRevision']);
  return current === getIn(object, ['status', 'updateRevision']) ? 'Current' : 'InProgress';
}

function daemonSetStatus(object: AnyObject): ObjectStatus {
  if (getIn(object, ['status', 'observedGeneration']) === undefined) return 'InProgress';
  const desired = getIn(object, ['status', 'desiredNumberScheduled']);
  if (typeof desired !== 'number') return 'InProgress';
  const reached = ['currentNumberScheduled', 'updatedNumberScheduled', 'numberAvailable', 'numberReady'].every(
    (member) => desired <= count(object, ['status', member]),
  );
  return reached ? 'Current' : 'InProgress';
}

function podStatus(object: AnyObject): ObjectStatus {
  switch (getIn(object, ['status', 'phase'])) {
    case 'Succeeded':
    case 'Failed':
      return 'Current';
    case 'Running':
      if (has(object, 'Ready', 'True')) return 'Current';
      return isCrashLooping(object) ? 'Failed' : 'InProgress';
    default:
      return 'InProgress';
  }
}

function isCrashLooping(object: AnyObject): boolean {
  const statuses = getIn(object, ['status', 'containerStatuses']);
  return (
    Array.isArray(statuses) &&
    statuses.some((status) => getIn(status, ['state', 'waiting', 'reason']) === 'CrashLoopBackOff')
  );
}

function definitionStatus(object: AnyObject): ObjectStatus {
  if (has(object, 'NamesAccepted', 'False')) return 'Failed';
  const established = conditionsOf(object).find(({ type }) => type === 'Established');
  if (established?.status === 'True') return 'Current';
  return established?.status === 'False' && established.reason !== 'Installing' ? 'Failed' : 'InProgress';
}

/** Undefined while a Job runs. */
function jobEnd(object: AnyObject): ObjectStatus | undefined {
  if (has(object, 'Complete', 'True')) return 'Current';
  return has(object, 'Failed', 'True') ? 'Failed' : undefined;
}

function startedJob(object: AnyObject): boolean {
  return getIn(object, ['status', 'startTime']) !== undefined;
}

/** A Job is waited for until it has ended. */
export const jobsToTheirEnd: Readonly<Record<string, Rule>> = {
  'batch/Job': (object) =>
    getIn(object, ['spec', 'suspend']) === true ? 'Current' : (jobEnd(object) ?? 'InProgress'),
};

/** Of hooks, only Jobs and Pods are waited for, until they have ended. */
export function hookStatus(object: AnyObject | undefined): ObjectStatus {
  if (object === undefined) return 'NotFound';
  const isPod = object.apiVersion === 'v1' && object.kind === 'Pod';
  if (isPod) {
    const phase = getIn(object, ['status', 'phase']);
    return phase === 'Succeeded' ? 'Current' : phase === 'Failed' ? 'Failed' : 'InProgress';
  }
  return object.kind === 'Job' ? objectStatus(object, jobsToTheirEnd) : 'Current';
}

function conditionsOf(object: AnyObject): Condition[] {
  const conditions = getIn(object, ['status', 'conditions']);
  return Array.isArray(conditions) ? (conditions.filter(isRecord) as unknown as Condition[]) : [];
}

function has(object: AnyObject, type: string, status: Condition['status']): boolean {
  return conditionsOf(object).some((condition) => condition.type === type && condition.status === status);
}

function count(object: AnyObject, path: readonly string[], fallback = 0): number {
  const value = getIn(object, path);
  return typeof value === 'number' ? value : fallback;
}
