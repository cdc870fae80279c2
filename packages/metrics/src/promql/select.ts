/** Selectors against the store: the newest sample per step, or every sample of a range. */

import type { SelectorExpr, TimeShift } from './ast.ts';
import type { Environment, Samples } from './environment.ts';
import type { RangeSeries, RangeValue } from './functions/row.ts';
import { emptyColumn, hasValues, setAt, stepAt, type Column, type Steps } from './value.ts';

/** A stale marker's bits: the series ended here. Source: Prometheus, model/value, StaleNaN. */
export const staleHighBits = 0x7ff00000;
export const staleLowBits = 0x00000002;

/** True when the sample is a stale marker rather than a value. */
export function isStale(samples: Pick<Samples, 'bits'>, index: number): boolean {
  return samples.bits[2 * index + 1] === staleHighBits && samples.bits[2 * index] === staleLowBits;
}

/** The moment every step looks at, after `@` and `offset`. */
export function referenceTimes(shift: TimeShift, steps: Steps, env: Environment): Float64Array {
  const times = new Float64Array(steps.count);
  const fixedMs = fixedTime(shift, env);
  for (let index = 0; index < steps.count; index++) {
    times[index] = (fixedMs ?? stepAt(steps, index)) - shift.offsetMs;
  }
  return times;
}

function fixedTime({ at }: TimeShift, env: Environment): number | undefined {
  if (at === undefined) return undefined;
  if (at.type === 'time') return at.atMs;
  return at.type === 'start' ? env.span.startMs : env.span.endMs;
}

/** An instant vector: per step the newest sample within the lookback, unless it is a stale marker. */
export async function selectInstant(
  expr: SelectorExpr,
  steps: Steps,
  env: Environment,
  options: { readonly timestamps?: boolean } = {},
): Promise<Column[]> {
  const times = referenceTimes(expr, steps, env);
  const { lookbackMs } = env.limits;
  const columns: Column[] = [];
  for (const series of env.source.select(expr.matchers)) {
    await env.breathe();
    const samples = series.samples((times[0] ?? 0) - lookbackMs, times.at(-1) ?? 0);
    if (samples.length === 0) continue;
    const column = emptyColumn(series.labels, steps.count);
    let next = 0;
    for (const [index, atMs] of times.entries()) {
      while (next < samples.length && (samples.times[next] ?? 0) <= atMs) next++;
      const found = next - 1;
      if (found < 0 || (samples.times[found] ?? 0) <= atMs - lookbackMs || isStale(samples, found)) continue;
      const value = options.timestamps === true ? (samples.times[found] ?? NaN) / 1000 : (samples.values[found] ?? NaN);
      setAt(column, index, value);
    }
    env.spend(steps.count);
    if (hasValues(column)) columns.push(column);
  }
  return columns;
}

/** A range vector: the samples that any step's window needs. */
export async function selectRange(expr: SelectorExpr, steps: Steps, env: Environment): Promise<RangeValue> {
  const rangeMs = expr.rangeMs ?? 0;
  const endsMs = referenceTimes(expr, steps, env);
  const series: RangeSeries[] = [];
  for (const stored of env.source.select(expr.matchers)) {
    await env.breathe();
    const samples = stored.samples((endsMs[0] ?? 0) - rangeMs, endsMs.at(-1) ?? 0);
    if (samples.length === 0) continue;
    env.spend(samples.length);
    series.push({ labels: stored.labels, dropName: false, ...withoutStale(samples) });
  }
  return { steps, rangeMs, endsMs, series };
}

function withoutStale(samples: Samples): Pick<RangeSeries, 'times' | 'values' | 'length'> {
  const { times, values, length } = samples;
  let stale = 0;
  for (let index = 0; index < length; index++) if (isStale(samples, index)) stale++;
  if (stale === 0) return { times, values, length };
  const keptTimes = new Float64Array(length - stale);
  const keptValues = new Float64Array(length - stale);
  let kept = 0;
  for (let index = 0; index < length; index++) {
    if (isStale(samples, index)) continue;
    keptTimes[kept] = times[index] ?? 0;
    keptValues[kept] = values[index] ?? NaN;
    kept++;
  }
  return { times: keptTimes, values: keptValues, length: kept };
}
