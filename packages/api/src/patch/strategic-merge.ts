/**
 * Applies strategic merge patches.
 * Source: kubernetes/community, contributors/devel/sig-api-machinery/strategic-merge-patch.md.
 */

import { isRecord, jsonEqual, TowpathError, type UnknownRecord } from '@towpath/kit';
import type { MergeField, MergeSchema } from './merge-schema.ts';

/** Members of patches that direct instead of being data. */
export const directive = {
  patch: '$patch',
  retainKeys: '$retainKeys',
  deleteFromList: '$deleteFromPrimitiveList/',
  setElementOrder: '$setElementOrder/',
} as const;

/** Applies `patch` to `original`; neither is changed. Throws `PATCH_INVALID`. */
export function strategicMergePatch(original: unknown, patch: unknown, schema: MergeSchema | undefined): unknown {
  if (!isRecord(patch)) return patch;
  return mergeMap(isRecord(original) ? original : {}, patch, schema);
}

/** The key of a list element. Throws `PATCH_INVALID` when it has none. */
export function mergeKeyValue(item: unknown, mergeKey: string): unknown {
  if (!isRecord(item))
    throw new TowpathError('PATCH_INVALID', `an element of a list merged by ${mergeKey} is not an object`);
  const value = item[mergeKey];
  if (value === undefined) {
    throw new TowpathError('PATCH_INVALID', `${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  }
  return value;
}

function mergeMap(original: UnknownRecord, patch: UnknownRecord, schema: MergeSchema | undefined): UnknownRecord {
  const { [directive.patch]: action, [directive.retainKeys]: retained, ...members } = patch;
  if (action === 'replace') return withoutDirectives(members);
  if (action === 'delete') return {};
  if (action !== undefined && action !== 'merge') {
    throw new TowpathError('PATCH_INVALID', `unknown patch type found: ${JSON.stringify(action)}`);
  }
  const result = retainOnly(original, retained);
  for (const [name, value] of Object.entries(members)) {
    if (name.startsWith(directive.deleteFromList)) {
      const list = name.slice(directive.deleteFromList.length);
      result[list] = withoutValues(result[list], value);
    }
  }
  for (const [name, value] of Object.entries(members)) {
    if (name.startsWith('$')) continue;
    if (value === null) delete result[name];
    else
      result[name] = mergeMember(result[name], value, {
        field: schema?.field(name),
        order: members[`${directive.setElementOrder}${name}`],
      });
  }
  for (const [name, order] of Object.entries(members)) {
    if (!name.startsWith(directive.setElementOrder)) continue;
    const list = name.slice(directive.setElementOrder.length);
    if (members[list] !== undefined || !Array.isArray(result[list])) continue;
    result[list] = reorder(result[list], { original: result[list], order, mergeKey: schema?.field(list)?.mergeKey });
  }
  return result;
}

function retainOnly(original: UnknownRecord, retained: unknown): UnknownRecord {
  if (!Array.isArray(retained)) return { ...original };
  return Object.fromEntries(Object.entries(original).filter(([name]) => retained.includes(name)));
}

function withoutValues(list: unknown, values: unknown): unknown {
  if (!Array.isArray(list) || !Array.isArray(values)) return list;
  return list.filter((item) => !values.some((value) => jsonEqual(item, value)));
}

interface MemberContext {
  readonly field: MergeField | undefined;
  readonly order: unknown;
}

function mergeMember(original: unknown, patch: unknown, context: MemberContext): unknown {
  const { field } = context;
  if (Array.isArray(patch)) {
    if (field?.merge !== true) return patch.map(withoutDirectives);
    return mergeList(Array.isArray(original) ? original : [], patch, context);
  }
  if (!isRecord(patch)) return patch;
  if (field?.replace === true) return withoutDirectives(patch);
  const base = isRecord(original) ? original : {};
  if (field?.shape === 'map' && field.schema !== undefined) {
    const { schema } = field;
    return mergeMap(base, patch, { field: () => ({ ...field, shape: 'value', schema }) });
  }
  return mergeMap(base, patch, field?.schema);
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], context: MemberContext): unknown[] {
  const { mergeKey, schema } = context.field ?? { mergeKey: undefined, schema: undefined };
  if (mergeKey === undefined) {
    const added = patch.filter((item) => !original.some((other) => jsonEqual(other, item)));
    const unique = added.filter((item, index) => added.findIndex((other) => jsonEqual(other, item)) === index);
    return reorder([...original, ...unique], { original, order: context.order ?? patch, mergeKey });
  }
  if (patch.some((item) => isRecord(item) && item[directive.patch] === 'replace')) {
    return patch.filter((item) => !(isRecord(item) && item[directive.patch] === 'replace')).map(withoutDirectives);
  }
  const result: unknown[] = [...original];
  for (const item of patch) {
    const key = mergeKeyValue(item, mergeKey);
    const index = result.findIndex((other) => isRecord(other) && jsonEqual(other[mergeKey], key));
    const deletes = isRecord(item) && item[directive.patch] === 'delete';
    if (deletes) {
      for (let at = result.length - 1; at >= 0; at--) {
        const other = result[at];
        if (isRecord(other) && jsonEqual(other[mergeKey], key)) result.splice(at, 1);
      }
    } else if (isRecord(item)) {
      const base = index < 0 ? {} : result[index];
      const merged = mergeMap(isRecord(base) ? base : {}, item, schema);
      if (index < 0) result.push(merged);
      else result[index] = merged;
    }
  }
  const kept = patch.filter((item) => !(isRecord(item) && item[directive.patch] === 'delete'));
  return reorder(result, { original, order: context.order ?? kept, mergeKey });
}

/** Elements the order names come in that order; others stay before what they preceded in the original. */
function reorder(
  merged: readonly unknown[],
  by: { original: readonly unknown[]; order: unknown; mergeKey: string | undefined },
): unknown[] {
  const { original, order, mergeKey } = by;
  if (!Array.isArray(order)) return [...merged];
  const identity = (item: unknown): unknown => (mergeKey !== undefined && isRecord(item) ? item[mergeKey] : item);
  const positionIn = (list: readonly unknown[], item: unknown): number =>
    list.findIndex((other) => jsonEqual(identity(other), identity(item)));
  const named = merged
    .filter((item) => positionIn(order, item) >= 0)
    .toSorted((left, right) => positionIn(order, left) - positionIn(order, right));
  const others = merged.filter((item) => positionIn(order, item) < 0);
  const result: unknown[] = [];
  while (others.length > 0 && named.length > 0) {
    const otherAt = positionIn(original, others[0]);
    const namedAt = positionIn(original, named[0]);
    const isEarlier = otherAt >= 0 && namedAt >= 0 && otherAt < namedAt;
    result.push(isEarlier ? others.shift() : named.shift());
  }
  return [...result, ...named, ...others];
}

/** A patch value as plain data. */
function withoutDirectives(value: unknown): UnknownRecord;
function withoutDirectives(value: unknown): unknown;
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutDirectives(item));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value)
    .filter(([name, member]) => !name.startsWith('$') && member !== null)
    .map(([name, member]) => [name, withoutDirectives(member)]);
  return Object.fromEntries(entries);
}
