/** The kinds Towpath's controllers share, each with the members they use. */

import type { AnyObject, Condition, KubeObject, ObjectMeta } from './object.ts';
import type { ResourceType } from './resource-type.ts';

function define<Object extends KubeObject = AnyObject>(
  group: string,
  version: string,
  kind: string,
  plural: string,
  namespaced = true,
): ResourceType<Object> {
  return { group, version, kind, plural, namespaced };
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: Record<string, unknown>;
}

export interface ContainerPort {
  name?: string;
  containerPort: number;
  protocol?: string;
  hostPort?: number;
}

/** `corev1.Container`, the members our own components read. */
export interface Container {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
  workingDir?: string;
  env?: EnvVar[];
  envFrom?: Record<string, unknown>[];
  ports?: ContainerPort[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];
  livenessProbe?: Record<string, unknown>;
  readinessProbe?: Record<string, unknown>;
  startupProbe?: Record<string, unknown>;
  lifecycle?: Record<string, unknown>;
  restartPolicy?: string;
  [member: string]: unknown;
}

export interface PodSpec {
  nodeName?: string;
  serviceAccountName?: string;
  containers: Container[];
  initContainers?: Container[];
  volumes?: Record<string, unknown>[];
  restartPolicy?: string;
  terminationGracePeriodSeconds?: number;
  [member: string]: unknown;
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  started?: boolean;
  image: string;
  imageID: string;
  containerID?: string;
  state?: Record<string, unknown>;
  lastState?: Record<string, unknown>;
}

export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: {
    phase?: string;
    podIP?: string;
    podIPs?: { ip: string }[];
    hostIP?: string;
    startTime?: string;
    reason?: string;
    message?: string;
    qosClass?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
    [member: string]: unknown;
  };
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>;
  spec: PodSpec;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[];
}

export interface Deployment extends KubeObject {
  spec: { replicas?: number; selector: LabelSelector; template: PodTemplate; [member: string]: unknown };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    unavailableReplicas?: number;
    conditions?: Condition[];
    [member: string]: unknown;
  };
}

export interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  protocol?: string;
  nodePort?: number;
  appProtocol?: string;
}

export interface Service extends KubeObject {
  spec: {
    type?: string;
    clusterIP?: string;
    clusterIPs?: string[];
    selector?: Record<string, string>;
    ports?: ServicePort[];
    externalName?: string;
    [member: string]: unknown;
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] }; [member: string]: unknown };
}

export interface EndpointSlice extends KubeObject {
  addressType: string;
  endpoints: {
    addresses: string[];
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
    nodeName?: string;
    targetRef?: { kind: string; name: string; namespace?: string; uid?: string };
  }[];
  ports?: { name?: string; port?: number; protocol?: string; appProtocol?: string }[];
}

export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

/** `corev1.Event`. */
export interface Event extends KubeObject {
  involvedObject: Record<string, string>;
  reason?: string;
  message?: string;
  type?: string;
  count?: number;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  source?: { component?: string; host?: string };
  [member: string]: unknown;
}

/**
 * `towpath.dev/v1alpha1` Repository: a Git repository of the embedded server and where its refs stand.
 * Written by the Git server on every push; pipelines and synchronisation watch it instead of polling.
 */
export interface Repository extends KubeObject {
  spec: { /** in-cluster URL, e.g. http://git.towpath-system/acme/shop.git */ url: string };
  status?: {
    defaultBranch?: string;
    /** branch name → commit id */
    branches?: Record<string, string>;
    /** tag name → commit id (peeled) */
    tags?: Record<string, string>;
    lastPush?: { ref: string; before: string; after: string; time: string };
  };
}

/**
 * `towpath.dev/v1alpha1` Image: a repository of the embedded registry and its tags.
 * Written by the registry on every tag push; image automation watches it.
 */
export interface ImageRecord extends KubeObject {
  spec: { /** e.g. acme/frontend */ repository: string };
  status?: { tags?: { name: string; digest: string; pushedAt: string }[] };
}

export type PipelinePhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled' | 'Skipped';

/** `towpath.dev/v1alpha1` Pipeline: one run of .gitlab-ci.yml for one commit. */
export interface Pipeline extends KubeObject {
  spec: {
    /** name of the Repository object */
    repository: string;
    /** refs/heads/… or refs/tags/… */
    ref: string;
    commit: string;
    /** commit before the push; all zeros for a new branch */
    before: string;
    /** running number within the repository, from 1 */
    iid: number;
    source: 'push' | 'web';
  };
  status?: {
    phase?: PipelinePhase;
    message?: string;
    /** the tag images of this run get, e.g. v0.0.7 */
    imageTag?: string;
    startedAt?: string;
    finishedAt?: string;
    jobs?: {
      name: string;
      stage: string;
      phase: PipelinePhase;
      /** Kubernetes Job and its pod, in the pipeline's namespace */
      jobName?: string;
      podName?: string;
      message?: string;
      startedAt?: string;
      finishedAt?: string;
    }[];
  };
}

