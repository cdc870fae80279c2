/** Query results as the API's JSON. */

import { labelRecord } from '../labels.ts';
import type { QueryResult, ResultSeries } from '../promql/engine.ts';
import { formatTime } from '../promql/format.ts';

/** A number as text: the shortest form that reads back the same, `+Inf`, `-Inf`, `NaN`. */
function valueText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** The `data` of query and query_range. */
export function resultData(result: QueryResult, limit: number): { resultType: string; result: unknown } {
  switch (result.type) {
    case 'scalar':
      return { resultType: 'scalar', result: [formatTime(result.atMs), valueText(result.value)] };
    case 'string':
      return { resultType: 'string', result: [formatTime(result.atMs), result.text] };
    case 'vector':
      return { resultType: 'vector', result: result.series.slice(0, limit).map(vectorEntry) };
    case 'matrix':
      return { resultType: 'matrix', result: result.series.slice(0, limit).map(matrixEntry) };
  }
}

function vectorEntry({ labels, points }: ResultSeries): unknown {
  const point = points[0];
  return {
    metric: labelRecord(labels),
    value: point === undefined ? undefined : [formatTime(point.atMs), valueText(point.value)],
  };
}

function matrixEntry({ labels, points }: ResultSeries): unknown {
  return {
    metric: labelRecord(labels),
    values: points.map(({ atMs, value }) => [formatTime(atMs), valueText(value)]),
  };
}
