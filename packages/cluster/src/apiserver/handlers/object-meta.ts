/** Metadata the server itself writes or protects. */

import type { AnyObject, ObjectMeta } from '@towpath/api';
import { isRecord, jsonEqual, randomSuffix, toTimestamp, uuid } from '@towpath/kit';
import { badRequest, cause, type StatusCause } from '../http/status.ts';
import {
  label1035Problem,
  labelProblem,
  labelValueProblem,
  pathSegmentProblem,
  qualifiedNameProblem,
  subdomainProblem,
  ipProblem,
} from '../names.ts';
import type { Resource } from '../resources/resource.ts';
import type { Strategy } from '../strategies/strategy.ts';
import type { ApiContext, Target } from './context.ts';

/** Largest total size of annotations, in bytes. */
const maxAnnotationBytes = 256 * 1024;
/** Characters of a generated name before its random end: together they are a label. */
const maxGeneratedBase = 58;

/** Checks name and namespace of a new object against the URL and fills what the server decides. */
export function prepareNewMetadata(object: AnyObject, target: Target, context: ApiContext): void {
  const { metadata } = object;
  const { resource } = target;
  checkNamespace(metadata, target);
  if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '') {
    metadata.name = `${(metadata.generateName ?? '').slice(0, maxGeneratedBase)}${randomSuffix(context.random)}`;
  }
  if (target.name !== '' && metadata.name !== undefined && metadata.name !== target.name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`);
  }
  if (resource.namespaced) metadata.namespace = target.namespace ?? 'default';
  else delete metadata.namespace;
  metadata.uid = uuid(context.random);
  metadata.creationTimestamp = toTimestamp(context.clock.nowMs());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  Reflect.deleteProperty(metadata, 'selfLink');
}

function checkNamespace(metadata: ObjectMeta, target: Target): void {
  if (!target.resource.namespaced) {
    if ((metadata.namespace ?? '') !== '') throw badRequest('namespace is not allowed on this type');
    return;
  }
  if (metadata.namespace !== undefined && metadata.namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** Restores what an update may not change and checks what it must not contradict. */
export function prepareUpdatedMetadata(object: AnyObject, old: AnyObject, target: Target): StatusCause[] {
  const { metadata } = object;
  checkNamespace(metadata, target);
  if ((metadata.name ?? '') === '') {
    throw badRequest(`the name of the object (${target.name} based on URL) was undeterminable: name must be provided`);
  }
  if (metadata.name !== target.name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`);
  }
  metadata.name = old.metadata.name;
  if (old.metadata.namespace !== undefined) metadata.namespace = old.metadata.namespace;
  metadata.uid ??= old.metadata.uid ?? '';
  keep(metadata, old.metadata, 'creationTimestamp');
  keep(metadata, old.metadata, 'generation');
  keep(metadata, old.metadata, 'deletionTimestamp');
  keep(metadata, old.metadata, 'deletionGracePeriodSeconds');
  keep(metadata, old.metadata, 'generateName');
  Reflect.deleteProperty(metadata, 'selfLink');
  if (metadata.deletionTimestamp === undefined) return [];
  const added = (metadata.finalizers ?? []).filter((name) => !(old.metadata.finalizers ?? []).includes(name));
  if (added.length === 0) return [];
  const detail = 'no new finalizers can be added if the object is being deleted, found new finalizers ';
  const list = added.map((name) => JSON.stringify(name)).join(', ');
  const wrong = cause.forbidden('metadata.finalizers', `${detail}[]string{${list}}`);
  return [wrong, wrong];
}

function keep<Name extends keyof ObjectMeta>(metadata: ObjectMeta, old: ObjectMeta, name: Name): void {
  const value = old[name];
  if (value === undefined) delete metadata[name];
  else metadata[name] = value;
}

const nameChecks = {
  subdomain: subdomainProblem,
  label: labelProblem,
  label1035: label1035Problem,
  path: pathSegmentProblem,
  ip: ipProblem,
} as const;

