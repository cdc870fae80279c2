/** The syntax tree of a PromQL query, after checking. Times are milliseconds. */

import type { Matcher } from '../matchers.ts';
import type { FunctionRow } from './functions/row.ts';

export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix';

/** How users know the types. */
export const typeNames = {
  scalar: 'scalar',
  string: 'string',
  vector: 'instant vector',
  matrix: 'range vector',
} as const satisfies Record<ValueType, string>;

/** `@ 1609746000`, `@ start()`, `@ end()`. */
export type AtModifier = { readonly type: 'time'; readonly atMs: number } | { readonly type: 'start' | 'end' };

export interface TimeShift {
  readonly offsetMs: number;
  readonly at: AtModifier | undefined;
}

interface NumberExpr {
  readonly type: 'number';
  readonly value: number;
}

interface StringExpr {
  readonly type: 'string';
  readonly value: string;
}

export interface SelectorExpr extends TimeShift {
  readonly type: 'selector';
  readonly matchers: readonly Matcher[];
  /** Present for range selectors. */
  readonly rangeMs: number | undefined;
}

export interface SubqueryExpr extends TimeShift {
  readonly type: 'subquery';
  readonly expr: Expr;
  readonly rangeMs: number;
  /** Absent: the engine's default. */
  readonly stepMs: number | undefined;
}

export interface CallExpr {
  readonly type: 'call';
  readonly row: FunctionRow;
  readonly args: readonly Expr[];
}

const aggregators = [
  'sum',
  'avg',
  'count',
  'min',
  'max',
  'group',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
] as const;
export type Aggregator = (typeof aggregators)[number];

export interface AggregateExpr {
  readonly type: 'aggregate';
  readonly op: Aggregator;
  readonly expr: Expr;
  /** k of topk, q of quantile, the label of count_values. */
  readonly param: Expr | undefined;
  readonly grouping: ReadonlySet<string>;
  /** True: by all labels but `grouping`. */
  readonly without: boolean;
}

const arithmeticOperators = ['+', '-', '*', '/', '%', '^', 'atan2'] as const;
export const comparisonOperators = ['==', '!=', '>', '<', '>=', '<='] as const;
export const setOperators = ['and', 'or', 'unless'] as const;
type ArithmeticOperator = (typeof arithmeticOperators)[number];
type ComparisonOperator = (typeof comparisonOperators)[number];
export type SetOperator = (typeof setOperators)[number];
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | SetOperator;

export interface VectorMatching {
  readonly cardinality: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';
  /** True: match on `labels` only; false: on all but `labels`. */
  readonly on: boolean;
  readonly labels: ReadonlySet<string>;
  /** Labels that the "one" side adds to the result. */
  readonly include: readonly string[];
}

export interface BinaryExpr {
  readonly type: 'binary';
  readonly op: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  /** `bool`: comparisons give 0 or 1 instead of filtering. */
  readonly bool: boolean;
  readonly matching: VectorMatching;
}

interface UnaryExpr {
  readonly type: 'unary';
  readonly op: '+' | '-';
  readonly expr: Expr;
}

export type Expr =
  | NumberExpr
  | StringExpr
  | SelectorExpr
  | SubqueryExpr
  | CallExpr
  | AggregateExpr
  | BinaryExpr
  | UnaryExpr;

/** The type an expression evaluates to. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.type) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'selector':
      return expr.rangeMs === undefined ? 'vector' : 'matrix';
    case 'subquery':
      return 'matrix';
    case 'call':
      return expr.row.returns;
    case 'aggregate':
      return 'vector';
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    case 'unary':
      return typeOf(expr.expr);
  }
}
