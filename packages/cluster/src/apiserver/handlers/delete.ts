/** Deletions: grace, finalizers, propagation and preconditions. */

import type { AnyObject } from '@towpath/api';
import { isRecord, toTimestamp, type UnknownRecord } from '@towpath/kit';
import { badRequest, conflict, invalid, notFound, cause } from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import type { StoredObject } from '../storage/collection.ts';
import { storageKey, type ApiContext, type Target } from './context.ts';
import { decodeBody } from './decode.ts';
import { finishDeletion, storeObject, type Written } from './store-object.ts';

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/** `metav1.DeleteOptions`, the members the server honours. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly dryRun: boolean;
  /** The propagation is that of the kind: nobody asked for it. */
  readonly isKindDefault?: boolean;
}

/** Reads options from the body or the query. Throws a 400 or 422 on values that do not exist. */
export function deleteOptionsOf(target: Target, context: ApiContext): DeleteOptions {
  const { body, query } = target;
  const record: UnknownRecord =
    body === undefined || body.length === 0
      ? {}
      : decodeBody(body, target.headers['content-type'], context.registry.types);
  const preconditions = isRecord(record['preconditions']) ? record['preconditions'] : {};
  const grace = record['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  const policy = record['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  const orphan = record['orphanDependents'] ?? (query.get('orphanDependents') === 'true' ? true : undefined);
  const dryRun = Array.isArray(record['dryRun']) ? record['dryRun'].includes('All') : query.get('dryRun') === 'All';
  if (policy !== undefined && !['Orphan', 'Background', 'Foreground'].includes(String(policy))) {
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' }, [
      cause.notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil'], 'given'),
    ]);
  }
  if (policy !== undefined && orphan !== undefined) {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' }, [
      cause.invalid('propagationPolicy', policy, detail),
    ]);
  }
  const kindDefault = target.resource.collection === 'batch/jobs' ? 'Orphan' : undefined;
  const propagation = policy ?? (orphan === undefined ? kindDefault : orphan === true ? 'Orphan' : 'Background');
  return {
    dryRun,
    ...(kindDefault !== undefined && policy === undefined && orphan === undefined ? { isKindDefault: true } : {}),
    ...(grace === undefined ? {} : { gracePeriodSeconds: wholeNumber(grace) }),
    ...(propagation === undefined ? {} : { propagationPolicy: String(propagation) }),
    ...(typeof preconditions['uid'] === 'string' ? { uid: preconditions['uid'] } : {}),
    ...(typeof preconditions['resourceVersion'] === 'string'
      ? { resourceVersion: preconditions['resourceVersion'] }
      : {}),
  };
}

function wholeNumber(value: unknown): number {
  const number = Number(value);
  if (!Number.isInteger(number))
    throw badRequest(`gracePeriodSeconds: Invalid value: ${String(value)}: must be an integer`);
  // A negative period means "at once" to the real server, too.
  return number < 0 ? 1 : number;
}

/** Deletes one object. The result has `stored` while the object lingers. */
export async function deleteObject(context: ApiContext, target: Target, options: DeleteOptions): Promise<Written> {
  const { resource } = target;
  const key = storageKey(resource, target.namespace, target.name);
  const collection = context.objects.collection(resource.collection);
  const before = collection.get(key);
  if (before === undefined) throw notFound(resource, target.name);
  checkPreconditions(before, options, resource);
  await context.admission.validate({
    operation: 'DELETE',
    resource,
    subresource: undefined,
    namespace: target.namespace,
    name: target.name,
    object: undefined,
    oldObject: before.object,
    user: target.user,
    dryRun: options.dryRun,
    options: {},
  });
  const stored = collection.get(key);
  if (stored === undefined) throw notFound(resource, target.name);
  checkPreconditions(stored, options, resource);

  const object = JSON.parse(stored.json) as AnyObject;
  const graceSeconds = graceOf(context, resource, object, options);
  setPropagation(object, options);
  addFinalizers(object, context.strategyOf(resource).deleteFinalizers ?? []);
  const lingers =
    graceSeconds > 0 || (object.metadata.finalizers ?? []).length > 0 || hasSpecFinalizers(resource, object);
  if (options.dryRun) return { object, created: false };
  if (!lingers) {
    if (resource.collection === 'core/pods') markDeleted(context, resource, object, 0);
    return finishDeletion(context, resource, stored, object);
  }
  if (!markDeleted(context, resource, object, graceSeconds)) {
    await context.objects.settled();
    return { object: stored.object, stored, created: false };
  }
  return storeObject(context, resource, key, { object, created: false });
}

