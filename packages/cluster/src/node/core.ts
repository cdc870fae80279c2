/** The parts of `corev1.PodSpec` that the node runtime reads, as the API server has validated and defaulted them. */

import type { ContainerPort, ContainerStatus, Pod } from '@towpath/api';

interface KeySelector {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

export interface FieldSelector {
  readonly fieldPath: string;
}

export interface ResourceSelector {
  readonly resource: string;
  readonly containerName?: string;
  readonly divisor?: string;
}

export interface EnvSource {
  readonly fieldRef?: FieldSelector;
  readonly resourceFieldRef?: ResourceSelector;
  readonly configMapKeyRef?: KeySelector;
  readonly secretKeyRef?: KeySelector;
}

export interface EnvFromSource {
  readonly prefix?: string;
  readonly configMapRef?: { readonly name: string; readonly optional?: boolean };
  readonly secretRef?: { readonly name: string; readonly optional?: boolean };
}

export interface HttpAction {
  readonly path?: string;
  readonly port: number | string;
  readonly host?: string;
  readonly scheme?: string;
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
}

/** What a probe or a hook does; exactly one member is set. */
export interface Action {
  readonly exec?: { readonly command: readonly string[] };
  readonly httpGet?: HttpAction;
  readonly tcpSocket?: { readonly port: number | string; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly sleep?: { readonly seconds: number };
}

export interface Probe extends Action {
  readonly initialDelaySeconds?: number;
  readonly timeoutSeconds?: number;
  readonly periodSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
  readonly terminationGracePeriodSeconds?: number;
}

export interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

export interface DownwardItem {
  readonly path: string;
  readonly mode?: number;
  readonly fieldRef?: FieldSelector;
  readonly resourceFieldRef?: ResourceSelector;
}

export interface VolumeProjection {
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean };
  readonly secret?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean };
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[] };
  readonly serviceAccountToken?: {
    readonly path: string;
    readonly audience?: string;
    readonly expirationSeconds?: number;
  };
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly configMap?: {
    readonly name: string;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
    readonly defaultMode?: number;
  };
  readonly secret?: {
    readonly secretName: string;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
    readonly defaultMode?: number;
  };
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[]; readonly defaultMode?: number };
  readonly projected?: { readonly sources?: readonly VolumeProjection[]; readonly defaultMode?: number };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly subPathExpr?: string;
  readonly readOnly?: boolean;
}

/** A container as the node runs it. */
export interface CoreContainer {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly ports?: readonly ContainerPort[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: EnvSource }[];
  readonly envFrom?: readonly EnvFromSource[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly lifecycle?: { readonly postStart?: Action; readonly preStop?: Action };
  readonly imagePullPolicy?: string;
  readonly terminationMessagePath?: string;
  readonly terminationMessagePolicy?: string;
  readonly securityContext?: {
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  };
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

export interface CorePodSpec {
  readonly nodeName?: string;
  readonly serviceAccountName?: string;
  readonly restartPolicy?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly CoreContainer[];
  readonly initContainers?: readonly CoreContainer[];
  readonly volumes?: readonly Volume[];
  readonly hostname?: string;
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[];
  readonly enableServiceLinks?: boolean;
  readonly activeDeadlineSeconds?: number;
  readonly securityContext?: { readonly runAsUser?: number; readonly runAsGroup?: number };
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly dnsPolicy?: string;
  readonly dnsConfig?: {
    readonly searches?: readonly string[];
    readonly options?: readonly { readonly name: string; readonly value?: string }[];
  };
  readonly readinessGates?: readonly { readonly conditionType: string }[];
}

/** The spec of a pod; the cast is safe behind the API server's validation. */
export function specOf(pod: Pod): CorePodSpec {
  return pod.spec as unknown as CorePodSpec;
}

/** True for an init container that keeps running beside the others. */
export function isSidecar(container: CoreContainer): boolean {
  return container.restartPolicy === 'Always';
}

/** Why a container waits when nothing is wrong. Source: Kubernetes pkg/kubelet, convertToAPIContainerStatuses. */
export function restingReason(spec: CorePodSpec): 'PodInitializing' | 'ContainerCreating' {
  return (spec.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating';
}

/** The status of one container as the API last had it, init containers included. */
export function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return all.find(({ name }) => name === container);
}

/** `namespace/name`, `uid` and the pieces of names that logs and events use. */
export function identityOf(pod: Pod): { namespace: string; name: string; uid: string } {
  return { namespace: pod.metadata.namespace ?? 'default', name: pod.metadata.name, uid: pod.metadata.uid ?? '' };
}
