/**
 * Computes strategic merge patches: two-way (from, to) and three-way (last applied, wanted, live).
 * Source: kubernetes/community, contributors/devel/sig-api-machinery/strategic-merge-patch.md.
 */

import { isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';
import type { MergeField, MergeSchema } from './merge-schema.ts';
import { directive, mergeKeyValue } from './strategic-merge.ts';

interface DiffMode {
  readonly deletions: boolean;
  readonly changes: boolean;
}

const everything: DiffMode = { deletions: true, changes: true };

/** The strategic merge patch that turns `from` into `to`; empty when they are equal. */
export function createTwoWayMergePatch(from: unknown, to: unknown, schema: MergeSchema | undefined): UnknownRecord {
  return diffMap(isRecord(from) ? from : {}, isRecord(to) ? to : {}, schema, everything);
}

/**
 * The patch that brings `current` to `modified` where they differ and deletes what `original` had and `modified` has
 * not; what others added to `current` stays.
 */
export function createThreeWayMergePatch(
  original: unknown,
  modified: unknown,
  current: unknown,
  schema: MergeSchema | undefined,
): UnknownRecord {
  const wanted = isRecord(modified) ? modified : {};
  const delta = diffMap(isRecord(current) ? current : {}, wanted, schema, { deletions: false, changes: true });
  const deletions = diffMap(isRecord(original) ? original : {}, wanted, schema, { deletions: true, changes: false });
  return combine(deletions, delta, schema);
}

function diffMap(
  from: UnknownRecord,
  to: UnknownRecord,
  schema: MergeSchema | undefined,
  mode: DiffMode,
): UnknownRecord {
  const patch: UnknownRecord = {};
  for (const [name, value] of Object.entries(to)) {
    if (value === undefined) continue;
    diffMember(patch, name, { before: from[name], after: value, field: schema?.field(name), mode });
  }
  if (mode.deletions) {
    for (const [name, value] of Object.entries(from)) {
      if (value !== undefined && to[name] === undefined) patch[name] = null;
    }
  }
  return patch;
}

interface MemberDiff {
  readonly before: unknown;
  readonly after: unknown;
  readonly field: MergeField | undefined;
  readonly mode: DiffMode;
}

function diffMember(patch: UnknownRecord, name: string, diff: MemberDiff): void {
  const { before, after, field, mode } = diff;
  if (before === undefined || before === null) {
    if (mode.changes && after !== null) patch[name] = after;
    return;
  }
  if (isRecord(before) && isRecord(after) && field?.replace !== true) {
    const inner = diffMap(before, after, schemaOfMember(field), mode);
    if (Object.keys(inner).length === 0) return;
    patch[name] = field?.retainKeys === true ? withRetainKeys(inner, after) : inner;
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && field?.merge === true) {
    diffList(patch, name, { before, after, field, mode });
    return;
  }
  if (mode.changes && !jsonEqual(before, after)) patch[name] = after;
}

function schemaOfMember(field: MergeField | undefined): MergeSchema | undefined {
  if (field?.shape !== 'map' || field.schema === undefined) return field?.schema;
  return { field: () => ({ ...field, shape: 'value' }) };
}

function withRetainKeys(patch: UnknownRecord, after: UnknownRecord): UnknownRecord {
  return { ...patch, [directive.retainKeys]: Object.keys(after).sort() };
}

interface ListDiff {
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  readonly field: MergeField;
  readonly mode: DiffMode;
}

function diffList(patch: UnknownRecord, name: string, diff: ListDiff): void {
  const { before, after, field, mode } = diff;
  if (before.length === 0) {
    if (mode.changes && after.length > 0) patch[name] = after;
    return;
  }
  if (field.mergeKey === undefined) {
    diffScalars(patch, name, diff);
    return;
  }
  const { mergeKey } = field;
  const find = (list: readonly unknown[], key: unknown): unknown =>
    list.find((item) => jsonEqual(mergeKeyValue(item, mergeKey), key));
  const items: unknown[] = [];
  for (const item of after) {
    const key = mergeKeyValue(item, mergeKey);
    const old = find(before, key);
    if (old === undefined) {
      if (mode.changes) items.push(item);
    } else if (isRecord(old) && isRecord(item)) {
      const inner = diffMap(old, item, field.schema, mode);
      if (Object.keys(inner).length === 0) continue;
      const keyed = { ...inner, [mergeKey]: key };
      items.push(field.retainKeys ? withRetainKeys(keyed, item) : keyed);
    }
  }
  if (mode.deletions) {
    for (const item of before) {
      const key = mergeKeyValue(item, mergeKey);
      if (find(after, key) === undefined) items.push({ [directive.patch]: 'delete', [mergeKey]: key });
    }
  }
  const keysOf = (list: readonly unknown[]): unknown[] => list.map((item) => mergeKeyValue(item, mergeKey));
  const moved = mode.changes && !jsonEqual(keysOf(before), keysOf(after));
  if (items.length > 0) patch[name] = items;
  if (after.length > 0 && (items.length > 0 || moved)) {
    patch[`${directive.setElementOrder}${name}`] = keysOf(after).map((key) => ({ [mergeKey]: key }));
  }
}

function diffScalars(patch: UnknownRecord, name: string, diff: ListDiff): void {
  const { before, after, mode } = diff;
  const missing = (list: readonly unknown[], item: unknown): boolean => !list.some((other) => jsonEqual(other, item));
  const added = mode.changes ? after.filter((item) => missing(before, item)) : [];
  const removed = mode.deletions ? before.filter((item) => missing(after, item)).toSorted(compareText) : [];
  const moved = mode.changes && !jsonEqual(before, after);
  if (added.length > 0) patch[name] = added;
  if (removed.length > 0) patch[`${directive.deleteFromList}${name}`] = removed;
  if (after.length > 0 && (removed.length > 0 || moved)) patch[`${directive.setElementOrder}${name}`] = after;
}

function compareText(left: unknown, right: unknown): number {
  return String(left) < String(right) ? -1 : 1;
}

/** Puts a patch of deletions and a patch of changes into one. */
function combine(deletions: UnknownRecord, delta: UnknownRecord, schema: MergeSchema | undefined): UnknownRecord {
  const result: UnknownRecord = { ...deletions };
  for (const [name, value] of Object.entries(delta)) {
    const other = deletions[name];
    const field = schema?.field(name);
    if (isRecord(other) && isRecord(value)) result[name] = combine(other, value, schemaOfMember(field));
    else if (Array.isArray(other) && Array.isArray(value) && field?.merge === true && field.mergeKey !== undefined) {
      result[name] = combineLists(other, value, field);
    } else result[name] = value;
  }
  return result;
}

function combineLists(deletions: readonly unknown[], delta: readonly unknown[], field: MergeField): unknown[] {
  const mergeKey = field.mergeKey ?? '';
  const result = [...deletions];
  for (const item of delta) {
    const key = mergeKeyValue(item, mergeKey);
    const index = result.findIndex((other) => isRecord(other) && jsonEqual(other[mergeKey], key));
    const other = result[index];
    if (isRecord(other) && isRecord(item)) result[index] = combine(other, item, field.schema);
    else result.push(item);
  }
  return result;
}
