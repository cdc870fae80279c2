/** Creates and updates: the path every write takes from a decoded object to the store. */

import type { AnyObject } from '@towpath/api';
import { jsonEqual, randomSuffix, type UnknownRecord } from '@towpath/kit';
import {
  alreadyExists,
  cause,
  conflict,
  forbidden,
  invalid,
  notFound,
  plainError,
  StatusError,
  type StatusCause,
} from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import type { StoredObject } from '../storage/collection.ts';
import { checkObject } from '../strategies/checks/index.ts';
import type { Strategy, StrategyContext } from '../strategies/strategy.ts';
import { convert } from '../resources/convert.ts';
import { normalise } from '../schema/normalise.ts';
import { trackUpdate } from '../fields/managed-fields.ts';
import { storageKey, type AdmissionRequest, type ApiContext, type Target } from './context.ts';
import { canonicalise, type FieldValidation } from './decode.ts';
import { finishDeletion, storeObject, type Written } from './store-object.ts';
import { checkQuotas } from '../quota/check.ts';
import { prepareNewMetadata, prepareUpdatedMetadata, specChanged, validateMetadata } from './object-meta.ts';

/** Attempts of an update without a resourceVersion when others write in between. */
const maxAttempts = 8;
/** Attempts to find a free generated name. */
const maxNameAttempts = 8;

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly validation: FieldValidation;
  readonly warnings: string[];
  /** Sentences about what the body says twice. */
  readonly duplicates?: readonly string[];
  /** The managers in the body are right already: it is the result of an apply, or the server's own write. */
  readonly keepManagedFields?: boolean;
}

function strategyContext(context: ApiContext, { user }: Target): StrategyContext {
  return { store: context.objects, random: context.random, nowMs: context.clock.nowMs(), user };
}

/** Stores a new object from a decoded body. */
export async function createObject(
  context: ApiContext,
  target: Target,
  body: UnknownRecord,
  options: WriteOptions,
): Promise<Written> {
  const { resource } = target;
  const strategy = context.strategyOf(resource);
  let object = convertToHub(canonicalise(body, resource, options), resource);
  const generated = (object.metadata.name ?? '') === '' && (object.metadata.generateName ?? '') !== '';
  prepareNewMetadata(object, target, context);
  if (hasStatusSubresource(resource) && strategy.createsStatus !== true) resetStatus(object, resource);
  checkNamespaceAccepts(context, target, object.metadata.name);
  if (strategy.generation === true || resource.custom !== undefined) object.metadata.generation = 1;
  applyDefaults(object, resource, strategy);
  if (options.keepManagedFields !== true) {
    trackUpdate(context, { object, old: undefined, target, manager: options.fieldManager });
  }
  strategy.prepareCreate?.(object, strategyContext(context, target));

  object = await admit(context, target, { object, old: undefined, options });
  refuseInvalid(resource, object, [
    ...validateMetadata(object, strategy, resource),
    ...(strategy.validate?.(object) ?? []),
    ...checkObject(resource.collection, object, undefined),
    ...(strategy.validateStored?.(object, strategyContext(context, target)) ?? []),
    ...(resource.custom?.validate(object, undefined, (text) => options.warnings.push(text)) ?? []),
  ]);
  await admitFinal(context, target, { object, old: undefined, options });
  if (!options.dryRun) checkNamespaceAccepts(context, target, object.metadata.name);

  // Only what is really stored is asked: a dry run may say anything.
  const { resourceVersion = '' } = object.metadata;
  if (!options.dryRun && resourceVersion !== '' && resourceVersion !== '0') {
    throw plainError('resourceVersion should not be set on objects to be created');
  }
  checkQuotas(context.objects, { resource, object, old: undefined });
  const collection = context.objects.collection(resource.collection);
  let key = storageKey(resource, object.metadata.namespace, object.metadata.name);
  for (let attempt = 1; generated && collection.get(key) !== undefined && attempt < maxNameAttempts; attempt++) {
    object.metadata.name = `${object.metadata.generateName ?? ''}${randomSuffix(context.random)}`;
    key = storageKey(resource, object.metadata.namespace, object.metadata.name);
  }
  if (collection.get(key) !== undefined) throw alreadyExists(resource, object.metadata.name);
  if (options.dryRun) {
    delete object.metadata.resourceVersion;
    return { object, created: true };
  }
  return storeObject(context, resource, key, { object, created: true });
}

/** Produces the new state from the current one, both at the request's version. */
export type Produce = (current: AnyObject) => UnknownRecord | Promise<UnknownRecord>;

