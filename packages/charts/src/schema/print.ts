/** How failed checks read: Helm's validator prints in English, with its own number style. */

import { nearestFloat, JsonNumber } from '../go/exact-number.ts';
import type { Decimal } from '../go/decimal.ts';
import { printText } from '../go/fmt.ts';
import { quote, shortestDigits } from '../go/strconv.ts';
import { escapeToken } from './pointers.ts';
import type { Problem } from './types.ts';

/** Go's quotes turned into single ones. */
export function singleQuoted(text: string): string {
  return `'${quote(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

export function quotedList(texts: readonly string[]): string {
  return texts.map(singleQuoted).join(', ');
}

/** A value that is no list and no map. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return singleQuoted(value);
  return value instanceof JsonNumber ? value.text : printText(value);
}

/** Such as 1,234: what stands before the point is grouped. */
export function shownCount(value: number): string {
  return grouped(String(value));
}

function grouped(digits: string): string {
  return digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A float64 as an English printer shows it: from a million on, and below a ten-thousandth, with an exponent. */
export function shownNumber(number: Decimal): string {
  const value = nearestFloat(number);
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return value < 0 ? '-∞' : '∞';
  const sign = value < 0 ? '-' : '';
  const { digits, exponent } = shortestDigits(value);
  const power = exponent - 1;
  if (power < -4 || power >= 6) {
    const mantissa = digits.length === 1 ? digits : `${digits[0] ?? ''}.${digits.slice(1)}`;
    return `${sign}${mantissa}×10${superscript(power)}`;
  }
  if (exponent <= 0) return `${sign}0.${'0'.repeat(-exponent)}${digits}`;
  const whole = digits.slice(0, exponent).padEnd(exponent, '0');
  const fraction = digits.slice(exponent);
  return `${sign}${grouped(whole)}${fraction === '' ? '' : `.${fraction}`}`;
}

function superscript(power: number): string {
  const digits = String(Math.abs(power)).padStart(2, '0');
  return (power < 0 ? '⁻' : '') + [...digits].map((digit) => superscripts[Number(digit)] ?? '').join('');
}

/** A location inside values, such as `/image/tag`. */
function shownPath(path: readonly string[]): string {
  return path.map((token) => `/${escapeToken(token)}`).join('');
}

/** One line for each failed check, causes below what they cause. */
export function problemLines(problems: readonly Problem[], indent = 0): string[] {
  return problems.flatMap((problem) => {
    if (problem.kind === 'reference' && problem.causes.length === 1) return problemLines(problem.causes, indent);
    const line = `${'  '.repeat(indent)}- at ${singleQuoted(shownPath(problem.path))}: ${problem.message}`;
    return [line, ...problemLines(problem.causes, indent + 1)];
  });
}
