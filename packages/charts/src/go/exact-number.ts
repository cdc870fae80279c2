/** Numbers as exact decimals, compared without ever writing out a large exponent. Source: math/big's Rat as JSON Schema uses it. */

import { toDecimal, type Decimal } from './decimal.ts';
import { GoInt } from './values.ts';

/** A JSON number as it was written. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const numberPattern = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The exact value of a float64, an integer or a {@link JsonNumber}; undefined for anything else. */
export function exactNumber(value: unknown): Decimal | undefined {
  if (value instanceof GoInt) return normal(value.value, 0);
  if (typeof value === 'number') return Number.isFinite(value) ? normalOf(toDecimal(value)) : undefined;
  if (!(value instanceof JsonNumber)) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = numberPattern.exec(value.text) ?? [];
  if (whole === '') return undefined;
  return normal(BigInt(`${sign}${whole}${fraction}`), Number(exponent) - fraction.length);
}

function normalOf({ value, exponent }: Decimal): Decimal {
  return normal(value, exponent);
}

/** Without zeros at the end, so that equal numbers have equal parts. */
function normal(value: bigint, exponent: number): Decimal {
  if (value === 0n) return { value, exponent: 0 };
  const text = String(value);
  let end = text.length;
  while (text[end - 1] === '0') end -= 1;
  return { value: BigInt(text.slice(0, end)), exponent: exponent + text.length - end };
}

/** How many digits stand before the point; the sign does not count. */
function magnitude({ value, exponent }: Decimal): number {
  return String(value < 0n ? -value : value).length + exponent;
}

/** Below 0, 0 or above. */
export function compareExact(left: Decimal, right: Decimal): number {
  const signs = signOf(left) - signOf(right);
  if (signs !== 0 || left.value === 0n) return signs;
  const sizes = magnitude(left) - magnitude(right);
  if (sizes !== 0) return sizes * signOf(left);
  const exponent = Math.min(left.exponent, right.exponent);
  const difference = scaled(left, exponent) - scaled(right, exponent);
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

function signOf({ value }: Decimal): number {
  return value === 0n ? 0 : value < 0n ? -1 : 1;
}

function scaled({ value, exponent }: Decimal, wanted: number): bigint {
  return value * 10n ** BigInt(exponent - wanted);
}

/** Whether it is a whole number. */
export function isWhole(number: Decimal): boolean {
  return number.exponent >= 0;
}

/** Whether `number` is a whole multiple of `unit`, which is not 0. */
export function isMultiple(number: Decimal, unit: Decimal): boolean {
  if (number.value === 0n) return true;
  const shift = number.exponent - unit.exponent;
  // Without zeros at its end, the number has no factor of ten to give.
  if (shift < 0) return false;
  return (number.value * powerModulo(10n, shift, unit.value)) % unit.value === 0n;
}

function powerModulo(base: bigint, exponent: number, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** The nearest float64. */
export function nearestFloat({ value, exponent }: Decimal): number {
  return Number(`${value}e${exponent}`);
}
