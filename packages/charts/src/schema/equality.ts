/** When JSON values are the same: numbers by value, maps whatever their order. */

import { exactNumber } from '../go/exact-number.ts';
import { sortedKeys } from '../go/utf8.ts';
import type { TypeName } from './types.ts';

/** One text for all values that are the same. */
export function canonical(value: unknown): string {
  if (value instanceof Map) {
    const map = value as ReadonlyMap<string, unknown>;
    return `{${sortedKeys(map)
      .map((key) => `${JSON.stringify(key)}:${canonical(map.get(key))}`)
      .join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const number = exactNumber(value);
  if (number !== undefined) return `${number.value}e${number.exponent}`;
  return JSON.stringify(value) ?? 'undefined';
}

/** The kind of a value; whole numbers are numbers too. */
export function typeOf(value: unknown): TypeName | undefined {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'object';
  return exactNumber(value) === undefined ? undefined : 'number';
}
