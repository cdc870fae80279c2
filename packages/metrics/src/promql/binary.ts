/** Binary operations on scalars and vectors, with Prometheus' rules of which series belong together. */

import { metricsError } from '../errors.ts';
import { dropLabels, keepLabels, labelsText, labelValue, withLabel, type Labels } from '../labels.ts';
import { comparisonOperators, setOperators, type BinaryExpr, type BinaryOperator, type VectorMatching } from './ast.ts';
import type { Environment } from './environment.ts';
import { columnFor } from './functions/row.ts';
import { bySignature, nameLabel, signature } from './matching.ts';
import { setOperation } from './set-operation.ts';
import { ColumnSet, hasValues, setAt, type Column, type Steps, type Value, type VectorValue } from './value.ts';

export interface BinaryOperation {
  readonly expr: BinaryExpr;
  readonly left: Value;
  readonly right: Value;
  readonly steps: Steps;
  readonly env: Environment;
}

/** Evaluates one binary operation. Throws `PROMQL_EXECUTION` when series match ambiguously. */
export async function binary(operation: BinaryOperation): Promise<Value> {
  const { expr, left, right, steps } = operation;
  if (left.type === 'scalar' && right.type === 'scalar') {
    const values = left.values.map((value, index) => {
      const other = right.values[index] ?? NaN;
      return isComparison(expr.op) ? Number(compare(expr.op, value, other)) : arithmetic(expr.op, value, other);
    });
    return { type: 'scalar', values };
  }
  if (left.type === 'vector' && right.type === 'vector') {
    if (isSet(expr.op)) {
      const { matching } = expr;
      return setOperation({ op: expr.op, left: left.columns, right: right.columns, matching, steps });
    }
    return vectorVector(operation, left.columns, right.columns);
  }
  if (left.type === 'vector' && right.type === 'scalar') {
    return vectorScalar(operation, left.columns, right.values, false);
  }
  if (left.type === 'scalar' && right.type === 'vector') {
    return vectorScalar(operation, right.columns, left.values, true);
  }
  throw new Error('bug: a string in a binary operation was checked for');
}

function isComparison(op: BinaryOperator): op is (typeof comparisonOperators)[number] {
  return (comparisonOperators as readonly string[]).includes(op);
}

function isSet(op: BinaryOperator): op is (typeof setOperators)[number] {
  return (setOperators as readonly string[]).includes(op);
}

function arithmetic(op: BinaryOperator, left: number, right: number): number {
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '^':
      // In Go, 1 and -1 to an infinite power are 1, and 1 to the power of NaN is 1.
      return left === 1 || (left === -1 && !Number.isFinite(right) && !Number.isNaN(right)) ? 1 : left ** right;
    case 'atan2':
      return Math.atan2(left, right);
    default:
      throw new Error(`bug: ${op} is not arithmetic`);
  }
}

function compare(op: BinaryOperator, left: number, right: number): boolean {
  switch (op) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    case '>=':
      return left >= right;
    case '<=':
      return left <= right;
    default:
      throw new Error(`bug: ${op} is not a comparison`);
  }
}

/** A comparison filters and keeps the name; everything else drops it. */
function keepsName(expr: BinaryExpr): boolean {
  return isComparison(expr.op) && !expr.bool;
}

/** The result of one pair; undefined when a comparison filters it out. `shown` is the value that stays. */
function combine(expr: BinaryExpr, left: number, right: number, shown: number): number | undefined {
  if (!isComparison(expr.op)) return arithmetic(expr.op, left, right);
  const holds = compare(expr.op, left, right);
  if (expr.bool) return Number(holds);
  return holds ? shown : undefined;
}

async function vectorScalar(
  { expr, steps, env }: BinaryOperation,
  columns: readonly Column[],
  scalar: Float64Array,
  swapped: boolean,
): Promise<VectorValue> {
  const result: Column[] = [];
  for (const source of columns) {
    await env.breathe();
    const column = columnFor(source, { steps, env }, keepsName(expr));
    for (let index = 0; index < steps.count; index++) {
      if (source.present[index] !== 1) continue;
      const value = source.values[index] ?? NaN;
      const other = scalar[index] ?? NaN;
      const combined = swapped ? combine(expr, other, value, value) : combine(expr, value, other, value);
      if (combined !== undefined) setAt(column, index, combined);
    }
    if (hasValues(column)) result.push(column);
  }
  return keepsName(expr) ? { type: 'vector', columns: result } : env.nameless(result, steps);
}

