/**
 * What state an object is in, by the rules every Kubernetes tool shares: Current, InProgress, Failed, Terminating.
 * Source: kstatus (sigs.k8s.io/cli-utils pkg/kstatus/status), with the Jobs of fluxcd/pkg/runtime/statusreaders.
 */

import { findCondition, parseApiVersion, type AnyObject, type Condition, type KubeObject } from '@towpath/api';
import { getIn, isRecord } from '@towpath/kit';

export type ObjectState = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown';

/** The state of one object: `reason` is the machine word (empty where kstatus has none), `message` a sentence. */
export interface ObjectStatus {
  readonly state: ObjectState;
  readonly reason: string;
  readonly message: string;
}

/** How long a pod may be unscheduled before it counts as failed. */
const scheduleWindowMs = 15_000;

/** The state of `object`; of undefined it is NotFound. `nowMs` is wall time: pods get a while to be scheduled. */
export function objectStatus(object: KubeObject | undefined, nowMs: number): ObjectStatus {
  if (object === undefined) return { state: 'NotFound', reason: '', message: 'Resource not found' };
  const any = object as AnyObject;
  const general = generalStatus(any);
  if (general !== undefined) return general;
  const { group } = parseApiVersion(any.apiVersion);
  const rule = rules[group === '' ? any.kind : `${group}/${any.kind}`];
  if (rule !== undefined) return rule(any, nowMs);
  return readyStatus(any) ?? current('Resource is current');
}

/** True for a pod that failed for good: what waits for its workload need not wait longer. */
export function isFailedForGood(pod: KubeObject, nowMs: number): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  const { state, reason } = objectStatus(pod, nowMs);
  return state === 'Failed' && reason !== 'PodUnschedulable';
}

function current(message: string): ObjectStatus {
  return { state: 'Current', reason: '', message };
}

function inProgress(reason: string, message: string): ObjectStatus {
  return { state: 'InProgress', reason, message };
}

function failed(reason: string, message: string): ObjectStatus {
  return { state: 'Failed', reason, message };
}

function generalStatus(object: AnyObject): ObjectStatus | undefined {
  const { deletionTimestamp, generation } = object.metadata;
  if (deletionTimestamp !== undefined && deletionTimestamp !== '') {
    return { state: 'Terminating', reason: '', message: 'Resource scheduled for deletion' };
  }
  const observed = getIn(object, ['status', 'observedGeneration']);
  if (generation !== undefined && typeof observed === 'number' && observed !== generation) {
    const message = `${object.kind} generation is ${generation}, but latest observed generation is ${observed}`;
    return inProgress('LatestGenerationNotObserved', message);
  }
  for (const { type, status, reason = '', message = '' } of conditionsOf(object)) {
    if (status !== 'True') continue;
    if (type === 'Reconciling') return inProgress(reason, message);
    if (type === 'Stalled') return failed(reason, message);
  }
  return undefined;
}

function readyStatus(object: AnyObject): ObjectStatus | undefined {
  const ready = findCondition(conditionsOf(object), 'Ready');
  if (ready?.status === 'True') return current('Resource is Ready');
  if (ready?.status === 'False' || ready?.status === 'Unknown') {
    return inProgress(ready.reason ?? '', ready.message ?? '');
  }
  return undefined;
}

type Rule = (object: AnyObject, nowMs: number) => ObjectStatus;

const alwaysReady: Rule = () => current('Resource is always ready');

const rules: Readonly<Record<string, Rule>> = {
  Service: serviceStatus,
  Pod: podStatus,
  Secret: alwaysReady,
  ConfigMap: alwaysReady,
  PersistentVolumeClaim: claimStatus,
  'apps/StatefulSet': statefulSetStatus,
  'apps/DaemonSet': daemonSetStatus,
  'extensions/DaemonSet': daemonSetStatus,
  'apps/Deployment': deploymentStatus,
  'extensions/Deployment': deploymentStatus,
  'apps/ReplicaSet': replicaSetStatus,
  'extensions/ReplicaSet': replicaSetStatus,
  'policy/PodDisruptionBudget': () => current('AllowedDisruptions has been computed.'),
  'batch/CronJob': alwaysReady,
  'batch/Job': jobStatus,
  'apiextensions.k8s.io/CustomResourceDefinition': definitionStatus,
};

function conditionsOf(object: AnyObject): readonly Condition[] {
  const conditions = getIn(object, ['status', 'conditions']);
  return Array.isArray(conditions) ? conditions.filter((item): item is Condition => isRecord(item)) : [];
}

function count(object: AnyObject, path: readonly string[], absent: number): number {
  const value = getIn(object, path);
  return typeof value === 'number' ? value : absent;
}

function text(object: AnyObject, path: readonly string[], absent = ''): string {
  const value = getIn(object, path);
  return typeof value === 'string' ? value : absent;
}

