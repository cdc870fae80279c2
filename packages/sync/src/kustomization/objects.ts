/** Objects as the kustomize-controller names, orders and compares them. Source: fluxcd/pkg/ssa and cli-utils. */

import { parseApiVersion, type AnyObject, type KubeObject } from '@towpath/api';
import { getIn, isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';

/** One object of the inventory. */
export interface ObjectRef {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** '' for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** `status.inventory.entries[]`. */
export interface InventoryEntry {
  readonly id: string;
  readonly v: string;
}

export function refOf(object: KubeObject): ObjectRef {
  const { namespace = '', name } = object.metadata;
  return { ...parseApiVersion(object.apiVersion), kind: object.kind, namespace, name };
}

/** Names of RBAC objects may have colons, which ids do not. */
export function inventoryEntry({ group, version, kind, namespace, name }: ObjectRef): InventoryEntry {
  return { id: `${namespace}_${name.replaceAll(':', '__')}_${group}_${kind}`, v: version };
}

/** Undefined for an id that is none. */
export function parseInventoryEntry({ id, v }: InventoryEntry): ObjectRef | undefined {
  const match = /^([^_]*)_(.+)_([^_]*)_([^_]+)$/.exec(id);
  if (match === null) return undefined;
  const [, namespace = '', name = '', group = '', kind = ''] = match;
  return { namespace, name: name.replaceAll('__', ':'), group, kind, version: v };
}

export function apiVersionOfRef({ group, version }: ObjectRef): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `Kind/namespace/name`. */
export function subjectOf({ kind, namespace, name }: ObjectRef): string {
  return namespace === '' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
}

const first = [
  'CustomResourceDefinition Namespace ClusterRole ClusterClass RuntimeClass PriorityClass StorageClass',
  'VolumeSnapshotClass IngressClass GatewayClass ClusterRoleBinding ResourceQuota ServiceAccount Role RoleBinding',
  'ConfigMap Secret Service LimitRange Deployment StatefulSet CronJob PodDisruptionBudget',
].flatMap((line) => line.split(' '));
const last = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

function rankOf(kind: string): number {
  const atEnd = last.indexOf(kind);
  if (atEnd >= 0) return atEnd + 1;
  const atStart = first.indexOf(kind);
  return atStart < 0 ? 0 : atStart - first.length;
}

/** The order of applying; deleting goes the other way. */
export function compareRefs(left: ObjectRef, right: ObjectRef): number {
  const rank = rankOf(left.kind) - rankOf(right.kind);
  if (rank !== 0) return rank;
  for (const field of ['group', 'kind', 'namespace', 'name'] as const) {
    if (left[field] !== right[field]) return left[field] < right[field] ? -1 : 1;
  }
  return 0;
}

/** 0: what others need to exist (definitions, namespaces, cluster roles); 1: classes; 2: the rest. */
export function stageOf({ group, kind, version }: ObjectRef): 0 | 1 | 2 {
  if (group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition') return 0;
  if (group === '' && version === 'v1' && kind === 'Namespace') return 0;
  if (group === 'rbac.authorization.k8s.io' && kind === 'ClusterRole') return 0;
  return kind.endsWith('Class') ? 1 : 2;
}

/** What the API server would otherwise default or refuse is made explicit; status goes. */
export function normalised(object: AnyObject): AnyObject {
  const copy = structuredClone(object);
  delete (copy.metadata as unknown as UnknownRecord)['creationTimestamp'];
  if (copy.kind !== 'CustomResourceDefinition') delete copy['status'];
  else
    delete (getIn(copy, ['spec', 'conversion', 'webhook', 'clientConfig']) as UnknownRecord | undefined)?.['caBundle'];
  if (copy.apiVersion === 'v1' && copy.kind === 'Secret') encodeSecret(copy);
  if (copy.apiVersion === 'v1' && copy.kind === 'Service') setProtocols(getIn(copy, ['spec', 'ports']));
  const pod = getIn(copy, podPaths[copy.kind] ?? ['-']);
  for (const list of ['initContainers', 'containers']) {
    const containers = isRecord(pod) && Array.isArray(pod[list]) ? pod[list] : [];
    for (const container of containers) {
      if (!isRecord(container)) continue;
      setProtocols(container['ports']);
      container['resources'] ??= {};
    }
  }
  setEmpty(copy);
  return copy;
}

/** Fields Flux writes though no manifest has them, since its types of the built-in kinds do: it owns them afterwards. */
const emptyFields: Readonly<Record<string, string>> = {
  'apps/v1/Deployment': 'strategy',
  'apps/v1/StatefulSet': 'updateStrategy',
  'apps/v1/DaemonSet': 'updateStrategy',
  'v1/PersistentVolumeClaim': 'resources',
};

function setEmpty(copy: AnyObject): void {
  const field = emptyFields[`${copy.apiVersion}/${copy.kind}`];
  const spec = copy['spec'];
  if (copy.apiVersion === 'v1' && copy.kind === 'Namespace') copy['spec'] ??= {};
  if (field !== undefined && isRecord(spec)) spec[field] ??= {};
  const ports = copy.apiVersion === 'v1' && copy.kind === 'Service' ? getIn(copy, ['spec', 'ports']) : [];
  // 0 is "not set" in Go; the server makes it the port.
  for (const port of Array.isArray(ports) ? ports : []) if (isRecord(port)) port['targetPort'] ??= 0;
}

const podPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};

function setProtocols(ports: unknown): void {
  for (const port of Array.isArray(ports) ? ports : []) {
    if (isRecord(port) && (port['protocol'] === undefined || port['protocol'] === '')) port['protocol'] = 'TCP';
  }
}

function encodeSecret(secret: AnyObject): void {
  const { stringData } = secret;
  if (!isRecord(stringData)) return;
  const encoded = Object.entries(stringData).map(([key, value]) => {
    return [key, Buffer.from(String(value)).toString('base64')] as const;
  });
  secret['data'] = { ...(isRecord(secret['data']) ? secret['data'] : {}), ...Object.fromEntries(encoded) };
  delete secret['stringData'];
}

/** True when labels, annotations or anything but metadata and status differ. */
export function hasDrifted(live: KubeObject, wanted: KubeObject): boolean {
  const empty = {};
  if (!jsonEqual(live.metadata.labels ?? empty, wanted.metadata.labels ?? empty)) return true;
  if (!jsonEqual(live.metadata.annotations ?? empty, wanted.metadata.annotations ?? empty)) return true;
  return !jsonEqual(body(live), body(wanted));
}

function body(object: KubeObject): UnknownRecord {
  const { metadata: _metadata, status: _status, ...rest } = object as AnyObject;
  return rest;
}

/** True when a label or annotation has that value; case does not matter. */
export function isMarked(object: KubeObject | undefined, key: string, value: string): boolean {
  const { labels, annotations } = object?.metadata ?? {};
  return [labels?.[key], annotations?.[key]].some((found) => found?.toLowerCase() === value.toLowerCase());
}

/** On everything a Kustomization applied. */
export function ownerLabels({ name, namespace = '' }: { name: string; namespace?: string }): Record<string, string> {
  return { ['kustomize.toolkit.fluxcd.io/name']: name, ['kustomize.toolkit.fluxcd.io/namespace']: namespace };
}
