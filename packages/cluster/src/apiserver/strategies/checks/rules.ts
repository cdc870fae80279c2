/** Rules that validations of many kinds are made of. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../../http/status.ts';

/** Validation of an object; `old` is its state before an update. */
export type Check = (object: AnyObject, old: AnyObject | undefined) => StatusCause[];

/** A member by its dotted path. */
export function at(object: unknown, path: string): unknown {
  return getIn(object, path.split('.'));
}

/** The records of a list; anything else is left out. */
export function listAt(object: unknown, path: string): UnknownRecord[] {
  const value = at(object, path);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** A member as text, empty when absent. */
export function textAt(object: unknown, path: string): string {
  const value = at(object, path);
  return typeof value === 'string' ? value : '';
}

/** Numbers below zero are refused. */
export function nonNegative(object: unknown, ...paths: readonly string[]): StatusCause[] {
  return paths.flatMap((path) => {
    const value = at(object, path);
    return typeof value === 'number' && value < 0
      ? [cause.invalid(path, value, 'must be greater than or equal to 0')]
      : [];
  });
}

/** Texts other than the listed ones are refused; an absent one is left to the defaults. */
export function oneOf(object: unknown, path: string, values: readonly string[], order?: 'given'): StatusCause[] {
  const value = at(object, path);
  if (value === undefined || values.includes(String(value))) return [];
  return [cause.notSupported(path, value, values, order)];
}

const percentRule =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** Texts that are no percentage, and percentages above 100 unless `unbounded`. */
export function percentage(object: unknown, path: string, bound: 'bounded' | 'unbounded'): StatusCause[] {
  const value = at(object, path);
  if (typeof value !== 'string') return nonNegative(object, path);
  if (!/^\d+%$/.test(value)) return [cause.invalid(path, value, percentRule)];
  if (bound === 'unbounded' || Number.parseInt(value, 10) <= 100) return [];
  return [cause.invalid(path, value, 'must not be greater than 100%')];
}
