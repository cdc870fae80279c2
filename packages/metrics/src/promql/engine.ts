/** The PromQL engine: a query text in, values out. */

import type { Clock } from '@towpath/kit';
import { metricsError } from '../errors.ts';
import { labelsKey, type Labels } from '../labels.ts';
import { typeOf, type Expr } from './ast.ts';
import { defaultQueryLimits, Environment, type QueryLimits, type SampleSource } from './environment.ts';
import { evaluate, evaluateRange } from './evaluate.ts';
import { parseQuery } from './parse.ts';
import { dropMarkedNames, stepAt, type Column, type Steps, type Value } from './value.ts';

export interface EngineOptions {
  readonly source: SampleSource;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Lets other work run between slices of a long evaluation. */
  readonly pause: () => Promise<void>;
  readonly limits?: Partial<QueryLimits>;
}

/** One series of a result: times in milliseconds. */
export interface ResultSeries {
  readonly labels: Labels;
  readonly points: readonly { readonly atMs: number; readonly value: number }[];
}

export type QueryResult =
  | { readonly type: 'scalar'; readonly atMs: number; readonly value: number }
  | { readonly type: 'string'; readonly atMs: number; readonly text: string }
  | { readonly type: 'vector'; readonly series: readonly ResultSeries[] }
  | { readonly type: 'matrix'; readonly series: readonly ResultSeries[] };

interface QueryOptions {
  readonly timeoutMs?: number | undefined;
  readonly lookbackMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface RangeOptions extends QueryOptions {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

/** Points per series of a range query. Source: Prometheus, web/api/v1. */
const maxPointsPerSeries = 11_000;

export interface Engine {
  /** The value at one time. Throws the errors listed in errors.ts. */
  instant(query: string, atMs: number, options?: QueryOptions): Promise<QueryResult>;
  /** The value at `startMs`, and every `stepMs` until `endMs`; always a matrix. */
  range(query: string, options: RangeOptions): Promise<QueryResult>;
}

/** An engine over `source`. */
export function createEngine(options: EngineOptions): Engine {
  return {
    async instant(query, atMs, queryOptions = {}) {
      const expr = parseQuery(query);
      const steps: Steps = { startMs: atMs, stepMs: 1, count: 1 };
      const env = environment(options, queryOptions, steps);
      if (typeOf(expr) === 'matrix') return instantMatrix(expr, steps, env);
      return instantResult(expr, await evaluate(expr, steps, env), steps);
    },
    async range(query, rangeOptions) {
      const { startMs, endMs, stepMs } = rangeOptions;
      const expr = parseQuery(query);
      const type = typeOf(expr);
      if (type !== 'scalar' && type !== 'vector') {
        const name = type === 'matrix' ? 'range vector' : type;
        const message = `invalid expression type "${name}" for range query, must be Scalar or instant Vector`;
        throw metricsError('PROMQL_INVALID', message);
      }
      const count = Math.floor((endMs - startMs) / stepMs) + 1;
      if (count > maxPointsPerSeries) {
        const message = `exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)`;
        throw metricsError('METRICS_BAD_PARAMETER', message);
      }
      const steps: Steps = { startMs, stepMs, count: Math.max(0, count) };
      const env = environment(options, rangeOptions, steps);
      if (steps.count === 0) return { type: 'matrix', series: [] };
      return rangeResult(await evaluate(expr, steps, env), steps);
    },
  };
}

function environment(options: EngineOptions, query: QueryOptions, steps: Steps): Environment {
  const limits = { ...defaultQueryLimits, ...options.limits };
  return new Environment({
    source: options.source,
    clock: options.clock,
    pause: options.pause,
    signal: query.signal,
    limits: {
      ...limits,
      timeoutMs: Math.min(limits.timeoutMs, query.timeoutMs ?? Infinity),
      lookbackMs: query.lookbackMs ?? limits.lookbackMs,
    },
    span: { startMs: steps.startMs, endMs: stepAt(steps, Math.max(0, steps.count - 1)) },
  });
}

async function instantMatrix(expr: Expr, steps: Steps, env: Environment): Promise<QueryResult> {
  const range = await evaluateRange(expr, steps, env);
  const endMs = range.endsMs[0] ?? 0;
  const series = range.series.map(({ labels, times, values, length }): ResultSeries => {
    const points = Array.from({ length }, (_, index) => ({ atMs: times[index] ?? 0, value: values[index] ?? NaN }));
    return { labels, points: points.filter(({ atMs }) => atMs > endMs - range.rangeMs && atMs <= endMs) };
  });
  return { type: 'matrix', series: byLabels(series.filter(({ points }) => points.length > 0)) };
}

/** These decide the order of an instant result themselves. */
function isOrdered(expr: Expr): boolean {
  if (expr.type === 'call') return expr.row.name.startsWith('sort');
  return expr.type === 'aggregate' && (expr.op === 'topk' || expr.op === 'bottomk');
}

function instantResult(expr: Expr, value: Value, steps: Steps): QueryResult {
  if (value.type === 'scalar') return { type: 'scalar', atMs: steps.startMs, value: value.values[0] ?? NaN };
  if (value.type === 'string') return { type: 'string', atMs: steps.startMs, text: value.text };
  const series = toSeries(dropMarkedNames(value.columns, steps), steps);
  return { type: 'vector', series: isOrdered(expr) ? series : byLabels(series) };
}

function rangeResult(value: Value, steps: Steps): QueryResult {
  if (value.type === 'string') throw new Error('bug: a string was checked for');
  if (value.type === 'vector') {
    return { type: 'matrix', series: byLabels(toSeries(dropMarkedNames(value.columns, steps), steps)) };
  }
  const points = Array.from(value.values, (number, index) => ({ atMs: stepAt(steps, index), value: number }));
  return { type: 'matrix', series: [{ labels: [], points }] };
}

function toSeries(columns: readonly Column[], steps: Steps): ResultSeries[] {
  return columns.flatMap(({ labels, values, present }) => {
    const points: { atMs: number; value: number }[] = [];
    for (let index = 0; index < steps.count; index++) {
      if (present[index] === 1) points.push({ atMs: stepAt(steps, index), value: values[index] ?? NaN });
    }
    return points.length === 0 ? [] : [{ labels, points }];
  });
}

function byLabels(series: readonly ResultSeries[]): ResultSeries[] {
  const keyed = series.map((one) => ({ one, key: labelsKey(one.labels) }));
  keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  return keyed.map(({ one }) => one);
}
