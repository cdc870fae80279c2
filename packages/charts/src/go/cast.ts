/** Conversions of any value to a number or a string, as sprig does them (spf13/cast). */

import { printText } from './fmt.ts';
import { fitsInt64, minInt64, parseGoFloat, parseGoInt } from './strconv.ts';
import { fromBytes } from './utf8.ts';
import { GoBytes, GoInt, GoObject } from './values.ts';

/** Drops `.0…` at the end of a number's text. */
function trimZeroDecimal(text: string): string {
  const match = /^(.*)\.0+$/s.exec(text);
  return match?.[1] ?? text;
}

/** A float as an int64: what does not fit is the smallest one, as on amd64. */
export function floatToInt64(value: number): bigint {
  if (!Number.isFinite(value)) return minInt64;
  const whole = BigInt(Math.trunc(value));
  return fitsInt64(whole) ? whole : minInt64;
}

/** cast.ToInt64: 0 for what is no number. */
export function toInt64(value: unknown): bigint {
  switch (typeof value) {
    case 'number':
      return floatToInt64(value);
    case 'boolean':
      return value ? 1n : 0n;
    case 'string': {
      const parsed = parseGoInt(trimZeroDecimal(value));
      return parsed !== undefined && fitsInt64(parsed) ? parsed : 0n;
    }
    default:
      return value instanceof GoInt ? BigInt.asIntN(64, value.value) : 0n;
  }
}

/** cast.ToInt as a JavaScript number. */
export function toIntNumber(value: unknown): number {
  return Number(toInt64(value));
}

/** cast.ToFloat64: 0 for what is no number. */
export function toFloat64(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'string': {
      const parsed = parseGoFloat(value);
      // Out of range is an error, the words for infinity are not.
      if (parsed === undefined || (!Number.isFinite(parsed) && /[0-9]/.test(value))) return 0;
      return parsed;
    }
    default:
      return value instanceof GoInt ? Number(value.value) : 0;
  }
}

/** sprig's strval. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof GoBytes) return fromBytes(value.data);
  if (value instanceof GoObject) return value.text() ?? printText(value);
  return printText(value);
}

/** sprig's strslice: the strings of a list without its nils; a single value is a list of one. */
export function toTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((item) => item !== null && item !== undefined).map(toText);
  if (value instanceof GoBytes) return Array.from(value.data, String);
  return value === null || value === undefined ? [] : [toText(value)];
}
