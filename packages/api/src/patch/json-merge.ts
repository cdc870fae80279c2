/** JSON merge patch. Source: RFC 7386. */

import { isRecord, jsonEqual } from '@towpath/kit';

/** Applies `patch` to `target`; neither is changed. */
export function jsonMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = jsonMergePatch(result[key], value);
  }
  return result;
}

/** The smallest patch that turns `from` into `to`; undefined when they are equal. */
export function createJsonMergePatch(from: unknown, to: unknown): unknown {
  if (jsonEqual(from, to)) return undefined;
  if (!isRecord(from) || !isRecord(to)) return to;
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(from)) if (to[key] === undefined) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    if (value === undefined || jsonEqual(from[key], value)) continue;
    patch[key] = isRecord(from[key]) && isRecord(value) ? createJsonMergePatch(from[key], value) : value;
  }
  return patch;
}
