/** What a real server adds to every new pod: service account token, priority and default tolerations. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, jsonEqual, randomSuffix, toTimestamp, uuid } from '@towpath/kit';
import type { AdmissionRequest, ApiContext } from '../handlers/context.ts';
import { forbidden } from '../http/status.ts';
import { podSpecOf } from '../strategies/pod.ts';
import type { PodSpecView } from '../strategies/pod-spec-types.ts';

const tokenDir = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A little more than an hour, so that kubelets refresh before an hour is over. */
const tokenSeconds = 3607;
const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Changes a new pod in place. Throws a 403 when its service account does not exist. */
export async function admitPod(
  context: ApiContext,
  request: AdmissionRequest,
  options: { serviceAccounts: boolean },
): Promise<void> {
  const { object } = request;
  const isUpdate = request.operation === 'UPDATE' && request.subresource === undefined;
  if (isUpdate && object !== undefined && request.resource.collection === 'core/pods')
    keepAdmitted(podSpecOf(object), request.oldObject);
  if (object === undefined || request.operation !== 'CREATE' || request.subresource !== undefined) return;
  if (request.resource.collection !== 'core/pods') return;
  const spec = podSpecOf(object);
  if (options.serviceAccounts && object.metadata.annotations?.[mirrorAnnotation] === undefined)
    await addServiceAccount(context, request, object);
  addPriority(context, object, spec);
  addRuntimeClass(context, request, object);
  addTolerations(spec);
}

/** Who replaces a pod by its manifest does not take back what admission had added. */
function keepAdmitted(spec: PodSpecView, old: AnyObject | undefined): void {
  addTolerations(spec);
  if (old === undefined) return;
  const before = podSpecOf(old);
  if (before.priority !== undefined) spec.priority ??= before.priority;
  if (before.preemptionPolicy !== undefined) spec.preemptionPolicy ??= before.preemptionPolicy;
}

async function addServiceAccount(context: ApiContext, request: AdmissionRequest, pod: AnyObject): Promise<void> {
  const spec = podSpecOf(pod);
  if ((spec.serviceAccountName ?? '') === '') spec.serviceAccountName = 'default';
  const name = spec.serviceAccountName ?? 'default';
  spec.serviceAccount = name;
  const account = await findAccount(context, request, name);
  const pullSecrets = account['imagePullSecrets'];
  if ((spec.imagePullSecrets ?? []).length === 0 && Array.isArray(pullSecrets)) {
    spec.imagePullSecrets = structuredClone(pullSecrets) as { name?: string }[];
  }
  const mounts = spec.automountServiceAccountToken ?? account['automountServiceAccountToken'] ?? true;
  if (mounts === true) addTokenVolume(context, spec);
}

/** What the pod's RuntimeClass adds: overhead, node labels and tolerations. Throws a 403 when there is no such class. */
function addRuntimeClass(context: ApiContext, request: AdmissionRequest, pod: AnyObject): void {
  const spec = getIn(pod, ['spec']);
  const name = getIn(spec, ['runtimeClassName']);
  if (!isRecord(spec) || typeof name !== 'string' || name === '') return;
  const found = context.objects.collection('node.k8s.io/runtimeclasses').get(name)?.object;
  if (found === undefined)
    throw forbidden(request.resource, request.name, `pod rejected: RuntimeClass "${name}" not found`);
  const overhead = getIn(found, ['overhead', 'podFixed']);
  if (isRecord(overhead)) {
    if (spec['overhead'] !== undefined && !jsonEqual(spec['overhead'], overhead))
      throw forbidden(
        request.resource,
        request.name,
        "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
      );
    spec['overhead'] = structuredClone(overhead);
  }
  const labels = getIn(found, ['scheduling', 'nodeSelector']);
  const tolerations = getIn(found, ['scheduling', 'tolerations']);
  const own = isRecord(spec['nodeSelector']) ? spec['nodeSelector'] : {};
  if (isRecord(labels)) spec['nodeSelector'] = { ...own, ...labels };
  if (Array.isArray(tolerations)) {
    const given: unknown[] = Array.isArray(spec['tolerations']) ? spec['tolerations'] : [];
    spec['tolerations'] = [...given, ...structuredClone(tolerations)];
  }
}

/** The default account is made on first use, in case no controller has made it yet. */
async function findAccount(context: ApiContext, request: AdmissionRequest, name: string): Promise<AnyObject> {
  const namespace = request.namespace ?? 'default';
  const collection = context.objects.collection('core/serviceaccounts');
  const key = `${namespace}/${name}`;
  const found = collection.get(key)?.object;
  if (found !== undefined) return found;
  if (name !== 'default') {
    const why = `error looking up service account ${key}: serviceaccount "${name}" not found`;
    throw forbidden(request.resource, request.name, why);
  }
  const object: AnyObject = {
    kind: 'ServiceAccount',
    apiVersion: 'v1',
    metadata: { name, namespace, uid: uuid(context.random), creationTimestamp: toTimestamp(context.clock.nowMs()) },
  };
  if (request.dryRun) return object;
  return (await context.objects.commit({ collection: collection.name, key, object })).object;
}

function addTokenVolume(context: ApiContext, spec: PodSpecView): void {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const needing = containers.filter(
    (container) => !(container.volumeMounts ?? []).some((mount) => mount.mountPath === tokenDir),
  );
  if (needing.length === 0) return;
  const present = (spec.volumes ?? []).find((volume) => volume.name.startsWith('kube-api-access-'));
  const name = present?.name ?? `kube-api-access-${randomSuffix(context.random)}`;
  for (const container of needing) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenDir }];
  }
  if (present !== undefined) return;
  const sources = [
    { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ];
  spec.volumes = [...(spec.volumes ?? []), { name, projected: { sources, defaultMode: 0o644 } }];
}

function addPriority(context: ApiContext, pod: AnyObject, spec: PodSpecView): void {
  const classes = context.objects.collection('scheduling.k8s.io/priorityclasses');
  const name = spec.priorityClassName ?? '';
  const chosen =
    name === '' ? classes.list().find(({ object }) => object['globalDefault'] === true) : classes.get(name);
  if (name !== '' && chosen === undefined) {
    throw forbidden({ group: '', plural: 'pods' }, pod.metadata.name, `no PriorityClass with name ${name} was found`);
  }
  if (chosen !== undefined) spec.priorityClassName = chosen.object.metadata.name;
  const computed = Number(chosen?.object['value'] ?? 0);
  if (spec.priority !== undefined && spec.priority !== computed) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${computed} from the given PriorityClass name`;
    throw forbidden({ group: '', plural: 'pods' }, pod.metadata.name, why);
  }
  spec.priority = computed;
  spec.preemptionPolicy ??= String(chosen?.object['preemptionPolicy'] ?? 'PreemptLowerPriority');
}

const nodeTroubles = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const tolerationSeconds = 300;

function addTolerations(spec: PodSpecView): void {
  const tolerations = spec.tolerations ?? [];
  for (const key of nodeTroubles) {
    const covered = tolerations.some(
      (item) =>
        (item.key === key || (item.key ?? '') === '') && (item.effect === 'NoExecute' || (item.effect ?? '') === ''),
    );
    if (!covered) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds });
  }
  spec.tolerations = tolerations;
}

/** System namespaces cannot be deleted. Throws a 403. */
export function protectNamespaces(request: AdmissionRequest): void {
  if (request.operation !== 'DELETE' || request.resource.collection !== 'core/namespaces') return;
  if (!['default', 'kube-system', 'kube-public'].includes(request.name)) return;
  throw forbidden(request.resource, request.name, 'this namespace may not be deleted');
}
