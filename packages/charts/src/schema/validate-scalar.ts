/** Checks of strings and numbers. */

import { compareExact, exactNumber, isMultiple } from '../go/exact-number.ts';
import { matchesRegexp } from '../go/regexp.ts';
import { runeCount } from '../go/utf8.ts';
import { report, type Check } from './check.ts';
import { shownCount, shownNumber, singleQuoted } from './print.ts';
import type { NumberBound } from './types.ts';

/** Reports a count that is out of its bounds. */
export function checkCount(
  check: Check,
  got: number,
  [minimum, maximum]: readonly [string, string],
  bounds: { min?: number; max?: number },
): void {
  const { min, max } = bounds;
  if (min !== undefined && got < min)
    report(check, () => `${minimum}: got ${shownCount(got)}, want ${shownCount(min)}`);
  if (max !== undefined && got > max)
    report(check, () => `${maximum}: got ${shownCount(got)}, want ${shownCount(max)}`);
}

/** Only what is there, for bounds that may be absent. */
export function boundsOf(min: number | undefined, max: number | undefined): { min?: number; max?: number } {
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

export function checkString(check: Check, text: string): void {
  const { minLength, maxLength, pattern } = check.schema.assertions;
  if (minLength !== undefined || maxLength !== undefined) {
    checkCount(check, runeCount(text), ['minLength', 'maxLength'], boundsOf(minLength, maxLength));
  }
  if (pattern !== undefined && !matchesRegexp(pattern.expression, text)) {
    report(check, () => `${singleQuoted(text)} does not match pattern ${singleQuoted(pattern.text)}`);
  }
}

const isOut: Readonly<Record<NumberBound['keyword'], (difference: number) => boolean>> = {
  minimum: (difference) => difference < 0,
  maximum: (difference) => difference > 0,
  exclusiveMinimum: (difference) => difference <= 0,
  exclusiveMaximum: (difference) => difference >= 0,
};

export function checkNumber(check: Check, value: unknown): void {
  const { numbers = [], multipleOf } = check.schema.assertions;
  if (numbers.length === 0 && multipleOf === undefined) return;
  const number = exactNumber(value);
  if (number === undefined) return;
  for (const { keyword, bound } of numbers) {
    if (isOut[keyword](compareExact(number, bound)))
      report(check, () => `${keyword}: got ${shownNumber(number)}, want ${shownNumber(bound)}`);
  }
  if (multipleOf !== undefined && multipleOf.value !== 0n && !isMultiple(number, multipleOf)) {
    report(check, () => `multipleOf: got ${shownNumber(number)}, want ${shownNumber(multipleOf)}`);
  }
}
