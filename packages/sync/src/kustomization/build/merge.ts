/**
 * Strategic merge as kustomize does it: new list elements come before the old ones, and a list is merged only where
 * the kind's schema says by which key. Source: kyaml yaml/merge2 and yaml/walk.
 */

import { mergeSchemaFor, type AnyObject, type MergeField, type MergeSchema } from '@towpath/api';
import { isRecord, jsonEqual, TowpathError, type UnknownRecord } from '@towpath/kit';

/** The patched object, or undefined when the patch deletes it. `patch` is not changed. Throws `KUSTOMIZE_INVALID`. */
export function mergePatch(object: AnyObject, patch: UnknownRecord): AnyObject | undefined {
  const merged = mergeValue(object, structuredClone(patch), {
    field: undefined,
    schema: mergeSchemaFor(object),
    name: '',
  });
  return withoutNulls(merged, { field: undefined, schema: mergeSchemaFor(object), name: '' }) as AnyObject | undefined;
}

/** What a patch was applied to loses its empty members, those the patch does not name too. */
function withoutNulls(value: unknown, place: Place): unknown {
  if (Array.isArray(value)) {
    const { field, name } = place;
    if (field === undefined || !field.merge) return value;
    return value.map((item: unknown) => withoutNulls(item, { field: undefined, schema: field.schema, name }));
  }
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member, memberPlace(place, name))]));
}

interface Place {
  readonly field: MergeField | undefined;
  /** Of the value when it is a map. */
  readonly schema: MergeSchema | undefined;
  readonly name: string;
}

/** Undefined means: the field goes away. */
function mergeValue(dest: unknown, patch: unknown, place: Place): unknown {
  if (patch === undefined) return dest;
  if (patch === null) return undefined;
  if (isRecord(patch)) return mergeMap(dest, patch, place);
  if (Array.isArray(patch)) return mergeList(dest, patch, place);
  if (isRecord(dest) || Array.isArray(dest)) {
    throw new TowpathError('KUSTOMIZE_INVALID', `a patch has a scalar where ${place.name} is not one`);
  }
  return patch;
}

function mergeMap(dest: unknown, patch: UnknownRecord, place: Place): unknown {
  const directive = patch['$patch'];
  delete patch['$patch'];
  if (directive === 'delete') return undefined;
  if (directive === 'replace') return patch;
  if (directive !== undefined && directive !== 'merge') {
    throw new TowpathError('KUSTOMIZE_INVALID', `unknown patch strategy '${String(directive)}'`);
  }
  if (dest !== undefined && dest !== null && !isRecord(dest)) {
    throw new TowpathError('KUSTOMIZE_INVALID', `a patch has a map where ${place.name} is none`);
  }
  const result: UnknownRecord = isRecord(dest) ? dest : {};
  for (const [name, value] of Object.entries(patch)) {
    const merged = mergeValue(result[name], value, memberPlace(place, name));
    if (merged === undefined) delete result[name];
    else result[name] = merged;
  }
  return result;
}

function memberPlace({ schema, field: parent }: Place, name: string): Place {
  // The members of a map of objects all have the schema of its values.
  if (parent?.shape === 'map' && parent.schema !== undefined) return { field: undefined, schema: parent.schema, name };
  const field = schema?.field(name);
  return { field, schema: field?.shape === 'value' ? field.schema : undefined, name };
}

/** Lists of the API with more than one key. Source: x-kubernetes-list-map-keys of the API. */
function keysOf(field: MergeField, name: string): readonly string[] {
  if (field.mergeKey === undefined) return [];
  if (name === 'ports' && field.mergeKey === 'containerPort') return ['containerPort', 'protocol'];
  if (name === 'ports' && field.mergeKey === 'port') return ['port', 'protocol'];
  if (name === 'topologySpreadConstraints') return ['topologyKey', 'whenUnsatisfiable'];
  return [field.mergeKey];
}

function mergeList(dest: unknown, patch: unknown[], place: Place): unknown {
  const { field, name } = place;
  if (field === undefined || !field.merge) return patch;
  const directive = patch.find((item) => isRecord(item) && Object.keys(item).length === 1 && '$patch' in item);
  const items = patch.filter((item) => item !== directive);
  if (isRecord(directive)) {
    if (directive['$patch'] === 'replace') return items;
    if (directive['$patch'] === 'delete') return undefined;
  }
  const old: unknown[] = Array.isArray(dest) ? dest : [];
  const keys = keysOf(field, name);
  if (keys.length === 0)
    return [...unique(items), ...old.filter((item) => !items.some((other) => jsonEqual(other, item)))];
  const result = mergeElements(old, items, { keys, schema: field.schema, name });
  return result.length === 0 ? undefined : result;
}

function unique(items: readonly unknown[]): unknown[] {
  return items.filter((item, index) => items.findIndex((other) => jsonEqual(other, item)) === index);
}

interface ElementPlace {
  readonly keys: readonly string[];
  readonly schema: MergeSchema | undefined;
  readonly name: string;
}

function mergeElements(old: readonly unknown[], patch: readonly unknown[], place: ElementPlace): unknown[] {
  const { keys, schema, name } = place;
  const rest = [...old];
  const merged: unknown[] = [];
  for (const item of patch) {
    const index = rest.findIndex((other) => sameKeys(other, item, keys));
    const dest = index < 0 ? undefined : rest[index];
    if (index >= 0) rest.splice(index, 1);
    const before = merged.findIndex((other) => sameKeys(other, item, keys));
    const value = mergeValue(before < 0 ? dest : merged[before], item, { field: undefined, schema, name });
    if (before >= 0) merged.splice(before, 1, ...(value === undefined ? [] : [value]));
    else if (value !== undefined && !(isRecord(value) && Object.keys(value).length === 0)) merged.push(value);
  }
  return [...merged, ...rest];
}

/** Equal where both have the key; at least one has to be there and equal. */
function sameKeys(left: unknown, right: unknown, keys: readonly string[]): boolean {
  if (!isRecord(left) || !isRecord(right)) return false;
  let isCommon = false;
  for (const key of keys) {
    const [one, two] = [left[key], right[key]];
    if (one === undefined || two === undefined) continue;
    if (String(one) !== String(two)) return false;
    isCommon = true;
  }
  return isCommon;
}
