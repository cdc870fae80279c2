/** Converts an amount through euros, carrying between units and billionths. */

import type { Money } from '../../lib/types.ts';
import { ratesPerEuro } from './rates.ts';

interface Amount {
  readonly units: number;
  readonly nanos: number;
}

const nanosPerUnit = 1_000_000_000;

/** Moves the fraction of units into nanos, and whole units out of nanos. */
function carry({ units, nanos }: Amount): Amount {
  const all = nanos + (units % 1) * nanosPerUnit;
  return { units: Math.floor(units) + Math.floor(all / nanosPerUnit), nanos: all % nanosPerUnit };
}

/** Undefined when a currency is not known. */
export function convert(from: Money, toCode: string): Money | undefined {
  const source = ratesPerEuro[from.currencyCode];
  const target = ratesPerEuro[toCode];
  if (source === undefined || target === undefined) return undefined;
  const euros = carry({ units: from.units / source, nanos: from.nanos / source });
  const nanos = Math.round(euros.nanos);
  const result = carry({ units: euros.units * target, nanos: nanos * target });
  return { currencyCode: toCode, units: Math.floor(result.units), nanos: Math.floor(result.nanos) };
}
