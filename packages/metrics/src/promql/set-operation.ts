/** `and`, `or` and `unless` between vectors. */

import { labelsKey } from '../labels.ts';
import type { SetOperator, VectorMatching } from './ast.ts';
import { signature } from './matching.ts';
import { emptyColumn, hasValues, mergeColumns, setAt, type Column, type Steps, type VectorValue } from './value.ts';

export interface SetOperation {
  readonly op: SetOperator;
  readonly left: readonly Column[];
  readonly right: readonly Column[];
  readonly matching: VectorMatching;
  readonly steps: Steps;
}

/** Keeps series of the left (and, for `or`, of the right) by what the other side has at the same step. */
export function setOperation({ op, left, right, matching, steps }: SetOperation): VectorValue {
  const onRight = presence(right, matching, steps);
  switch (op) {
    case 'and':
      return vector(left.map((column) => masked(column, (index) => onRight(column)?.[index] === 1, steps)));
    case 'unless':
      return vector(left.map((column) => masked(column, (index) => onRight(column)?.[index] !== 1, steps)));
    case 'or': {
      const onLeft = presence(left, matching, steps);
      const added = right.map((column) => masked(column, (index) => onLeft(column)?.[index] !== 1, steps));
      return { type: 'vector', columns: mergeColumns([...left, ...added.filter(hasValues)], steps) };
    }
  }
}

function vector(columns: readonly Column[]): VectorValue {
  return { type: 'vector', columns: columns.filter(hasValues) };
}

/** For a column: the steps at which a column of the same signature has a value. */
function presence(
  columns: readonly Column[],
  matching: VectorMatching,
  steps: Steps,
): (column: Column) => Uint8Array | undefined {
  const bySignature = new Map<string, Uint8Array>();
  const keyOf = (column: Column): string => labelsKey(signature(column.labels, matching));
  for (const column of columns) {
    const key = keyOf(column);
    const seen = bySignature.get(key) ?? new Uint8Array(steps.count);
    bySignature.set(key, seen);
    for (let index = 0; index < steps.count; index++) if (column.present[index] === 1) seen[index] = 1;
  }
  return (column) => bySignature.get(keyOf(column));
}

function masked(source: Column, keep: (index: number) => boolean, steps: Steps): Column {
  const column = emptyColumn(source.labels, steps.count, source.dropName);
  for (let index = 0; index < steps.count; index++) {
    if (source.present[index] === 1 && keep(index)) setAt(column, index, source.values[index] ?? NaN);
  }
  return column;
}
