/** Decimal arithmetic as sprig's float functions do it (shopspring/decimal). */

import { FunctionError } from '../errors.ts';
import { printText } from './fmt.ts';
import { shortestDigits } from './strconv.ts';

/** value × 10^exponent */
export interface Decimal {
  readonly value: bigint;
  readonly exponent: number;
}

/** Digits after the point that a division keeps. */
const divisionPrecision = 16;

export function toDecimal(value: number): Decimal {
  if (!Number.isFinite(value)) throw new FunctionError(`Cannot create a Decimal from ${printText(value)}`);
  if (value === 0) return { value: 0n, exponent: 0 };
  const { digits, exponent } = shortestDigits(value);
  const whole = BigInt(digits);
  return { value: value < 0 ? -whole : whole, exponent: exponent - digits.length };
}

export function toNumber(decimal: Decimal): number {
  return Number(`${decimal.value}e${decimal.exponent}`);
}

function rescale(decimal: Decimal, exponent: number): bigint {
  return decimal.value * 10n ** BigInt(decimal.exponent - exponent);
}

export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const exponent = Math.min(left.exponent, right.exponent);
  return { value: rescale(left, exponent) + rescale(right, exponent), exponent };
}

export function subtractDecimals(left: Decimal, right: Decimal): Decimal {
  return addDecimals(left, { value: -right.value, exponent: right.exponent });
}

export function multiplyDecimals(left: Decimal, right: Decimal): Decimal {
  return { value: left.value * right.value, exponent: left.exponent + right.exponent };
}

/** Rounds half away from zero at 16 digits after the point. */
export function divideDecimals(left: Decimal, right: Decimal): Decimal {
  if (right.value === 0n) throw new FunctionError('decimal division by 0');
  const shift = left.exponent - right.exponent + divisionPrecision;
  const top = shift > 0 ? left.value * 10n ** BigInt(shift) : left.value;
  const bottom = shift < 0 ? right.value * 10n ** BigInt(-shift) : right.value;
  const quotient = top / bottom;
  const rest = top % bottom;
  const isHalf = abs(rest) * 2n >= abs(bottom);
  const isNegative = left.value < 0n !== right.value < 0n;
  const value = isHalf && rest !== 0n ? quotient + (isNegative ? -1n : 1n) : quotient;
  return { value, exponent: -divisionPrecision };
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
