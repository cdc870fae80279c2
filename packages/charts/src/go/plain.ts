/** Between template values and plain JSON data, at the borders of the package. */

import { LimitError } from '../errors.ts';
import { checkExtent } from './extent.ts';
import { encodeNumber } from './json.ts';
import { fromBytes, printable } from './utf8.ts';
import { GoBytes, GoInt, GoObject, isNilContainer } from './values.ts';

const depthMax = 1000;

/** Plain data as template values: objects become maps, numbers are float64. Maps and Go values pass through. */
export function fromPlain(value: unknown, depth = 0): unknown {
  if (depth > depthMax) throw new LimitError(`data is nested more than ${depthMax} levels deep`);
  if (typeof value === 'bigint') return new GoInt('int64', value);
  if (typeof value !== 'object' || value === null) return value === undefined ? null : value;
  if (Array.isArray(value)) return value.map((item) => fromPlain(item, depth + 1));
  if (value instanceof GoInt || value instanceof GoObject || value instanceof GoBytes) return value;
  if (value instanceof Map) {
    const copy = new Map<string, unknown>();
    for (const [key, item] of value) copy.set(String(key), fromPlain(item, depth + 1));
    return copy;
  }
  if (value instanceof Date) return value.toISOString();
  const map = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) if (item !== undefined) map.set(key, fromPlain(item, depth + 1));
  return map;
}

/** Template values as plain data, as JSON would carry them. */
export function toPlain(value: unknown, depth = 0): unknown {
  if (depth > depthMax) throw new LimitError(`data is nested more than ${depthMax} levels deep`);
  if (typeof value === 'string') return printable(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : encodeNumber(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (depth === 0) checkExtent(value);
  if (isNilContainer(value)) return null;
  if (Array.isArray(value)) return value.map((item) => toPlain(item, depth + 1));
  if (value instanceof Map) return plainObject(value as ReadonlyMap<string, unknown>, depth);
  if (value instanceof GoInt) return Number(value.value);
  if (value instanceof GoBytes) return printable(fromBytes(value.data));
  return value instanceof GoObject ? toPlain(value.toJsonValue(), depth + 1) : null;
}

function plainObject(map: ReadonlyMap<string, unknown>, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, item] of map) {
    const plain = toPlain(item, depth + 1);
    if (key === '__proto__') {
      Object.defineProperty(object, key, { value: plain, enumerable: true, writable: true, configurable: true });
    } else {
      object[key] = plain;
    }
  }
  return object;
}