function statefulSetStatus(object: AnyObject): ObjectStatus {
  if (text(object, ['spec', 'updateStrategy', 'type']) === 'OnDelete') {
    return current('StatefulSet is using the ondelete update strategy');
  }
  const wanted = count(object, ['spec', 'replicas'], 1);
  const of = (name: string): number => count(object, ['status', name], 0);
  const [replicas, ready, updated] = [of('replicas'), of('readyReplicas'), of('updatedReplicas')];
  const partition = count(object, ['spec', 'updateStrategy', 'rollingUpdate', 'partition'], -1);
  if (wanted > replicas) return inProgress('LessReplicas', `Replicas: ${replicas}/${wanted}`);
  if (wanted > ready) return inProgress('LessReady', `Ready: ${ready}/${wanted}`);
  if (replicas > wanted) return inProgress('ExtraPods', `Pending termination: ${replicas - wanted}`);
  if (partition !== -1) {
    const due = wanted - partition;
    if (updated < due) return inProgress('PartitionRollout', `updated: ${updated}/${due}`);
    return current(`Partition rollout complete. updated: ${updated}`);
  }
  const currentReplicas = of('currentReplicas');
  if (wanted > currentReplicas) return inProgress('LessCurrent', `current: ${currentReplicas}/${wanted}`);
  if (text(object, ['status', 'currentRevision']) !== text(object, ['status', 'updateRevision'])) {
    return inProgress('RevisionMismatch', 'Waiting for updated revision to match current');
  }
  return current(`All replicas scheduled as expected. Replicas: ${replicas}`);
}

/** The Deployment controller writes Progressing only where a deadline below this is set. */
const noDeadlineSeconds = 2 ** 31 - 1;

function deploymentStatus(object: AnyObject): ObjectStatus {
  const conditions = conditionsOf(object);
  const progressing = findCondition(conditions, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return failed(progressing.reason, 'Progress deadline exceeded');
  }
  const wanted = count(object, ['spec', 'replicas'], 1);
  const of = (name: string): number => count(object, ['status', name], 0);
  const [replicas, updated] = [of('replicas'), of('updatedReplicas')];
  const [ready, available] = [of('readyReplicas'), of('availableReplicas')];
  if (wanted > replicas) return inProgress('LessReplicas', `Replicas: ${replicas}/${wanted}`);
  if (wanted > updated) return inProgress('LessUpdated', `Updated: ${updated}/${wanted}`);
  if (replicas > wanted) return inProgress('ExtraPods', `Pending termination: ${replicas - wanted}`);
  if (updated > available) return inProgress('LessAvailable', `Available: ${available}/${updated}`);
  if (wanted > ready) return inProgress('LessReady', `Ready: ${ready}/${wanted}`);
  const hasDeadline = count(object, ['spec', 'progressDeadlineSeconds'], noDeadlineSeconds) !== noDeadlineSeconds;
  const isNew = progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable';
  if (hasDeadline && !isNew) return inProgress('ReplicaSetNotAvailable', 'ReplicaSet not Available');
  if (findCondition(conditions, 'Available')?.status !== 'True') {
    return inProgress('DeploymentNotAvailable', 'Deployment not Available');
  }
  return current(`Deployment is available. Replicas: ${replicas}`);
}

function replicaSetStatus(object: AnyObject): ObjectStatus {
  if (findCondition(conditionsOf(object), 'ReplicaFailure')?.status === 'True') {
    return inProgress('ReplicaFailure', 'Replica Failure condition. Check Pods');
  }
  const wanted = count(object, ['spec', 'replicas'], 1);
  const of = (name: string): number => count(object, ['status', name], 0);
  const [replicas, ready] = [of('replicas'), of('readyReplicas')];
  const [available, labelled] = [of('availableReplicas'), of('fullyLabeledReplicas')];
  if (wanted > labelled) return inProgress('LessLabelled', `Labelled: ${labelled}/${wanted}`);
  if (wanted > available) return inProgress('LessAvailable', `Available: ${available}/${wanted}`);
  if (wanted > ready) return inProgress('LessReady', `Ready: ${ready}/${wanted}`);
  if (replicas > wanted) return inProgress('ExtraPods', `Pending termination: ${replicas - wanted}`);
  return current(`ReplicaSet is available. Replicas: ${replicas}`);
}

