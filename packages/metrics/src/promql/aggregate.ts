/** Aggregations: `sum by (…)`, `topk without (…)` and the others. */

import { metricsError } from '../errors.ts';
import { dropLabels, keepLabels, labelsKey, metricNameLabel, withLabel, type Labels } from '../labels.ts';
import type { AggregateExpr, Aggregator } from './ast.ts';
import type { Environment } from './environment.ts';
import { formatValue } from './format.ts';
import { meanOf, quantileOf, sumOf, varianceOf } from './sums.ts';
import {
  ColumnSet,
  emptyColumn,
  hasValues,
  setAt,
  type Column,
  type Steps,
  type Value,
  type VectorValue,
} from './value.ts';

export interface Aggregation {
  readonly expr: AggregateExpr;
  readonly columns: readonly Column[];
  readonly param: Value | undefined;
  readonly steps: Steps;
  readonly env: Environment;
}

interface Group {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly members: Column[];
}

/** Aggregates `columns` at every step. Throws `PROMQL_EXECUTION` for a parameter that makes no sense. */
export async function aggregate(aggregation: Aggregation): Promise<VectorValue> {
  const { expr, columns, steps, env } = aggregation;
  const groups = groupColumns(expr, columns);
  if (expr.op === 'count_values') return countValues(aggregation, groups);
  const picks = pickers[expr.op];
  if (picks !== undefined && aggregation.param?.type === 'scalar') {
    for (const value of aggregation.param.values) picks([], value);
  }
  const result: Column[] = [];
  for (const group of groups) {
    await env.breathe();
    env.spend(group.members.length);
    if (picks !== undefined) result.push(...pick(aggregation, group, picks));
    else result.push(reduce(aggregation, group));
  }
  if (picks !== undefined) return { type: 'vector', columns: result };
  return env.limits.delayedNameRemoval
    ? { type: 'vector', columns: result.filter(hasValues) }
    : env.nameless(result.filter(hasValues), steps);
}

const nameOnly: ReadonlySet<string> = new Set([metricNameLabel]);

function groupColumns(expr: AggregateExpr, columns: readonly Column[]): Group[] {
  const without = new Set([...expr.grouping, ...nameOnly]);
  const groups = new Map<string, Group>();
  const known = new Map<Labels, Labels>();
  for (const column of columns) {
    let labels = known.get(column.labels);
    if (labels === undefined) {
      labels = expr.without ? dropLabels(column.labels, without) : keepLabels(column.labels, expr.grouping);
      known.set(column.labels, labels);
    }
    const key = labelsKey(labels);
    const group = groups.get(key) ?? {
      labels,
      dropName: column.dropName && expr.grouping.has(metricNameLabel),
      members: [],
    };
    groups.set(key, group);
    group.members.push(column);
  }
  return [...groups.values()];
}

const reducers: Readonly<Partial<Record<Aggregator, (values: Float64Array) => number>>> = {
  sum: sumOf,
  avg: meanOf,
  count: (values) => values.length,
  group: () => 1,
  min: (values) => extreme(values, (value, best) => value < best),
  max: (values) => extreme(values, (value, best) => value > best),
  stddev: (values) => Math.sqrt(varianceOf(values)),
  stdvar: varianceOf,
};

function extreme(values: Float64Array, better: (value: number, best: number) => boolean): number {
  let best = values[0] ?? NaN;
  for (const value of values) if (better(value, best) || Number.isNaN(best)) best = value;
  return best;
}

function reduce({ expr, steps, param }: Aggregation, group: Group): Column {
  const column = emptyColumn(group.labels, steps.count, group.dropName);
  const scratch = new Float64Array(group.members.length);
  const quantiles = param?.type === 'scalar' ? param.values : undefined;
  const reducer = reducers[expr.op];
  for (let index = 0; index < steps.count; index++) {
    let length = 0;
    for (const member of group.members) {
      if (member.present[index] === 1) scratch[length++] = member.values[index] ?? NaN;
    }
    if (length === 0) continue;
    const values = scratch.subarray(0, length);
    if (reducer !== undefined) setAt(column, index, reducer(values));
    else setAt(column, index, quantileOf(quantiles?.[index] ?? NaN, values));
  }
  return column;
}

