/** mergo v1.0.1 on maps of interfaces, as sprig's merge functions use it. */

import { LimitError } from '../errors.ts';
import { checkExtent } from './extent.ts';
import { isTrue, type GoMap } from './values.ts';

/** A map that holds itself would never end. */
const mergeDepthMax = 1000;

/**
 * Fills `target` in place with what `source` has: without `overwrite` only where the target is empty. Nested maps are
 * merged in place where both have one, else shared by reference; lists are replaced whole.
 */
export function mergeInto(target: GoMap, source: GoMap, overwrite: boolean, depth = 0): void {
  if (depth > mergeDepthMax)
    throw new LimitError(`maps nested more than ${mergeDepthMax} levels deep cannot be merged`);
  if (depth === 0) checkExtent(source);
  for (const [key, value] of source) {
    if (value === null || value === undefined) {
      if (overwrite) target.set(key, null);
      continue;
    }
    const existing = target.get(key);
    if (value instanceof Map && existing instanceof Map) {
      mergeInto(existing, value, overwrite, depth + 1);
      if (existing.size > 0) continue;
    }
    if (overwrite || !isTrue(existing)) target.set(key, value);
  }
}

/** A deep copy of maps and lists, as copystructure makes it; everything else is shared. */
export function deepCopy(value: unknown, depth = 0): unknown {
  if (depth > mergeDepthMax)
    throw new LimitError(`a value nested more than ${mergeDepthMax} levels deep cannot be copied`);
  if (depth === 0) checkExtent(value);
  if (value instanceof Map) {
    const copy = new Map<string, unknown>();
    for (const [key, item] of value) copy.set(key, deepCopy(item, depth + 1));
    return keepTag(value, copy);
  }
  if (Array.isArray(value))
    return keepTag(
      value,
      value.map((item) => deepCopy(item, depth + 1)),
    );
  return value;
}

function keepTag<Container extends object>(from: object, to: Container): Container {
  const { tag } = from as { tag?: unknown };
  return tag === undefined ? to : Object.assign(to, { tag });
}
