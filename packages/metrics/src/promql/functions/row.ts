/** A PromQL function as one row: its signature, its meaning, its code. */

import { withoutMetricName, type Labels } from '../../labels.ts';
import type { Expr, ValueType } from '../ast.ts';
import type { Environment } from '../environment.ts';
import { emptyColumn, hasValues, setAt, stepAt, type Column, type Steps, type Value } from '../value.ts';

/** Where a function can be read about, and what runs it. Tests: testdata/FAMILY.test. */
export interface FunctionRow {
  readonly name: string;
  readonly args: readonly ValueType[];
  /** 0: exactly `args`; n: the last may be left out or repeated up to n times; -1: any number of the last. */
  readonly variadic: number;
  readonly returns: 'scalar' | 'vector';
  readonly doc: string;
  readonly run: (call: Call) => Promise<Value> | Value;
}

/** The samples of one series that range functions look at; stale markers are left out. */
export interface RangeSeries {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly length: number;
}

/** A range vector over all steps: the window of step i is `(endsMs[i] - rangeMs, endsMs[i]]`. */
export interface RangeValue {
  readonly steps: Steps;
  readonly rangeMs: number;
  readonly endsMs: Float64Array;
  readonly series: readonly RangeSeries[];
}

/** One call being evaluated: its arguments on demand. */
export interface Call {
  readonly args: readonly Expr[];
  readonly steps: Steps;
  readonly env: Environment;
  vector(index: number): Promise<readonly Column[]>;
  scalar(index: number): Promise<Float64Array>;
  text(index: number): Promise<string>;
  range(index: number): Promise<RangeValue>;
  /** As `vector`, for a plain selector with the samples' times in seconds as values. */
  timestamps(index: number): Promise<readonly Column[]>;
}

/** The samples of one step: indexes `from` (inclusive) to `to` (exclusive), never empty. */
export interface Window {
  readonly times: Float64Array;
  readonly values: Float64Array;
  from: number;
  to: number;
  startMs: number;
  endMs: number;
  /** The evaluation time, which differs from `endMs` by offset and `@`. */
  evaluatedAtMs: number;
}

export type Run = FunctionRow['run'];

/** Runs `perWindow` for every series and step of the range argument; undefined leaves the step empty. */
export function overRange(
  perWindow: (window: Window, params: readonly number[]) => number | undefined,
  options: { readonly range?: number; readonly keepName?: boolean } = {},
): Run {
  const rangeIndex = options.range ?? 0;
  return async (call) => {
    const range = await call.range(rangeIndex);
    const params = await scalarParams(call, rangeIndex);
    const columns: Column[] = [];
    for (const series of range.series) {
      await call.env.breathe();
      const column = columnFor(series, call, options.keepName ?? false);
      fillWindows(range, series, (window, index) => {
        const value = perWindow(
          window,
          params.map((param) => param[index] ?? NaN),
        );
        if (value !== undefined) setAt(column, index, value);
      });
      if (hasValues(column)) columns.push(column);
    }
    return options.keepName === true ? { type: 'vector', columns } : call.env.nameless(columns, call.steps);
  };
}

/** Calls `visit` with every non-empty window of one series, one per step. The window object is reused. */
export function fillWindows(
  range: RangeValue,
  series: RangeSeries,
  visit: (window: Window, index: number) => void,
): void {
  const { times, values, length } = series;
  const window: Window = { times, values, from: 0, to: 0, startMs: 0, endMs: 0, evaluatedAtMs: 0 };
  for (const [index, endMs] of range.endsMs.entries()) {
    const startMs = endMs - range.rangeMs;
    while (window.to < length && (times[window.to] ?? 0) <= endMs) window.to++;
    while (window.from < window.to && (times[window.from] ?? 0) <= startMs) window.from++;
    if (window.to === window.from) continue;
    window.startMs = startMs;
    window.endMs = endMs;
    window.evaluatedAtMs = stepAt(range.steps, index);
    visit(window, index);
  }
}

/** Runs `perValue` for every value of the vector argument at index 0; the other arguments are scalars. */
export function perSample(perValue: (value: number, params: readonly number[]) => number | undefined): Run {
  return async (call) => {
    const input = await call.vector(0);
    const params = await scalarParams(call, 0);
    const columns: Column[] = [];
    for (const source of input) {
      await call.env.breathe();
      const column = columnFor(source, call, false);
      for (let index = 0; index < call.steps.count; index++) {
        if (source.present[index] !== 1) continue;
        const value = perValue(
          source.values[index] ?? NaN,
          params.map((param) => param[index] ?? NaN),
        );
        if (value !== undefined) setAt(column, index, value);
      }
      if (hasValues(column)) columns.push(column);
    }
    return call.env.nameless(columns, call.steps);
  };
}

/** An empty column for the result of a function on `source`, without its name unless it is kept. */
export function columnFor(
  source: { labels: Labels; dropName: boolean },
  call: Pick<Call, 'steps' | 'env'>,
  keepName: boolean,
): Column {
  const { count } = call.steps;
  if (keepName) return emptyColumn(source.labels, count, source.dropName);
  if (call.env.limits.delayedNameRemoval) return emptyColumn(source.labels, count, true);
  return emptyColumn(withoutMetricName(source.labels), count);
}

async function scalarParams(call: Call, except: number): Promise<Float64Array[]> {
  const params: Float64Array[] = [];
  for (let index = 0; index < call.args.length; index++) {
    if (index !== except) params.push(await call.scalar(index));
  }
  return params;
}