interface Member {
  readonly position: number;
  readonly value: number;
  readonly labels: Labels;
}

type Picker = (members: Member[], param: number) => Member[];

/** Aggregators that keep some of the series as they are. */
const pickers: Readonly<Partial<Record<Aggregator, Picker>>> = {
  topk: (members, k) =>
    members.toSorted((left, right) => compareLastNaN(right.value, left.value, -1)).slice(0, whole(k)),
  bottomk: (members, k) =>
    members.toSorted((left, right) => compareLastNaN(left.value, right.value, 1)).slice(0, whole(k)),
  limitk: (members, k) => members.slice(0, whole(k)),
  limit_ratio: (members, ratio) => {
    if (Number.isNaN(ratio)) throw metricsError('PROMQL_EXECUTION', 'Ratio value is NaN');
    return members.filter((member) => withinRatio(member.labels, ratio));
  },
};

function whole(k: number): number {
  if (Number.isNaN(k)) throw metricsError('PROMQL_EXECUTION', 'Parameter value is NaN');
  if (Math.abs(k) > Number.MAX_SAFE_INTEGER) {
    throw metricsError('PROMQL_EXECUTION', `Scalar value ${formatValue(k)} overflows int64`);
  }
  return Math.max(0, Math.trunc(k));
}

/** NaN goes last in either direction. */
function compareLastNaN(left: number, right: number, sign: 1 | -1): number {
  const [first, second] = sign === 1 ? [left, right] : [right, left];
  if (Number.isNaN(first)) return Number.isNaN(second) ? 0 : 1;
  if (Number.isNaN(second)) return -1;
  return sign * (first - second);
}

/** A fixed share of the series, the same ones every time; a negative ratio takes the others. */
function withinRatio(labels: Labels, ratio: number): boolean {
  let hash = 2_166_136_261;
  for (const character of labelsKey(labels)) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619);
  const share = (hash >>> 0) / 2 ** 32;
  return ratio >= 0 ? share < ratio : share >= 1 + ratio;
}

function pick({ steps, param }: Aggregation, group: Group, picker: Picker): Column[] {
  const columns = group.members.map((member) => emptyColumn(member.labels, steps.count, member.dropName));
  const params = param?.type === 'scalar' ? param.values : new Float64Array(steps.count);
  let order: readonly Member[] = [];
  for (let index = 0; index < steps.count; index++) {
    const members = group.members.flatMap((member, position): Member[] => {
      if (member.present[index] !== 1) return [];
      return [{ position, value: member.values[index] ?? NaN, labels: member.labels }];
    });
    order = members.length === 0 ? [] : picker(members, params[index] ?? NaN);
    for (const { position, value } of order) {
      const column = columns[position];
      if (column !== undefined) setAt(column, index, value);
    }
  }
  // An instant query shows the picked series in the order they were picked.
  if (steps.count === 1) return order.flatMap(({ position }) => columns[position] ?? []);
  return columns.filter(hasValues);
}

function countValues({ steps, param }: Aggregation, groups: readonly Group[]): VectorValue {
  const label = param?.type === 'string' ? param.text : '';
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(label)) {
    throw metricsError('PROMQL_EXECUTION', `invalid label name ${JSON.stringify(label)}`);
  }
  const result = new ColumnSet(steps);
  for (const group of groups) {
    const base = group.labels;
    for (let index = 0; index < steps.count; index++) {
      for (const member of group.members) {
        if (member.present[index] !== 1) continue;
        const column = result.column(withLabel(base, label, formatValue(member.values[index] ?? NaN)));
        setAt(column, index, (column.present[index] === 1 ? (column.values[index] ?? 0) : 0) + 1);
      }
    }
  }
  return result.vector();
}
