/** Keeps `metadata.managedFields` through writes that are not applies. Source: apimachinery util/managedfields. */

import type { AnyObject, ManagedFieldsEntry } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import type { ApiContext, Target } from '../handlers/context.ts';
import { normalise } from '../schema/normalise.ts';
import type { Schema } from '../schema/schema.ts';
import type { Resource } from '../resources/resource.ts';
import { compareStates, type Comparison } from './compare.ts';
import { differenceOf, emptySet, fromFieldsV1, isEmptySet, sameSet, unionOf, type FieldNode } from './field-set.ts';
import { entriesOf, identityOf, managersOf, type Manager } from './managers.ts';

export interface TrackedUpdate {
  readonly object: AnyObject;
  /** Absent when the object is created. */
  readonly old: AnyObject | undefined;
  readonly target: Target;
  readonly manager: string;
}

const serverMetadata = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'generation',
  'managedFields',
  'resourceVersion',
];

/** What nobody manages. */
const unmanaged = fromFieldsV1({
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': { '.': {}, ...Object.fromEntries(serverMetadata.map((name) => [`f:${name}`, {}])) },
});

/** The set without the fields nobody manages. */
export function managedPart(set: FieldNode): FieldNode {
  const result = differenceOf(set, unmanaged);
  // Deeper members of a removed subtree, such as those of managedFields.
  const metadata = result.children.get('f:metadata');
  for (const name of serverMetadata) metadata?.children.delete(`f:${name}`);
  return result;
}

/** The schema that tells how fields of a resource are owned. */
export function ownershipSchema(resource: Resource): Schema {
  return resource.custom?.applySchema ?? resource.schema;
}

/** What an object of the resource looks like before anything is set. */
export function blankState(resource: Resource): unknown {
  return resource.custom === undefined ? normalise({}, resource.schema, '', { unknown: [] }) : { metadata: {} };
}

/** Sets `metadata.managedFields` after an update: the writer owns what it changed, others lose it. */
export function trackUpdate(context: ApiContext, update: TrackedUpdate): void {
  const { object, old, target } = update;
  const given = object.metadata.managedFields;
  if (isReset(given) || (old !== undefined && old.metadata.managedFields === undefined)) {
    delete object.metadata.managedFields;
    return;
  }
  const { resource } = target;
  const managers = managersOf(given === undefined || given.length === 0 ? old?.metadata.managedFields : given);
  const state = old ?? blankState(resource);
  const comparison = visiblePart(
    compareStates(withoutOwners(state), withoutOwners(object), ownershipSchema(resource)),
    target,
  );
  const nowMs = context.clock.nowMs();
  const writer: Manager = {
    name: update.manager,
    operation: 'Update',
    apiVersion: object.apiVersion,
    subresource: target.subresource ?? '',
    // Scales have no history: their entries carry no time.
    time: target.subresource === 'scale' ? undefined : toTimestamp(nowMs),
    set: emptySet(),
  };
  takeOver(managers, writer, comparison);
  const entries = entriesOf(managers, nowMs);
  if (entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

/** A single empty entry asks for forgetting all managers. */
function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  const [first, second] = entries ?? [];
  return first !== undefined && second === undefined && Object.keys(first).length === 0;
}

function withoutOwners(state: unknown): unknown {
  const object = state as AnyObject;
  const { managedFields: _entries, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** The status is not the main resource's, and the rest is not the status subresource's. */
function visiblePart(comparison: Comparison, target: Target): Comparison {
  const { subresource, resource } = target;
  const hasStatus = resource.custom?.hasStatus ?? resource.subresources.has('status');
  const filter = (set: FieldNode): FieldNode => {
    const managed = managedPart(set);
    if (subresource === undefined && hasStatus) managed.children.delete('f:status');
    return managed;
  };
  return {
    added: filter(comparison.added),
    modified: filter(comparison.modified),
    removed: filter(comparison.removed),
  };
}

/** The writer gets what it changed; everybody loses what is gone, and others what the writer changed. */
function takeOver(managers: Map<string, Manager>, writer: Manager, comparison: Comparison): void {
  const changed = unionOf(comparison.added, comparison.modified);
  if (isEmptySet(changed) && isEmptySet(comparison.removed)) return;
  const lost = unionOf(changed, comparison.removed);
  const identity = identityOf(writer);
  for (const [other, manager] of managers) {
    if (other !== identity) managers.set(other, { ...manager, set: differenceOf(manager.set, lost) });
  }
  const known = managers.get(identity);
  const before = known?.set ?? emptySet();
  const set = unionOf(differenceOf(before, comparison.removed), changed);
  const time = known !== undefined && sameSet(set, before) ? known.time : writer.time;
  managers.set(identity, { ...writer, time, set });
}
