/** What expressions evaluate to: columns over the steps of a query, so that labels are matched once and not per step. */

import { metricsError } from '../errors.ts';
import { labelsKey, labelsText, withoutMetricName, type Labels } from '../labels.ts';

/** The evaluation times of a query: `startMs`, then every `stepMs`, `count` of them. An instant query has one. */
export interface Steps {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

/** The time of step `index`. */
export function stepAt(steps: Steps, index: number): number {
  return steps.startMs + index * steps.stepMs;
}

/** One series of an instant vector over all steps; where `present` is 0 the series has no value at that step. */
export interface Column {
  readonly labels: Labels;
  /** The name is to be dropped at the end (only with delayed name removal). */
  readonly dropName: boolean;
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

export interface ScalarValue {
  readonly type: 'scalar';
  readonly values: Float64Array;
}

interface StringValue {
  readonly type: 'string';
  readonly text: string;
}

export interface VectorValue {
  readonly type: 'vector';
  readonly columns: readonly Column[];
}

export type Value = ScalarValue | StringValue | VectorValue;

/** A column with no value yet. */
export function emptyColumn(labels: Labels, count: number, dropName = false): Column {
  return { labels, dropName, values: new Float64Array(count), present: new Uint8Array(count) };
}

/** Sets one value. */
export function setAt(column: Column, index: number, value: number): void {
  column.values[index] = value;
  column.present[index] = 1;
}

/** A scalar that is the same at every step. */
export function constant(value: number, steps: Steps): ScalarValue {
  return { type: 'scalar', values: new Float64Array(steps.count).fill(value) };
}

/** True when the column has a value at any step. */
export function hasValues(column: Column): boolean {
  return column.present.includes(1);
}

/** Collects columns under labels that may turn up more than once; two values at one step are an error. */
export class ColumnSet {
  readonly #count: number;
  readonly #columns = new Map<string, Column>();

  constructor(steps: Pick<Steps, 'count'>) {
    this.#count = steps.count;
  }

  /** The column of these labels, made when it is new. */
  column(labels: Labels, dropName = false): Column {
    const key = labelsKey(labels);
    const known = this.#columns.get(key);
    if (known !== undefined) return known;
    const column = emptyColumn(labels, this.#count, dropName);
    this.#columns.set(key, column);
    return column;
  }

  /** Sets a value. Throws `PROMQL_EXECUTION` with `duplicate` when that step has one. */
  add(column: Column, index: number, value: number, duplicate = sameLabelset(column.labels)): void {
    if (column.present[index] === 1) throw metricsError('PROMQL_EXECUTION', duplicate);
    setAt(column, index, value);
  }

  /** The columns that have a value, in the order they were made. */
  vector(): VectorValue {
    return { type: 'vector', columns: [...this.#columns.values()].filter(hasValues) };
  }
}

function sameLabelset(labels: Labels): string {
  return `vector cannot contain metrics with the same labelset: ${labelsText(labels)}`;
}

/** Joins columns of equal labels. Throws `PROMQL_EXECUTION` when two have a value at the same step. */
export function mergeColumns(columns: readonly Column[], steps: Pick<Steps, 'count'>): readonly Column[] {
  const keys = new Set(columns.map((column) => labelsKey(column.labels)));
  if (keys.size === columns.length) return columns;
  const set = new ColumnSet(steps);
  for (const column of columns) {
    const target = set.column(column.labels, column.dropName);
    for (let index = 0; index < steps.count; index++) {
      if (column.present[index] === 1) set.add(target, index, column.values[index] ?? NaN);
    }
  }
  return set.vector().columns;
}

/** Drops the names that were marked for it and joins what becomes equal. */
export function dropMarkedNames(columns: readonly Column[], steps: Pick<Steps, 'count'>): readonly Column[] {
  if (!columns.some((column) => column.dropName)) return columns;
  const renamed = columns.map((column) => {
    return column.dropName ? { ...column, labels: withoutMetricName(column.labels), dropName: false } : column;
  });
  return mergeColumns(renamed, steps);
}