/**
 * `towpath.dev/v1alpha1` Sync: one branch of one repository that is kept applied to the cluster, and where that stands.
 * Written by the flux component; `towpath sync` and dashboards read it. The annotation
 * `reconcile.fluxcd.io/requestedAt` asks for a fetch now; `status.lastHandledReconcileAt` repeats it when it was done.
 */
export interface Sync extends KubeObject {
  spec: { url: string; branch: string; paths?: string[] };
  status?: {
    observedGeneration?: number;
    lastHandledReconcileAt?: string;
    /** The newest commit of the branch that was fetched. */
    head?: string;
    /** The newest commit that was applied. */
    syncedRevision?: string;
    syncedAt?: string;
    /** How many objects the last synchronisation applied. */
    resources?: number;
    /** What could not be read or applied, by file. */
    problems?: { source: string; resource?: string; message: string }[];
    conditions?: Condition[];
  };
}

export const Namespaces = define('', 'v1', 'Namespace', 'namespaces', false);
export const Nodes = define('', 'v1', 'Node', 'nodes', false);
export const Pods = define<Pod>('', 'v1', 'Pod', 'pods');
export const Services = define<Service>('', 'v1', 'Service', 'services');
export const Endpoints = define('', 'v1', 'Endpoints', 'endpoints');
export const Secrets = define<Secret>('', 'v1', 'Secret', 'secrets');
export const ConfigMaps = define<ConfigMap>('', 'v1', 'ConfigMap', 'configmaps');
export const ServiceAccounts = define('', 'v1', 'ServiceAccount', 'serviceaccounts');
export const Events = define<Event>('', 'v1', 'Event', 'events');
export const Deployments = define<Deployment>('apps', 'v1', 'Deployment', 'deployments');
export const ReplicaSets = define('apps', 'v1', 'ReplicaSet', 'replicasets');
export const StatefulSets = define('apps', 'v1', 'StatefulSet', 'statefulsets');
export const DaemonSets = define('apps', 'v1', 'DaemonSet', 'daemonsets');
export const ControllerRevisions = define('apps', 'v1', 'ControllerRevision', 'controllerrevisions');
export const Jobs = define('batch', 'v1', 'Job', 'jobs');
export const CronJobs = define('batch', 'v1', 'CronJob', 'cronjobs');
export const EndpointSlices = define<EndpointSlice>('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices');
export const Leases = define('coordination.k8s.io', 'v1', 'Lease', 'leases');
export const HorizontalPodAutoscalers = define(
  'autoscaling',
  'v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);
export const CustomResourceDefinitions = define(
  'apiextensions.k8s.io',
  'v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
);
export const MutatingWebhookConfigurations = define(
  'admissionregistration.k8s.io',
  'v1',
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
  false,
);

export const HelmReleases = define('helm.fluxcd.io', 'v1', 'HelmRelease', 'helmreleases');
export const Canaries = define('flagger.app', 'v1beta1', 'Canary', 'canaries');
export const MetricTemplates = define('flagger.app', 'v1beta1', 'MetricTemplate', 'metrictemplates');
export const AlertProviders = define('flagger.app', 'v1beta1', 'AlertProvider', 'alertproviders');
export const VirtualServices = define('networking.istio.io', 'v1beta1', 'VirtualService', 'virtualservices');
export const DestinationRules = define('networking.istio.io', 'v1beta1', 'DestinationRule', 'destinationrules');
export const Gateways = define('networking.istio.io', 'v1beta1', 'Gateway', 'gateways');
export const ServiceMonitors = define('monitoring.coreos.com', 'v1', 'ServiceMonitor', 'servicemonitors');

export const Repositories = define<Repository>('towpath.dev', 'v1alpha1', 'Repository', 'repositories');
export const Images = define<ImageRecord>('towpath.dev', 'v1alpha1', 'Image', 'images');
export const Pipelines = define<Pipeline>('towpath.dev', 'v1alpha1', 'Pipeline', 'pipelines');
export const Syncs = define<Sync>('towpath.dev', 'v1alpha1', 'Sync', 'syncs');

/** Asks a controller to look now; the value is any new text, by custom a time. */
export const reconcileRequestAnnotation = 'reconcile.fluxcd.io/requestedAt';

/** The namespace of Towpath's own objects (Repositories, Images, Pipelines and their Jobs). */
export const towpathNamespace = 'towpath-system';