/** Validation of metadata that every kind shares. */
export function validateMetadata(
  object: AnyObject,
  strategy: Strategy,
  { custom }: Pick<Resource, 'custom'>,
): StatusCause[] {
  const { metadata } = object;
  const causes: StatusCause[] = [];
  const { generateName = '' } = metadata;
  const prefixProblem = nameChecks[strategy.names ?? 'subdomain'](generateName.replace(/-$/, 'a'));
  if (generateName !== '' && prefixProblem !== undefined)
    causes.push(cause.invalid('metadata.generateName', generateName, prefixProblem));
  if ((metadata.name ?? '') === '') causes.push(cause.required('metadata.name', 'name or generateName is required'));
  else {
    const problem = nameChecks[strategy.names ?? 'subdomain'](metadata.name);
    if (problem !== undefined) causes.push(cause.invalid('metadata.name', metadata.name, problem));
  }
  causes.push(...validateLabels(metadata.labels, 'metadata.labels'));
  causes.push(...validateAnnotations(metadata.annotations));
  causes.push(...validateOwners(metadata));
  (metadata.ownerReferences ?? []).forEach((owner) => {
    const field = 'metadata.ownerReferences';
    if (!owner.apiVersion)
      causes.push(cause.invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) causes.push(cause.invalid(`${field}.kind`, '', 'must not be empty'));
    if (!owner.name) causes.push(cause.invalid(`${field}.name`, '', 'must not be empty'));
    if (!owner.uid) causes.push(cause.invalid(`${field}.uid`, '', 'must not be empty'));
  });
  (metadata.finalizers ?? []).forEach((name, index) => {
    const problem = qualifiedNameProblem(name);
    if (problem !== undefined) causes.push(cause.invalid('metadata.finalizers', name, problem));
    // Custom resources may have any, as Flux's `finalizers.fluxcd.io`.
    if (custom !== undefined || name.includes('/') || standardFinalizers.includes(name)) return;
    const detail = 'name is neither a standard finalizer name nor is it fully qualified';
    causes.push(cause.invalid(`metadata.finalizers[${index}]`, name, detail));
  });
  return causes;
}

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];

function validateOwners({ ownerReferences = [] }: ObjectMeta): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const owner of ownerReferences) {
    if (owner.apiVersion !== 'v1' || owner.kind !== 'Event') continue;
    causes.push(cause.invalid('metadata.ownerReferences', owner, '/v1, Kind=Event is disallowed from being an owner'));
  }
  const controllers = ownerReferences.filter((owner) => owner.controller === true);
  const [first, second] = controllers.map(({ kind, name }) => `${kind}/${name}`);
  if (first === undefined || second === undefined) return causes;
  const detail = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`;
  return [...causes, cause.invalid('metadata.ownerReferences', ownerReferences, detail)];
}

/** Validation of a label map at `field`. */
export function validateLabels(labels: unknown, field: string): StatusCause[] {
  if (!isRecord(labels)) return [];
  return Object.entries(labels).flatMap(([key, value]) => {
    const keyProblem = qualifiedNameProblem(key);
    const valueProblem = labelValueProblem(String(value));
    return [
      ...(keyProblem === undefined ? [] : [cause.invalid(field, key, keyProblem)]),
      ...(valueProblem === undefined ? [] : [cause.invalid(field, value, valueProblem)]),
    ];
  });
}

function validateAnnotations(annotations: Record<string, string> | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  let sizeBytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    sizeBytes += key.length + value.length;
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem !== undefined) causes.push(cause.invalid('metadata.annotations', key, problem));
  }
  if (sizeBytes > maxAnnotationBytes) causes.push(cause.tooLong('metadata.annotations', maxAnnotationBytes));
  return causes;
}

/** True when anything but metadata and status differs. */
export function specChanged(object: AnyObject, old: AnyObject): boolean {
  const names = new Set([...Object.keys(object), ...Object.keys(old)]);
  for (const name of names) {
    if (name === 'metadata' || name === 'status' || name === 'kind' || name === 'apiVersion') continue;
    if (!jsonEqual(object[name], old[name])) return true;
  }
  return false;
}