/** Replaces an object by what `produce` makes of it; repeats when others write in between. */
export async function updateObject(
  context: ApiContext,
  target: Target,
  produce: Produce,
  options: WriteOptions,
): Promise<Written> {
  const { resource } = target;
  const key = storageKey(resource, target.namespace, target.name);
  for (let attempt = 1; ; attempt++) {
    const stored = context.objects.collection(resource.collection).get(key);
    if (stored === undefined) throw notFound(resource, target.name);
    const written = await updateOnce(context, target, { stored, produce, options });
    // Somebody wrote in between: a request that names a resourceVersion fails at the next attempt's precondition.
    if (written !== undefined) return written;
    if (attempt >= maxAttempts) throw conflict(resource, target.name);
  }
}

/** Undefined when the stored object changed while the new one was being made. */
async function updateOnce(
  context: ApiContext,
  target: Target,
  parts: { stored: StoredObject; produce: Produce; options: WriteOptions },
): Promise<Written | undefined> {
  const { resource } = target;
  const { stored, options } = parts;
  const strategy = context.strategyOf(resource);
  const old = stored.object;
  const current = convert(JSON.parse(stored.json) as AnyObject, resource.apiVersion);
  const body = await parts.produce(current);
  let object = convertToHub(canonicalise(body, resource, options), resource);
  checkPreconditions(object, stored, resource);
  const causes = prepareUpdatedMetadata(object, old, target);
  restoreProtected(object, old, target);
  applyDefaults(object, resource, strategy);
  if (options.keepManagedFields !== true) trackUpdate(context, { object, old, target, manager: options.fieldManager });
  strategy.prepareUpdate?.(object, old, strategyContext(context, target));

  object = await admit(context, target, { object, old, options });
  // What admission puts back was not changed.
  bumpGeneration(object, old, target, strategy);
  causes.push(...validateMetadata(object, strategy, resource));
  causes.push(...(strategy.validate?.(object) ?? []), ...(strategy.validateUpdate?.(object, old) ?? []));
  causes.push(...checkObject(resource.collection, object, old));
  causes.push(...(strategy.validateStored?.(object, strategyContext(context, target)) ?? []));
  causes.push(...(resource.custom?.validate(object, old, (text) => options.warnings.push(text)) ?? []));
  refuseInvalid(resource, object, causes);
  await admitFinal(context, target, { object, old, options });

  if (context.objects.collection(resource.collection).get(stored.key)?.rv !== stored.rv) return undefined;
  object.metadata.resourceVersion = old.metadata.resourceVersion ?? '';
  if (target.subresource === undefined) checkQuotas(context.objects, { resource, object, old });
  if (options.dryRun) return { object, created: false };
  if (isFinished(object)) return finishDeletion(context, resource, stored, object);
  if (unchanged(object, old)) {
    await context.objects.settled();
    return { object: old, stored, created: false };
  }
  return storeObject(context, resource, stored.key, { object, created: false });
}