function daemonSetStatus(object: AnyObject): ObjectStatus {
  if (object.metadata.generation === undefined) {
    return inProgress('NoGeneration', `${object.kind} metadata.generation not found`);
  }
  if (typeof getIn(object, ['status', 'observedGeneration']) !== 'number') {
    return inProgress('NoObservedGeneration', `${object.kind} status.observedGeneration not found`);
  }
  const wanted = count(object, ['status', 'desiredNumberScheduled'], -1);
  const of = (name: string): number => count(object, ['status', name], 0);
  const [scheduled, updated] = [of('currentNumberScheduled'), of('updatedNumberScheduled')];
  const [available, ready] = [of('numberAvailable'), of('numberReady')];
  if (wanted === -1) return inProgress('NoDesiredNumber', 'Missing .status.desiredNumberScheduled');
  if (wanted > scheduled) return inProgress('LessCurrent', `Current: ${scheduled}/${wanted}`);
  if (wanted > updated) return inProgress('LessUpdated', `Updated: ${updated}/${wanted}`);
  if (wanted > available) return inProgress('LessAvailable', `Available: ${available}/${wanted}`);
  if (wanted > ready) return inProgress('LessReady', `Ready: ${ready}/${wanted}`);
  return current(`All replicas scheduled as expected. Replicas: ${wanted}`);
}

function claimStatus(object: AnyObject): ObjectStatus {
  const phase = text(object, ['status', 'phase'], 'unknown');
  if (phase !== 'Bound') return inProgress('NotBound', `PVC is not Bound. phase: ${phase}`);
  return current('PVC is Bound');
}

function podStatus(object: AnyObject, nowMs: number): ObjectStatus {
  const phase = text(object, ['status', 'phase']);
  switch (phase) {
    case 'Succeeded':
      return current('Pod has completed successfully');
    case 'Failed':
      return current('Pod has completed, but not successfully');
    case 'Running': {
      if (findCondition(conditionsOf(object), 'Ready')?.status === 'True') return current('Pod is Ready');
      const crashing = crashLooping(object);
      if (crashing.length === 0) return inProgress('PodRunningNotReady', 'Pod is running but is not Ready');
      return failed('ContainerCrashLooping', `Containers in CrashLoop state: ${crashing.join(',')}`);
    }
    case 'Pending': {
      const scheduled = findCondition(conditionsOf(object), 'PodScheduled');
      if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') {
        return inProgress('PodPending', 'Pod is in the Pending phase');
      }
      const ageMs = nowMs - Date.parse(object.metadata.creationTimestamp ?? '');
      if (ageMs < scheduleWindowMs) return inProgress('PodNotScheduled', 'Pod has not been scheduled');
      return failed('PodUnschedulable', 'Pod could not be scheduled');
    }
    case '':
      return inProgress('PodNotObserved', 'Pod phase not available');
    default:
      return { state: 'Unknown', reason: '', message: `unknown phase ${phase}` };
  }
}

function crashLooping(object: AnyObject): string[] {
  const statuses = getIn(object, ['status', 'containerStatuses']);
  return (Array.isArray(statuses) ? statuses : []).flatMap((status) => {
    const isCrashing = getIn(status, ['state', 'waiting', 'reason']) === 'CrashLoopBackOff';
    return isCrashing ? [String(getIn(status, ['name']))] : [];
  });
}

/** A running Job is in progress here, as Flux has it: kstatus itself calls it current once it started. */
function jobStatus(object: AnyObject): ObjectStatus {
  if (getIn(object, ['spec', 'suspend']) === true) return current('Job is suspended');
  const parallelism = count(object, ['spec', 'parallelism'], 1);
  const completions = count(object, ['spec', 'completions'], parallelism);
  const of = (name: string): number => count(object, ['status', name], 0);
  const [succeeded, active, failures] = [of('succeeded'), of('active'), of('failed')];
  const conditions = conditionsOf(object);
  if (findCondition(conditions, 'Complete')?.status === 'True') {
    return current(`Job Completed. succeeded: ${succeeded}/${completions}`);
  }
  if (findCondition(conditions, 'Failed')?.status === 'True') {
    return failed('JobFailed', `Job Failed. failed: ${failures}/${completions}`);
  }
  if (text(object, ['status', 'startTime']) === '') {
    return inProgress('JobNotStarted', `Job not started. active: 0/${parallelism}`);
  }
  return inProgress('JobInProgress', `Job in progress. success:${succeeded}, active: ${active}, failed: ${failures}`);
}

function serviceStatus(object: AnyObject): ObjectStatus {
  const isBalanced = text(object, ['spec', 'type']) === 'LoadBalancer';
  if (isBalanced && text(object, ['spec', 'clusterIP']) === '') {
    return inProgress('NoIPAssigned', 'ClusterIP not set. Service type: LoadBalancer');
  }
  return current('Service is ready');
}

function definitionStatus(object: AnyObject): ObjectStatus {
  for (const { type, status, reason = '', message = '' } of conditionsOf(object)) {
    if (type === 'NamesAccepted' && status === 'False') return failed(reason, message);
    if (type !== 'Established') continue;
    if (status === 'False' && reason !== 'Installing') return failed(reason, message);
    if (status === 'True') return current('CRD is established');
  }
  return inProgress('Installing', 'Install in progress');
}