/** These conflicts name the kind, not the resource, as those of the real server do. */
function checkPreconditions(stored: StoredObject, options: DeleteOptions, { group, kind }: Resource): void {
  const { uid, name } = stored.object.metadata;
  const named = { group, plural: kind };
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid ?? ''}). The object might have been deleted and then recreated`;
    throw conflict(named, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== String(stored.rv)) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${stored.rv}). The object might have been modified`;
    throw conflict(named, name, why);
  }
}

function graceOf(context: ApiContext, resource: Resource, object: AnyObject, options: DeleteOptions): number {
  const asked = context.strategyOf(resource).graceSeconds?.(object, options.gracePeriodSeconds) ?? 0;
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return asked;
  // A second deletion can only shorten the first.
  return options.gracePeriodSeconds === undefined
    ? deletionGracePeriodSeconds
    : Math.min(asked, deletionGracePeriodSeconds);
}

function setPropagation(object: AnyObject, options: DeleteOptions): void {
  const { propagationPolicy } = options;
  if (propagationPolicy === undefined) return;
  const others = (object.metadata.finalizers ?? []).filter(
    (name) => name !== orphanFinalizer && name !== foregroundFinalizer,
  );
  if (propagationPolicy === 'Orphan') others.push(orphanFinalizer);
  if (propagationPolicy === 'Foreground') others.push(foregroundFinalizer);
  if (others.length === 0) delete object.metadata.finalizers;
  else object.metadata.finalizers = others;
}

function addFinalizers(object: AnyObject, names: readonly string[]): void {
  const { metadata } = object;
  const missing = names.filter((name) => metadata.finalizers?.includes(name) !== true);
  // Once it is being deleted, whoever removed the finalizer is done.
  if (missing.length > 0 && metadata.deletionTimestamp === undefined) {
    metadata.finalizers = [...(metadata.finalizers ?? []), ...missing];
  }
}

/** Namespaces end when `spec.finalizers` is empty. */
function hasSpecFinalizers(resource: Resource, object: AnyObject): boolean {
  if (resource.collection !== 'core/namespaces') return false;
  const spec = object['spec'];
  return isRecord(spec) && Array.isArray(spec['finalizers']) && spec['finalizers'].length > 0;
}

/** False when the object is marked already and nothing changes. */
function markDeleted(context: ApiContext, resource: Resource, object: AnyObject, graceSeconds: number): boolean {
  const { metadata } = object;
  const isNamespace = resource.collection === 'core/namespaces';
  const shorter = !isNamespace && (metadata.deletionGracePeriodSeconds ?? Infinity) > graceSeconds;
  if (metadata.deletionTimestamp !== undefined && !shorter) return false;
  const isMarked = metadata.deletionTimestamp !== undefined;
  const nowMs = context.clock.nowMs();
  metadata.deletionTimestamp = toTimestamp(nowMs + graceSeconds * 1000);
  // Namespaces end by their finalizers, not after a time.
  const isDefinition = resource.collection === 'apiextensions.k8s.io/customresourcedefinitions';
  if (!isNamespace && !isDefinition) metadata.deletionGracePeriodSeconds = graceSeconds;
  if (metadata.generation !== undefined && !isMarked && !isDefinition) metadata.generation++;
  if (resource.collection === 'core/namespaces') {
    const status = isRecord(object['status']) ? object['status'] : {};
    object['status'] = { ...status, phase: 'Terminating' };
  }
  return true;
}