function bumpGeneration(object: AnyObject, old: AnyObject, target: Target, strategy: Strategy): void {
  const { resource, subresource } = target;
  if ((strategy.generation !== true && resource.custom === undefined) || subresource === 'binding') return;
  const changed =
    resource.custom !== undefined && !resource.custom.hasStatus ? rootChanged(object, old) : specChanged(object, old);
  if (changed) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

/** Without a status subresource, status is a member like any other. */
function rootChanged(object: AnyObject, old: AnyObject): boolean {
  return specChanged(object, old) || !jsonEqual(object['status'], old['status']);
}

/** An object that is being deleted ends when its last finalizer goes. */
function isFinished(object: AnyObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  return deletionTimestamp !== undefined && (deletionGracePeriodSeconds ?? 0) === 0 && (finalizers ?? []).length === 0;
}

/** Nothing but the times of managed fields differs. */
function unchanged(object: AnyObject, old: AnyObject): boolean {
  if (jsonEqual(object, old)) return true;
  const timeless = (value: AnyObject): unknown => ({
    ...value,
    metadata: {
      ...value.metadata,
      managedFields: value.metadata.managedFields?.map((entry) => ({ ...entry, time: '' })),
    },
  });
  return jsonEqual(timeless(object), timeless(old));
}

function checkPreconditions(object: AnyObject, stored: StoredObject, resource: Resource): void {
  const { uid, resourceVersion, name } = object.metadata;
  const old = stored.object.metadata;
  if (resource.custom !== undefined && (resourceVersion ?? '') === '') {
    const causes = [cause.invalid('metadata.resourceVersion', 0, 'must be specified for an update')];
    throw invalid({ group: resource.group, kind: resource.plural, name: old.name }, causes);
  }
  if (uid !== undefined && uid !== '' && uid !== old.uid) {
    const key = storageName(resource, stored.key);
    const why = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.uid ?? ''}`;
    throw conflict(resource, name ?? old.name, why);
  }
  if (resourceVersion !== undefined && !/^\d*$/.test(resourceVersion)) {
    throw plainError(`strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`);
  }
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== String(stored.rv)) {
    throw conflict(resource, old.name);
  }
}

/** Where a real server keeps the object: clients see it in some errors. */
function storageName({ group, plural }: Resource, key: string): string {
  return `/registry/${group === '' ? plural : `${group}/${plural}`}/${key}`;
}

/** The main resource cannot write status; the status subresource can write little else. */
function restoreProtected(object: AnyObject, old: AnyObject, target: Target): void {
  const { resource, subresource } = target;
  if (subresource === undefined) {
    if (hasStatusSubresource(resource)) copyMember(object, old, 'status');
    // The spec of a namespace is its finalizers, which have a subresource.
    if (resource.collection === 'core/namespaces') copyMember(object, old, 'spec');
    return;
  }
  if (subresource !== 'status') return;
  for (const name of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (name !== 'status' && name !== 'metadata' && name !== 'kind' && name !== 'apiVersion')
      copyMember(object, old, name);
  }
  const { metadata } = object;
  const keepsLabels = resource.collection === 'apps/deployments';
  if (keepsLabels) copyMember(metadata as unknown as UnknownRecord, old.metadata as unknown as UnknownRecord, 'labels');
  if (resource.custom !== undefined) {
    const { managedFields } = metadata;
    object.metadata = structuredClone(old.metadata);
    if (managedFields !== undefined) object.metadata.managedFields = managedFields;
    return;
  }
  copyMember(metadata as unknown as UnknownRecord, old.metadata as unknown as UnknownRecord, 'ownerReferences');
  copyMember(metadata as unknown as UnknownRecord, old.metadata as unknown as UnknownRecord, 'finalizers');
}

function copyMember(object: UnknownRecord, old: UnknownRecord, name: string): void {
  if (old[name] === undefined) delete object[name];
  else object[name] = structuredClone(old[name]);
}

/** True when the resource's status is written through its subresource only. */
function hasStatusSubresource(resource: Resource): boolean {
  return resource.custom === undefined ? resource.subresources.has('status') : resource.custom.hasStatus;
}

/** Only the status subresource writes status: a new object has an empty one. */
function resetStatus(object: AnyObject, resource: Resource): void {
  const field = resource.schema.fields.get('status');
  if (field?.alwaysWritten === true) object['status'] = normalise({}, field.schema, '', { unknown: [] });
  else delete object['status'];
}

function applyDefaults(object: AnyObject, resource: Resource, strategy: Strategy): void {
  strategy.defaults?.(object);
  resource.custom?.applyDefaults(object);
}

function convertToHub(object: AnyObject, resource: Resource): AnyObject {
  return resource.apiVersion === resource.hub ? object : convert(object, resource.hub);
}

/** Throws a 422 when there are causes. */
function refuseInvalid(resource: Resource, object: AnyObject, causes: readonly StatusCause[]): void {
  if (causes.length === 0) return;
  throw invalid({ group: resource.group, kind: resource.kind, name: object.metadata.name ?? '' }, causes);
}

interface Admitted {
  readonly object: AnyObject;
  readonly old: AnyObject | undefined;
  readonly options: WriteOptions;
}

async function admit(context: ApiContext, target: Target, parts: Admitted): Promise<AnyObject> {
  const admitted = (await context.admission.mutate(admissionRequest(target, parts))) ?? parts.object;
  if (admitted === parts.object) return admitted;
  const { resource } = target;
  const again = canonicalise(admitted, hubOf(resource, context), { validation: 'Ignore', warnings: [] });
  applyDefaults(again, resource, context.strategyOf(resource));
  return again;
}

function hubOf(resource: Resource, context: ApiContext): Resource {
  return resource.apiVersion === resource.hub
    ? resource
    : (context.registry.forCollection(resource.collection) ?? resource);
}

async function admitFinal(context: ApiContext, target: Target, parts: Admitted): Promise<void> {
  parts.options.warnings.push(...(await context.admission.validate(admissionRequest(target, parts))));
}

function admissionRequest(target: Target, parts: Admitted): AdmissionRequest {
  return {
    operation: parts.old === undefined ? 'CREATE' : 'UPDATE',
    resource: target.resource,
    subresource: target.subresource,
    namespace: parts.object.metadata.namespace,
    name: parts.object.metadata.name,
    object: parts.object,
    oldObject: parts.old,
    user: target.user,
    dryRun: parts.options.dryRun,
    options: { fieldManager: parts.options.fieldManager },
  };
}

/** Nothing can be created in a namespace that does not exist or is going away. */
function checkNamespaceAccepts(context: ApiContext, target: Target, name: string): void {
  const { resource, namespace } = target;
  if (!resource.namespaced || namespace === undefined) return;
  const found = context.objects.collection('core/namespaces').get(namespace);
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces' }, namespace);
  if (found.object.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const refused = forbidden(resource, name, why);
  const reason = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  throw new StatusError({
    code: 403,
    reason: 'Forbidden',
    message: refused.message,
    details: { ...refused.status.details, causes: [reason] },
  });
}
