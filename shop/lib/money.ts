/** Money arithmetic in whole units and billionths, without floating point. */

import type { Money } from './types.ts';

const nanosPerUnit = 1_000_000_000;

/** The sum of two amounts of one currency. */
export function add(left: Money, right: Money): Money {
  if (left.currencyCode !== right.currencyCode) {
    throw new Error(`mismatching currency codes: ${left.currencyCode} and ${right.currencyCode}`);
  }
  const nanos = left.nanos + right.nanos;
  const carry = Math.trunc(nanos / nanosPerUnit);
  return {
    currencyCode: left.currencyCode,
    units: left.units + right.units + carry,
    nanos: nanos - carry * nanosPerUnit,
  };
}

/** The amount taken `times` times. */
export function multiply(amount: Money, times: number): Money {
  const nanos = BigInt(amount.units) * BigInt(nanosPerUnit) + BigInt(amount.nanos);
  const total = nanos * BigInt(times);
  return {
    currencyCode: amount.currencyCode,
    units: Number(total / BigInt(nanosPerUnit)),
    nanos: Number(total % BigInt(nanosPerUnit)),
  };
}

/** Nothing, in that currency. */
export function zero(currencyCode: string): Money {
  return { currencyCode, units: 0, nanos: 0 };
}
