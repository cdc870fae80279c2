/** time.Duration: parsing and printing. */

import { FunctionError } from '../errors.ts';
import { quoteTime } from './time-quote.ts';

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const limit = 1n << 63n;

/** time.ParseDuration in nanoseconds. Throws `FunctionError`. */
export function parseDuration(text: string): bigint {
  const invalid = (): never => {
    throw new FunctionError(`time: invalid duration ${quoteTime(text)}`);
  };
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  let rest = text.slice(sign.length);
  if (rest === '0') return 0n;
  if (rest === '') return invalid();
  let total = 0n;
  while (rest !== '') {
    const match = /^([0-9]*)(?:(\.)([0-9]*))?/.exec(rest);
    const [whole = '', digits = '', , fraction = ''] = match ?? [];
    if (digits === '' && fraction === '') return invalid();
    rest = rest.slice(whole.length);
    const unit = /^[^.0-9]*/.exec(rest)?.[0] ?? '';
    if (unit === '') throw new FunctionError(`time: missing unit in duration ${quoteTime(text)}`);
    const size = units[unit];
    if (size === undefined)
      throw new FunctionError(`time: unknown unit ${quoteTime(unit)} in duration ${quoteTime(text)}`);
    rest = rest.slice(unit.length);
    total += BigInt(digits === '' ? 0 : digits) * size;
    if (fraction !== '') total += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
    if (total > limit) return invalid();
  }
  if (sign === '-') return -total;
  return total >= limit ? invalid() : total;
}

/** Duration.String: 1h2m3.5s, 10ms, 0s. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 3)}µs`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 6)}ms`;
  const seconds = size / 1_000_000_000n;
  const shown = decimal(size % 60_000_000_000n, 9);
  const hours = seconds / 3600n;
  const minutes = (seconds / 60n) % 60n;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${shown}s`;
  return minutes > 0n ? `${sign}${minutes}m${shown}s` : `${sign}${shown}s`;
}

function decimal(value: bigint, places: number): string {
  const divisor = 10n ** BigInt(places);
  const fraction = (value % divisor).toString().padStart(places, '0').replace(/0+$/, '');
  return `${value / divisor}${fraction === '' ? '' : `.${fraction}`}`;
}
