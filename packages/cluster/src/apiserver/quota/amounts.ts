/** Amounts of resources by name, in nanos, with the form they are written in. Source: apiserver pkg/quota/v1/resources.go. */

import { isRecord } from '@towpath/kit';
import { canonicalQuantity, quantityNanos } from '../schema/quantity.ts';

/** An amount; `isBinary` is written with Ki, Mi and so on. */
export interface Amount {
  readonly nanos: bigint;
  readonly isBinary: boolean;
}

export type Amounts = ReadonlyMap<string, Amount>;

const nanosPerUnit = 1_000_000_000n;

/** A number of things. */
export function counted(count: number): Amount {
  return { nanos: BigInt(count) * nanosPerUnit, isBinary: false };
}

/** Reads a `ResourceList`; what is no quantity is left out. */
export function amountsOf(list: unknown): Map<string, Amount> {
  const found = new Map<string, Amount>();
  for (const [name, value] of Object.entries(isRecord(list) ? list : {})) {
    const text = String(value);
    const nanos = quantityNanos(text);
    if (nanos !== undefined) found.set(name, { nanos, isBinary: text.endsWith('i') });
  }
  return found;
}

export function addAmounts(left: Amounts, right: Amounts): Map<string, Amount> {
  const sum = new Map(left);
  for (const [name, { nanos, isBinary }] of right) {
    const own = sum.get(name);
    sum.set(name, {
      nanos: (own?.nanos ?? 0n) + nanos,
      isBinary: own === undefined || own.nanos === 0n ? isBinary : own.isBinary,
    });
  }
  return sum;
}

/** For each name the larger amount. */
export function maxAmounts(left: Amounts, right: Amounts): Map<string, Amount> {
  const most = new Map(left);
  for (const [name, amount] of right) if (amount.nanos > (most.get(name)?.nanos ?? -1n)) most.set(name, amount);
  return most;
}

/** As a server writes it. */
export function amountText({ nanos, isBinary }: Amount): string {
  const bytes = nanos / nanosPerUnit;
  const isWhole = nanos % nanosPerUnit === 0n;
  if (isBinary && isWhole && bytes !== 0n && bytes % 1024n === 0n)
    return canonicalQuantity(`${bytes / 1024n}Ki`) ?? '0';
  if (isBinary && isWhole) return String(bytes);
  return canonicalQuantity(`${nanos}n`) ?? '0';
}

/** A `ResourceList`, names in alphabetical order. */
export function listOfAmounts(amounts: Amounts): Record<string, string> {
  const names = [...amounts.keys()].toSorted();
  return Object.fromEntries(names.map((name) => [name, amountText(amounts.get(name) ?? counted(0))]));
}

/** `a=1,b=2` for refusals. */
export function amountsText(amounts: Amounts): string {
  return Object.entries(listOfAmounts(amounts))
    .map(([name, text]) => `${name}=${text}`)
    .join(',');
}
