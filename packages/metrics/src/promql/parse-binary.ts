/** Binary operations: operator, `bool`, and which series of the two sides belong together. */

import type { SyntaxNode } from '@lezer/common';
import {
  setOperators,
  typeOf,
  comparisonOperators,
  type BinaryOperator,
  type Expr,
  type VectorMatching,
} from './ast.ts';
import { childNamed, childrenOf, isExprNode, namesIn, parseFailure, textOf, type Source } from './syntax.ts';

type ToExpr = (node: SyntaxNode, source: Source) => Expr;

/** Reads one binary expression; `toExpr` reads its sides. Throws `PROMQL_INVALID`. */
export function parseBinary(node: SyntaxNode, source: Source, toExpr: ToExpr): Expr {
  const children = childrenOf(node);
  const [leftNode, rightNode] = children.filter(isExprNode);
  const operator = children[1];
  if (leftNode === undefined || rightNode === undefined || operator === undefined) {
    throw parseFailure(source, node.from, 'incomplete binary expression');
  }
  if (childNamed(node, 'FillModifier') !== undefined) {
    throw parseFailure(source, node.from, 'fill modifiers are not supported');
  }
  const left = toExpr(leftNode, source);
  const op = textOf(operator, source).toLowerCase() as BinaryOperator;
  // The grammar takes the sign of a literal into the literal, but `-1 ^ 2` means -(1 ^ 2).
  const signed = op === '^' && leftNode.name === 'NumberDurationLiteral' && textOf(leftNode, source).startsWith('-');
  const base: Expr = signed && left.type === 'number' ? { type: 'number', value: -left.value } : left;
  const right = toExpr(rightNode, source);
  const bool = childNamed(node, 'BoolModifier') !== undefined;
  const matching = toMatching(childNamed(node, 'MatchingModifierClause'), op, source);
  const expr: Expr = { type: 'binary', op, left: base, right, bool, matching };
  checkBinary(expr, node, source);
  return signed ? { type: 'unary', op: '-', expr } : expr;
}

function toMatching(clause: SyntaxNode | undefined, op: BinaryOperator, source: Source): VectorMatching {
  const isSet = includes(setOperators, op);
  if (clause === undefined) {
    return { cardinality: isSet ? 'many-to-many' : 'one-to-one', on: false, labels: new Set(), include: [] };
  }
  const [labels, include] = childrenOf(clause).filter((child) => child.name === 'GroupingLabels');
  const left = childNamed(clause, 'GroupLeft') !== undefined;
  const right = childNamed(clause, 'GroupRight') !== undefined;
  if (isSet && (left || right)) throw parseFailure(source, clause.from, `no grouping allowed for "${op}" operation`);
  const on = childNamed(clause, 'On') !== undefined;
  const matched = new Set(namesIn(labels, source));
  const included = namesIn(include, source);
  const both = on ? included.find((name) => matched.has(name)) : undefined;
  if (both !== undefined) {
    throw parseFailure(source, clause.from, `label "${both}" must not occur in ON and GROUP clause at once`);
  }
  const grouped = left ? 'many-to-one' : right ? 'one-to-many' : 'one-to-one';
  return { cardinality: isSet ? 'many-to-many' : grouped, on, labels: matched, include: included };
}

function checkBinary(expr: Extract<Expr, { type: 'binary' }>, node: SyntaxNode, source: Source): void {
  const left = typeOf(expr.left);
  const right = typeOf(expr.right);
  const isComparison = includes(comparisonOperators, expr.op);
  if (expr.bool && !isComparison) {
    throw parseFailure(source, node.from, 'bool modifier can only be used on comparison operators');
  }
  if (isComparison && !expr.bool && left === 'scalar' && right === 'scalar') {
    throw parseFailure(source, node.from, 'comparisons between scalars must use BOOL modifier');
  }
  for (const type of [left, right]) {
    if (type !== 'scalar' && type !== 'vector') {
      throw parseFailure(source, node.from, 'binary expression must contain only scalar and instant vector types');
    }
  }
  const scalar = left === 'scalar' || right === 'scalar';
  if (scalar && includes(setOperators, expr.op)) {
    throw parseFailure(source, node.from, `set operator "${expr.op}" not allowed in binary scalar expression`);
  }
  if (scalar && childNamed(node, 'MatchingModifierClause') !== undefined) {
    throw parseFailure(source, node.from, 'vector matching only allowed between instant vectors');
  }
}

function includes(operators: readonly string[], op: string): boolean {
  return operators.includes(op);
}
