/** The identity a pod has in metrics: its workload, names and revision. */

import type { Caller, KubeObject, Pod } from '@towpath/api';

export interface Workload {
  readonly namespace: string;
  /** The Deployment's name (or that of the StatefulSet, DaemonSet, Job …; a bare pod is its own workload). */
  readonly name: string;
  readonly pod: string;
  readonly uid: string;
  readonly ip: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  /** Container ports by name, for Services whose target port is a name. */
  readonly ports: Readonly<Record<string, number>>;
  /** False: its calls carry no identity, as without Istio's sidecar. */
  readonly inMesh: boolean;
}

/** The container that makes a pod part of the mesh. */
export const sidecarContainer = 'istio-proxy';

/** The workload of a pod. Source: istio pkg/kube GetDeployMetaFromPod, canonical service docs. */
export function workloadOfPod(pod: Pod): Workload {
  const labels = pod.metadata.labels ?? {};
  const name = workloadName(pod);
  return {
    ...namesOf(labels, name),
    namespace: pod.metadata.namespace ?? 'default',
    name,
    pod: pod.metadata.name,
    uid: pod.metadata.uid ?? '',
    ip: pod.status?.podIP,
    labels,
    ports: Object.fromEntries(
      pod.spec.containers.flatMap(({ ports = [] }) =>
        ports.flatMap(({ name, containerPort }) => (name === undefined ? [] : [[name, containerPort] as const])),
      ),
    ),
    inMesh: pod.spec.containers.some((container) => container.name === sidecarContainer),
  };
}

/** The workload of a builtin's own pod, known before any informer delivered it. */
export function workloadOfCaller(
  caller: Caller,
  options: { labels: Readonly<Record<string, string>>; name: string | undefined; ip: string },
): Workload {
  const name = options.name ?? nameFromPod(caller.pod, options.labels);
  return {
    ...namesOf(options.labels, name),
    namespace: caller.namespace,
    name,
    pod: caller.pod,
    uid: caller.uid,
    ip: options.ip,
    labels: options.labels,
    ports: {},
    inMesh: true,
  };
}

/** The owner that a person deployed: a ReplicaSet's name less its template hash, a Job's less its schedule. */
export function workloadName(pod: KubeObject): string {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return pod.metadata.name;
  const hash = pod.metadata.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  if (owner.kind === 'Job') return owner.name.replace(/-\d{8,10}$/, '');
  return owner.name;
}

function nameFromPod(pod: string, labels: Readonly<Record<string, string>>): string {
  const hash = labels['pod-template-hash'];
  const end = hash === undefined ? -1 : pod.lastIndexOf(`-${hash}-`);
  return end < 0 ? pod : pod.slice(0, end);
}

function namesOf(labels: Readonly<Record<string, string>>, workload: string) {
  return {
    app: labels['app'] ?? 'unknown',
    version: labels['version'] ?? 'unknown',
    canonicalService: canonicalServiceOf(labels, workload),
    canonicalRevision: canonicalRevisionOf(labels),
  };
}

/** The service a person thinks of. Source: istio.io, "Canonical Service". */
export function canonicalServiceOf(labels: Readonly<Record<string, string>>, workload: string): string {
  return labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workload;
}

/** Its revision, `latest` when nothing says. */
export function canonicalRevisionOf(labels: Readonly<Record<string, string>>): string {
  return (
    labels['service.istio.io/canonical-revision'] ??
    labels['app.kubernetes.io/version'] ??
    labels['version'] ??
    'latest'
  );
}
