/** Functions over counters and gauges in a range: rate and its relatives, slopes. */

import type { FunctionRow, Window } from './row.ts';
import { overRange } from './row.ts';
import { CompensatedSum } from '../sums.ts';

interface Extrapolation {
  readonly counter: boolean;
  readonly perSecond: boolean;
}

/**
 * The change within a window, stretched to its edges: to the edge itself when a sample is near it (within 1.1
 * average distances), else by half an average distance; a counter is never stretched below zero.
 * Source: Prometheus, promql/functions.go, extrapolatedRate.
 */
function extrapolate(window: Window, { counter, perSecond }: Extrapolation): number | undefined {
  const { times, values, from, to, startMs, endMs } = window;
  if (to - from < 2) return undefined;
  const first = values[from] ?? NaN;
  const firstMs = times[from] ?? 0;
  const lastMs = times[to - 1] ?? 0;
  let change = (values[to - 1] ?? NaN) - first;
  if (counter) change += resetSum(window);
  const sampledSeconds = (lastMs - firstMs) / 1000;
  const averageSeconds = sampledSeconds / (to - from - 1);
  let toStartSeconds = (firstMs - startMs) / 1000;
  let toEndSeconds = (endMs - lastMs) / 1000;
  const threshold = averageSeconds * 1.1;
  if (toStartSeconds >= threshold) toStartSeconds = averageSeconds / 2;
  if (counter && change > 0 && first >= 0) {
    toStartSeconds = Math.min(toStartSeconds, sampledSeconds * (first / change));
  }
  if (toEndSeconds >= threshold) toEndSeconds = averageSeconds / 2;
  let factor = (sampledSeconds + toStartSeconds + toEndSeconds) / sampledSeconds;
  if (perSecond) factor /= (endMs - startMs) / 1000;
  return change * factor;
}

/** What the counter had reached before each reset, summed. */
function resetSum({ values, from, to }: Window): number {
  let sum = 0;
  for (let index = from + 1; index < to; index++) {
    const previous = values[index - 1] ?? NaN;
    if ((values[index] ?? NaN) < previous) sum += previous;
  }
  return sum;
}

function lastChange({ times, values, to, from }: Window, rate: boolean): number | undefined {
  if (to - from < 2) return undefined;
  const last = values[to - 1] ?? NaN;
  const previous = values[to - 2] ?? NaN;
  const change = rate && last < previous ? last : last - previous;
  const seconds = ((times[to - 1] ?? 0) - (times[to - 2] ?? 0)) / 1000;
  if (!rate) return change;
  return seconds === 0 ? undefined : change / seconds;
}

/** Least squares through the window: slope per second, and the value at `interceptMs`. */
function regress({ times, values, from, to }: Window, interceptMs: number): { slope: number; intercept: number } {
  const [sumX, sumY, sumXY, sumX2] = Array.from({ length: 4 }, () => new CompensatedSum());
  const first = values[from] ?? NaN;
  let constant = true;
  for (let index = from; index < to; index++) {
    const x = ((times[index] ?? 0) - interceptMs) / 1000;
    const y = values[index] ?? NaN;
    if (y !== first) constant = false;
    sumX?.add(x);
    sumY?.add(y);
    sumXY?.add(x * y);
    sumX2?.add(x * x);
  }
  if (constant) return { slope: Number.isFinite(first) ? 0 : NaN, intercept: Number.isFinite(first) ? first : NaN };
  const count = to - from;
  const x = sumX?.value ?? 0;
  const y = sumY?.value ?? 0;
  const slope = ((sumXY?.value ?? 0) - (x * y) / count) / ((sumX2?.value ?? 0) - (x * x) / count);
  return { slope, intercept: y / count - (slope * x) / count };
}

function countSteps({ values, from, to }: Window, counts: (previous: number, value: number) => boolean): number {
  let count = 0;
  for (let index = from + 1; index < to; index++) {
    if (counts(values[index - 1] ?? NaN, values[index] ?? NaN)) count++;
  }
  return count;
}

/** Double exponential smoothing. Source: Prometheus documentation, double_exponential_smoothing. */
function smooth({ values, from, to }: Window, smoothing: number, trend: number): number | undefined {
  if (to - from < 2) return undefined;
  let before = 0;
  let level = values[from] ?? NaN;
  let slope = (values[from + 1] ?? NaN) - level;
  for (let index = from + 1; index < to; index++) {
    if (index > from + 1) slope = trend * (level - before) + (1 - trend) * slope;
    before = level;
    level = smoothing * (values[index] ?? NaN) + (1 - smoothing) * (level + slope);
  }
  return level;
}

const matrix = { args: ['matrix'], variadic: 0, returns: 'vector' } as const;

export const counterFunctions: readonly FunctionRow[] = [
  {
    ...matrix,
    name: 'rate',
    doc: 'The per-second increase of a counter, averaged over the range.',
    run: overRange((window) => extrapolate(window, { counter: true, perSecond: true })),
  },
  {
    ...matrix,
    name: 'increase',
    doc: 'The increase of a counter over the range.',
    run: overRange((window) => extrapolate(window, { counter: true, perSecond: false })),
  },
  {
    ...matrix,
    name: 'delta',
    doc: 'The difference between the ends of the range, for gauges.',
    run: overRange((window) => extrapolate(window, { counter: false, perSecond: false })),
  },
  {
    ...matrix,
    name: 'irate',
    doc: 'The per-second increase between the last two samples of a counter.',
    run: overRange((window) => lastChange(window, true)),
  },
  {
    ...matrix,
    name: 'idelta',
    doc: 'The difference between the last two samples.',
    run: overRange((window) => lastChange(window, false)),
  },
  {
    ...matrix,
    name: 'resets',
    doc: 'How often a counter went down within the range.',
    run: overRange((window) => countSteps(window, (previous, value) => value < previous)),
  },
  {
    ...matrix,
    name: 'changes',
    doc: 'How often the value changed within the range.',
    run: overRange((window) => {
      return countSteps(window, (previous, value) => {
        return value !== previous && !(Number.isNaN(value) && Number.isNaN(previous));
      });
    }),
  },
  {
    ...matrix,
    name: 'deriv',
    doc: 'The per-second slope of a gauge by least squares.',
    run: overRange((window) => {
      return window.to - window.from < 2 ? undefined : regress(window, window.times[window.from] ?? 0).slope;
    }),
  },
  {
    name: 'predict_linear',
    args: ['matrix', 'scalar'],
    variadic: 0,
    returns: 'vector',
    doc: 'The value of a gauge that many seconds from now, by least squares.',
    run: overRange((window, [seconds = NaN]) => {
      if (window.to - window.from < 2) return undefined;
      const { slope, intercept } = regress(window, window.evaluatedAtMs);
      return slope * seconds + intercept;
    }),
  },
  {
    name: 'double_exponential_smoothing',
    args: ['matrix', 'scalar', 'scalar'],
    variadic: 0,
    returns: 'vector',
    doc: 'A smoothed value of a gauge: smoothing factor and trend factor between 0 and 1.',
    run: overRange((window, [smoothing = NaN, trend = NaN]) => smooth(window, smoothing, trend)),
  },
];
