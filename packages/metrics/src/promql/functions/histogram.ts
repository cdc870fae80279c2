/** Functions over classic histograms: buckets as series with an `le` label. */

import { dropLabels, labelsKey, labelValue, withoutMetricName, type Labels } from '../../labels.ts';
import { emptyColumn, hasValues, setAt, type Column, type Value } from '../value.ts';
import type { Call, FunctionRow } from './row.ts';

interface Bucket {
  /** The `le` label: the upper bound, included. */
  upperBound: number;
  /** Observations up to the bound. */
  count: number;
}

/** Counts that differ by less than this part of themselves are equal: sums of rates are not exact. */
const relativeTolerance = 1e-12;

/**
 * The q-quantile of a cumulative histogram, interpolated within its bucket; `buckets` are sorted in place.
 * Source: Prometheus, promql/quantile.go, BucketQuantile.
 */
function bucketQuantile(q: number, buckets: Bucket[]): number {
  if (Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const merged = prepare(buckets);
  const last = merged.at(-1);
  if (last === undefined || last.upperBound !== Infinity || merged.length < 2) return NaN;
  if (!(last.count > 0)) return NaN;
  const rank = q * last.count;
  const found = merged.findIndex((bucket) => bucket.count >= rank);
  const index = found < 0 ? merged.length - 1 : found;
  const bucket = merged[index];
  const below = merged[index - 1];
  if (bucket === undefined) return NaN;
  if (index === merged.length - 1) return below?.upperBound ?? NaN;
  if (below === undefined && bucket.upperBound <= 0) return bucket.upperBound;
  const start = below?.upperBound ?? 0;
  const inBucket = bucket.count - (below?.count ?? 0);
  return start + (bucket.upperBound - start) * ((rank - (below?.count ?? 0)) / inBucket);
}

/** Sorted, equal bounds added up, and never going down. */
function prepare(buckets: Bucket[]): Bucket[] {
  buckets.sort((left, right) => left.upperBound - right.upperBound);
  const merged: Bucket[] = [];
  for (const bucket of buckets) {
    const previous = merged.at(-1);
    if (previous !== undefined && previous.upperBound === bucket.upperBound) previous.count += bucket.count;
    else merged.push({ ...bucket });
  }
  let before = merged[0]?.count ?? 0;
  for (const bucket of merged) {
    if (bucket.count < before || almostEqual(bucket.count, before)) bucket.count = before;
    else before = bucket.count;
  }
  return merged;
}

function almostEqual(left: number, right: number): boolean {
  if (left === right) return true;
  const larger = Math.abs(left) + Math.abs(right);
  return Math.abs(left - right) / Math.min(larger, Number.MAX_VALUE) < relativeTolerance;
}

/**
 * The share of observations between two bounds, interpolated like the quantile.
 * Source: Prometheus, promql/quantile.go, BucketFraction.
 */
function bucketFraction(lower: number, upper: number, buckets: Bucket[]): number {
  const merged = prepare(buckets);
  const total = merged.at(-1);
  if (total === undefined || total.upperBound !== Infinity || merged.length < 2 || total.count === 0) return NaN;
  if (Number.isNaN(lower) || Number.isNaN(upper)) return NaN;
  if (lower >= upper) return 0;
  return (rankOf(upper, merged) - rankOf(lower, merged)) / total.count;
}

function rankOf(bound: number, merged: readonly Bucket[]): number {
  let start = merged[0] !== undefined && merged[0].upperBound > 0 ? 0 : -Infinity;
  let below = 0;
  for (const bucket of merged) {
    if (bound <= start) return below;
    if (bound < bucket.upperBound) {
      // A bucket without a finite width cannot be divided: all of it lies below, or nothing.
      if (start === -Infinity) return bucket.count;
      if (bucket.upperBound === Infinity) return below;
      return below + ((bucket.count - below) * (bound - start)) / (bucket.upperBound - start);
    }
    start = bucket.upperBound;
    below = bucket.count;
  }
  return below;
}

interface Group {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly buckets: { readonly upperBound: number; readonly column: Column }[];
}

const bucketLabel: ReadonlySet<string> = new Set(['le']);

/** Bucket series that differ only in `le`, and in the name when names are dropped at once. */
function groupBuckets(columns: readonly Column[], delayed: boolean): Group[] {
  const groups = new Map<string, Group>();
  for (const column of columns) {
    const text = labelValue(column.labels, 'le');
    const upperBound = parseBound(text);
    if (upperBound === undefined) continue;
    const rest = dropLabels(column.labels, bucketLabel);
    const key = labelsKey(rest);
    const labels = delayed ? rest : withoutMetricName(rest);
    const group = groups.get(key) ?? { labels, dropName: delayed, buckets: [] };
    groups.set(key, group);
    group.buckets.push({ upperBound, column });
  }
  return [...groups.values()];
}

function parseBound(text: string): number | undefined {
  if (/^\+?inf$/i.test(text)) return Infinity;
  if (/^-inf$/i.test(text)) return -Infinity;
  if (text.trim() === '') return undefined;
  const bound = Number(text);
  return Number.isNaN(bound) ? undefined : bound;
}

/** Runs `perHistogram` for every histogram and step; `input` is the index of the vector argument. */
async function overHistograms(
  call: Call,
  input: number,
  perHistogram: (buckets: Bucket[], index: number) => number,
): Promise<Value> {
  const columns: Column[] = [];
  for (const group of groupBuckets(await call.vector(input), call.env.limits.delayedNameRemoval)) {
    await call.env.breathe();
    const column = emptyColumn(group.labels, call.steps.count, group.dropName);
    for (let index = 0; index < call.steps.count; index++) {
      const buckets = group.buckets
        .filter((bucket) => bucket.column.present[index] === 1)
        .map((bucket) => ({ upperBound: bucket.upperBound, count: bucket.column.values[index] ?? NaN }));
      if (buckets.length > 0) setAt(column, index, perHistogram(buckets, index));
    }
    if (hasValues(column)) columns.push(column);
  }
  return call.env.nameless(columns, call.steps);
}

export const histogramFunctions: readonly FunctionRow[] = [
  {
    name: 'histogram_quantile',
    args: ['scalar', 'vector'],
    variadic: 0,
    returns: 'vector',
    doc: 'The q-quantile of each histogram, from its buckets.',
    run: async (call) => {
      const q = await call.scalar(0);
      return overHistograms(call, 1, (buckets, index) => bucketQuantile(q[index] ?? NaN, buckets));
    },
  },
  {
    name: 'histogram_fraction',
    args: ['scalar', 'scalar', 'vector'],
    variadic: 0,
    returns: 'vector',
    doc: 'The share of observations between a lower and an upper bound.',
    run: async (call) => {
      const lower = await call.scalar(0);
      const upper = await call.scalar(1);
      return overHistograms(call, 2, (buckets, index) => {
        return bucketFraction(lower[index] ?? NaN, upper[index] ?? NaN, buckets);
      });
    },
  },
];