async function vectorVector(
  { expr, steps, env }: BinaryOperation,
  left: readonly Column[],
  right: readonly Column[],
): Promise<VectorValue> {
  const { matching } = expr;
  const swapped = matching.cardinality === 'one-to-many';
  const [many, one] = swapped ? [right, left] : [left, right];
  const ones = bySignature(one, matching);
  const result = new ColumnSet(steps);
  const known: PairLabels = new Map();
  for (const [key, group] of bySignature(many, matching)) {
    await env.breathe();
    const partners = ones.get(key);
    if (partners === undefined) continue;
    env.spend(group.length * steps.count);
    for (let index = 0; index < steps.count; index++) {
      const members = group.filter((column) => column.present[index] === 1);
      const partner = onlyPresent(partners, index, matching, swapped);
      if (members.length === 0 || partner === undefined) continue;
      if (members.length > 1 && matching.cardinality === 'one-to-one') {
        throw metricsError(
          'PROMQL_EXECUTION',
          'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
        );
      }
      for (const member of members) combinePair({ expr, env, result, member, partner, index, swapped, known });
    }
  }
  const vector = result.vector();
  return keepsName(expr) ? vector : env.nameless(vector.columns, steps);
}

/** The one series of the "one" side at a step. Throws when there are several. */
function onlyPresent(
  partners: readonly Column[],
  index: number,
  matching: VectorMatching,
  swapped: boolean,
): Column | undefined {
  const present = partners.filter((column) => column.present[index] === 1);
  const [first, second] = present;
  if (first === undefined || second === undefined) return first;
  const side = swapped ? 'left' : 'right';
  const group = labelsText(signature(first.labels, matching));
  throw metricsError(
    'PROMQL_EXECUTION',
    `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
      `[${labelsText(second.labels)}, ${labelsText(first.labels)}];` +
      'many-to-many matching not allowed: matching labels must be unique on one side',
  );
}

interface Pair {
  readonly expr: BinaryExpr;
  readonly env: Environment;
  readonly result: ColumnSet;
  readonly member: Column;
  readonly partner: Column;
  readonly index: number;
  readonly swapped: boolean;
  readonly known: PairLabels;
}

function combinePair(pair: Pair): void {
  const { expr, result, member, partner, index, swapped } = pair;
  const [left, right] = swapped ? [partner, member] : [member, partner];
  const leftValue = left.values[index] ?? NaN;
  const combined = combine(expr, leftValue, right.values[index] ?? NaN, leftValue);
  if (combined === undefined) return;
  const { labels, dropName } = resultLabels(pair);
  const duplicate =
    expr.matching.cardinality === 'one-to-one'
      ? 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
      : 'multiple matches for labels: grouping labels must ensure unique matches';
  result.add(result.column(labels, dropName), index, combined, duplicate);
}

type PairLabels = Map<Column, Map<Column, { readonly labels: Labels; readonly dropName: boolean }>>;

/** The labels of a pair's result; remembered, since the same pair comes by at every step. */
function resultLabels({ expr, env, member, partner, known }: Pair): { labels: Labels; dropName: boolean } {
  const byPartner = known.get(member) ?? new Map<Column, { labels: Labels; dropName: boolean }>();
  known.set(member, byPartner);
  const remembered = byPartner.get(partner);
  if (remembered !== undefined) return remembered;
  const delayed = env.limits.delayedNameRemoval && !keepsName(expr);
  let labels = delayed || keepsName(expr) ? member.labels : dropLabels(member.labels, nameLabel);
  const { matching } = expr;
  if (matching.cardinality === 'one-to-one') {
    labels = matching.on ? keepLabels(labels, matching.labels) : dropLabels(labels, matching.labels);
  }
  for (const name of matching.include) labels = withLabel(labels, name, labelValue(partner.labels, name));
  const made = { labels, dropName: delayed || member.dropName };
  byPartner.set(partner, made);
  return made;
}
