/** The workload kinds with the members their controllers read and write. */

import type { AnyObject, Condition, KubeObject, LabelSelector, PodTemplate, ResourceType } from '@towpath/api';

/** What ReplicaSets and ReplicationControllers have in common. */
export interface ReplicaOwner extends KubeObject {
  spec: { replicas?: number; minReadySeconds?: number; template: PodTemplate };
  status?: {
    replicas?: number;
    fullyLabeledReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    terminatingReplicas?: number;
    observedGeneration?: number;
    conditions?: Condition[];
  };
}

export interface ReplicaSet extends ReplicaOwner {
  spec: ReplicaOwner['spec'] & { selector: LabelSelector };
}

export interface ReplicationController extends ReplicaOwner {
  spec: ReplicaOwner['spec'] & { selector?: Record<string, string> };
}

interface UpdateStrategy {
  type?: string;
  rollingUpdate?: { partition?: number; maxUnavailable?: number | string; maxSurge?: number | string };
}

export interface StatefulSet extends KubeObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    template: PodTemplate;
    serviceName?: string;
    podManagementPolicy?: string;
    updateStrategy?: UpdateStrategy;
    revisionHistoryLimit?: number;
    minReadySeconds?: number;
    volumeClaimTemplates?: AnyObject[];
    persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string; whenScaled?: string };
    ordinals?: { start?: number };
  };
  status?: StatefulSetStatus;
}

export interface StatefulSetStatus {
  observedGeneration?: number;
  replicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  currentReplicas?: number;
  updatedReplicas?: number;
  currentRevision?: string;
  updateRevision?: string;
  collisionCount?: number;
}

export interface DaemonSet extends KubeObject {
  spec: {
    selector: LabelSelector;
    template: PodTemplate;
    updateStrategy?: UpdateStrategy;
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
  };
  status?: {
    currentNumberScheduled?: number;
    numberMisscheduled?: number;
    desiredNumberScheduled?: number;
    numberReady?: number;
    numberAvailable?: number;
    numberUnavailable?: number;
    updatedNumberScheduled?: number;
    observedGeneration?: number;
    collisionCount?: number;
  };
}

export interface ControllerRevision extends KubeObject {
  revision: number;
  data?: unknown;
}

export interface PodFailureRule {
  action: string;
  onExitCodes?: { containerName?: string; operator: string; values?: number[] };
  onPodConditions?: { type: string; status?: string }[];
}

export interface SuccessRule {
  succeededIndexes?: string;
  succeededCount?: number;
}

interface JobSpec {
  parallelism?: number;
  completions?: number;
  completionMode?: string;
  backoffLimit?: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  suspend?: boolean;
  manualSelector?: boolean;
  selector?: LabelSelector;
  template: PodTemplate;
  podFailurePolicy?: { rules?: PodFailureRule[] };
  podReplacementPolicy?: string;
  successPolicy?: { rules?: SuccessRule[] };
  backoffLimitPerIndex?: number;
  maxFailedIndexes?: number;
  managedBy?: string;
}

export interface JobStatus {
  active?: number;
  ready?: number;
  terminating?: number;
  succeeded?: number;
  failed?: number;
  completedIndexes?: string;
  failedIndexes?: string;
  startTime?: string;
  completionTime?: string;
  conditions?: Condition[];
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
}

export interface Job extends KubeObject {
  spec: JobSpec;
  status?: JobStatus;
}

export interface CronJob extends KubeObject {
  spec: {
    schedule: string;
    timeZone?: string;
    startingDeadlineSeconds?: number;
    concurrencyPolicy?: string;
    suspend?: boolean;
    jobTemplate: {
      metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      spec: JobSpec;
    };
    successfulJobsHistoryLimit?: number;
    failedJobsHistoryLimit?: number;
  };
  status?: {
    active?: Record<string, string | undefined>[];
    lastScheduleTime?: string;
    lastSuccessfulTime?: string;
  };
}

export interface Taint {
  key: string;
  value?: string;
  effect: string;
  timeAdded?: string;
}

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean; taints?: Taint[]; podCIDR?: string; [member: string]: unknown };
  status?: {
    allocatable?: Record<string, string>;
    capacity?: Record<string, string>;
    conditions?: (Condition & { lastHeartbeatTime?: string })[];
    [member: string]: unknown;
  };
}

export interface Namespace extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: string; conditions?: Condition[] };
}

export interface Lease extends KubeObject {
  spec?: { holderIdentity?: string; renewTime?: string; leaseDurationSeconds?: number };
}

export interface Endpoints extends KubeObject {
  subsets?: EndpointSubset[];
}

export interface EndpointAddress {
  ip: string;
  nodeName?: string;
  targetRef?: { kind: string; name: string; namespace?: string; uid?: string };
}

export interface EndpointSubset {
  addresses?: EndpointAddress[];
  notReadyAddresses?: EndpointAddress[];
  ports?: { name?: string; port: number; protocol?: string; appProtocol?: string }[];
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

function resource<Object extends KubeObject>(
  group: string,
  kind: string,
  plural: string,
  namespaced = true,
): ResourceType<Object> {
  return { group, version: 'v1', kind, plural, namespaced };
}

export const ReplicationControllerType = resource<ReplicationController>(
  '',
  'ReplicationController',
  'replicationcontrollers',
);
export const ReplicaSetType = resource<ReplicaSet>('apps', 'ReplicaSet', 'replicasets');
export const StatefulSetType = resource<StatefulSet>('apps', 'StatefulSet', 'statefulsets');
export const DaemonSetType = resource<DaemonSet>('apps', 'DaemonSet', 'daemonsets');
export const ControllerRevisionType = resource<ControllerRevision>('apps', 'ControllerRevision', 'controllerrevisions');
export const JobType = resource<Job>('batch', 'Job', 'jobs');
export const CronJobType = resource<CronJob>('batch', 'CronJob', 'cronjobs');
export const NodeType = resource<Node>('', 'Node', 'nodes', false);
export const NamespaceType = resource<Namespace>('', 'Namespace', 'namespaces', false);
export const LeaseType = resource<Lease>('coordination.k8s.io', 'Lease', 'leases');
export const EndpointsType = resource<Endpoints>('', 'Endpoints', 'endpoints');
export const PersistentVolumeClaimType = resource<AnyObject>('', 'PersistentVolumeClaim', 'persistentvolumeclaims');
