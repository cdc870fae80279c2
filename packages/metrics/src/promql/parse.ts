/** PromQL text → checked syntax tree. The grammar is Prometheus' own (lezer); the tree and the checks are ours. */

import type { SyntaxNode, Tree } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { metricsError } from '../errors.ts';
import { metricNameLabel } from '../labels.ts';
import { createMatcher, matchesEmpty, type Matcher, type MatchOperator } from '../matchers.ts';
import type { AggregateExpr, Aggregator, AtModifier, Expr, SelectorExpr, SubqueryExpr, TimeShift } from './ast.ts';
import { checkExpr } from './check.ts';
import { durationMsOf } from './duration.ts';
import { functionRow } from './functions/index.ts';
import { parseNumber, parseString } from './literals.ts';
import { parseBinary } from './parse-binary.ts';
import { childNamed, childrenOf, isExprNode, namesIn, parseFailure, textOf, type Source } from './syntax.ts';

/** A query longer than this is refused: no dashboard writes one. */
const maxQueryChars = 64 * 1024;
/** Deeper nesting is refused, so that neither parser nor evaluator runs out of stack. */
const maxDepth = 200;

/** Parses and checks a query. Throws `PROMQL_INVALID` with the place of the mistake. */
export function parseQuery(query: string): Expr {
  if (query.length > maxQueryChars) {
    throw metricsError('PROMQL_INVALID', `query of ${query.length} characters is longer than ${maxQueryChars}`);
  }
  const tree: Tree = parser.parse(query);
  const source: Source = { query, depth: 0 };
  rejectErrors(tree, source);
  const top = childrenOf(tree.topNode).find(isExprNode);
  if (top === undefined) throw parseFailure(source, 0, 'no expression found in input');
  const expr = toExpr(top, source);
  checkExpr(expr);
  return expr;
}

/** Reads a series selector such as `up{job="x"}`, as `match[]` parameters have it. Throws `PROMQL_INVALID`. */
export function parseSelector(text: string): readonly Matcher[] {
  const expr = parseQuery(text);
  if (expr.type !== 'selector' || expr.rangeMs !== undefined) {
    throw metricsError('PROMQL_INVALID', `"${text}" is no series selector`, {
      next: 'write it as name{label="value"}',
    });
  }
  return expr.matchers;
}

function rejectErrors(tree: Tree, source: Source): void {
  tree.iterate({
    enter(node) {
      if (!node.type.isError) return true;
      const before = /([A-Za-z_:][\w:]*)\s*$/.exec(source.query.slice(0, node.from))?.[1];
      const found = source.query.slice(node.from, node.to === node.from ? node.from + 1 : node.to).trim();
      if (before !== undefined && source.query.slice(node.from).trimStart().startsWith('(')) {
        throw parseFailure(source, node.from, `unknown function with name "${before}"`);
      }
      throw parseFailure(source, node.from, found === '' ? 'unexpected end of input' : `unexpected "${found}"`);
    },
  });
}

function toExpr(node: SyntaxNode, outer: Source): Expr {
  if (outer.depth >= maxDepth) throw parseFailure(outer, node.from, `nesting deeper than ${maxDepth}`);
  const source: Source = { ...outer, depth: outer.depth + 1 };
  switch (node.name) {
    case 'NumberDurationLiteral':
      return { type: 'number', value: parseNumber(textOf(node, source)) };
    case 'StringLiteral':
      return { type: 'string', value: parseString(textOf(node, source)) };
    case 'ParenExpr':
      return toExpr(onlyExpr(node, source), source);
    case 'VectorSelector':
      return toSelector(node, source);
    case 'MatrixSelector':
      return toMatrix(node, source);
    case 'SubqueryExpr':
      return toSubquery(node, source);
    case 'OffsetExpr':
      return withOffset(node, source);
    case 'StepInvariantExpr':
      return withAt(node, source);
    case 'UnaryExpr':
      return toUnary(node, source);
    case 'BinaryExpr':
      return parseBinary(node, source, toExpr);
    case 'FunctionCall':
      return toCall(node, source);
    case 'AggregateExpr':
      return toAggregate(node, source);
    default:
      throw parseFailure(source, node.from, `${describe(node.name)} is not supported`);
  }
}

function describe(nodeName: string): string {
  return nodeName === 'AnchoredExpr' || nodeName === 'SmoothedExpr'
    ? `the ${nodeName.slice(0, -4).toLowerCase()} modifier`
    : nodeName;
}

function onlyExpr(node: SyntaxNode, source: Source): SyntaxNode {
  const inner = childrenOf(node).find(isExprNode);
  if (inner === undefined) throw parseFailure(source, node.from, 'an expression is missing');
  return inner;
}

function toSelector(node: SyntaxNode, source: Source): SelectorExpr {
  const identifier = childNamed(node, 'Identifier');
  const matchers: Matcher[] = [];
  if (identifier !== undefined) matchers.push(createMatcher(metricNameLabel, '=', textOf(identifier, source)));
  for (const matcher of childrenOf(childNamed(node, 'LabelMatchers'))) {
    if (matcher.name === 'QuotedLabelName') {
      if (matchers.some((other) => other.name === metricNameLabel && other.operator === '=')) {
        throw parseFailure(source, matcher.from, 'metric name must not be set twice');
      }
      matchers.push(createMatcher(metricNameLabel, '=', parseString(textOf(matcher, source))));
    } else matchers.push(toMatcher(matcher, source, identifier !== undefined));
  }
  if (matchers.every(matchesEmpty)) {
    throw parseFailure(source, node.from, 'vector selector must contain at least one non-empty matcher');
  }
  return { type: 'selector', matchers, rangeMs: undefined, offsetMs: 0, at: undefined };
}

function toMatcher(node: SyntaxNode, source: Source, named: boolean): Matcher {
  const [label, operator, value] = childrenOf(node);
  if (label === undefined || operator === undefined || value === undefined) {
    throw parseFailure(source, node.from, 'incomplete label matcher');
  }
  const name = label.name === 'QuotedLabelName' ? parseString(textOf(label, source)) : textOf(label, source);
  const op = textOf(operator, source) as MatchOperator;
  if (named && name === metricNameLabel && op === '=') {
    throw parseFailure(source, node.from, 'metric name must not be set twice');
  }
  return createMatcher(name, op, parseString(textOf(value, source)));
}

function toMatrix(node: SyntaxNode, source: Source): SelectorExpr {
  const inner = onlyExpr(node, source);
  if (inner.name === 'OffsetExpr') {
    throw parseFailure(source, inner.from, 'no offset modifiers allowed before range');
  }
  if (inner.name === 'StepInvariantExpr') throw parseFailure(source, inner.from, 'no @ modifiers allowed before range');
  if (inner.name !== 'VectorSelector') {
    throw parseFailure(source, inner.from, 'ranges only allowed for vector selectors');
  }
  return { ...toSelector(inner, source), rangeMs: positiveDuration(childNamed(node, 'DurationExpr'), source) };
}

function toSubquery(node: SyntaxNode, source: Source): SubqueryExpr {
  const durations = childrenOf(node).filter((child) => child.name === 'DurationExpr');
  return {
    type: 'subquery',
    expr: toExpr(onlyExpr(node, source), source),
    rangeMs: positiveDuration(durations[0], source),
    stepMs: durations[1] === undefined ? undefined : positiveDuration(durations[1], source),
    offsetMs: 0,
    at: undefined,
  };
}

function positiveDuration(node: SyntaxNode | undefined, source: Source): number {
  const durationMs = durationMsOf(node, source);
  if (!(durationMs > 0)) throw parseFailure(source, node?.from ?? 0, 'duration must be greater than 0');
  return durationMs;
}

function withOffset(node: SyntaxNode, source: Source): Expr {
  const offsetMs = durationMsOf(childNamed(node, 'OffsetDurationExpr'), source);
  return shift(node, source, 'offset', (inner) => {
    if (inner.offsetMs !== 0) throw parseFailure(source, node.from, 'offset may not be set multiple times');
    return { ...inner, offsetMs };
  });
}

function withAt(node: SyntaxNode, source: Source): Expr {
  const at = toAt(node, source);
  return shift(node, source, '@', (inner) => {
    if (inner.at !== undefined) throw parseFailure(source, node.from, '@ <timestamp> may not be set multiple times');
    return { ...inner, at };
  });
}

function toAt(node: SyntaxNode, source: Source): AtModifier {
  const preprocessor = childNamed(node, 'AtModifierPreprocessors');
  if (preprocessor !== undefined) {
    return { type: childNamed(preprocessor, 'AtStart') === undefined ? 'end' : 'start' };
  }
  // The timestamp is the last number among the children: the shifted expression comes first.
  const literal = childrenOf(node).findLast((child) => child.name === 'NumberDurationLiteral');
  const seconds = literal === undefined ? NaN : parseNumber(textOf(literal, source));
  if (!Number.isFinite(seconds)) {
    throw parseFailure(source, node.from, 'timestamp out of bounds for @ modifier');
  }
  return { type: 'time', atMs: Math.round(seconds * 1000) };
}

type Shiftable = SelectorExpr | SubqueryExpr;

/**
 * Applies an offset or `@` to the selector or subquery right before it. The grammar hangs the modifier on the whole
 * of `a + b offset 5m`, though it binds to `b` alone; parentheses in between are not allowed.
 */
function shift(
  node: SyntaxNode,
  source: Source,
  modifier: string,
  apply: (inner: Shiftable & TimeShift) => Shiftable,
): Expr {
  const descend = (inner: SyntaxNode, expr: Expr): Expr => {
    if (inner.name === 'BinaryExpr' && expr.type === 'binary') {
      const right = childrenOf(inner).findLast(isExprNode) ?? inner;
      return { ...expr, right: descend(right, expr.right) };
    }
    if (inner.name === 'BinaryExpr' && expr.type === 'unary') return { ...expr, expr: descend(inner, expr.expr) };
    if (inner.name === 'UnaryExpr' && expr.type === 'unary') {
      return { ...expr, expr: descend(onlyExpr(inner, source), expr.expr) };
    }
    if (inner.name !== 'ParenExpr' && (expr.type === 'selector' || expr.type === 'subquery')) return apply(expr);
    throw parseFailure(
      source,
      node.from,
      `${modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery`,
    );
  };
  const direct = onlyExpr(node, source);
  return descend(direct, toExpr(direct, source));
}

function toUnary(node: SyntaxNode, source: Source): Expr {
  const operator = childNamed(node, 'UnaryOp');
  const inner = toExpr(onlyExpr(node, source), source);
  return { type: 'unary', op: operator !== undefined && textOf(operator, source) === '-' ? '-' : '+', expr: inner };
}

function toCall(node: SyntaxNode, source: Source): Expr {
  const identifier = childNamed(node, 'FunctionIdentifier');
  const name = identifier === undefined ? '' : textOf(identifier, source);
  const row = functionRow(name);
  if (row === undefined) throw parseFailure(source, node.from, `function "${name}" is not supported`);
  return { type: 'call', row, args: argumentsOf(node, source) };
}

function argumentsOf(node: SyntaxNode, source: Source): Expr[] {
  return childrenOf(childNamed(node, 'FunctionCallBody'))
    .filter(isExprNode)
    .map((argument) => toExpr(argument, source));
}

const parameterised: ReadonlySet<Aggregator> = new Set([
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
]);

function toAggregate(node: SyntaxNode, source: Source): AggregateExpr {
  const operator = childNamed(node, 'AggregateOp');
  const op = (operator === undefined ? '' : textOf(operator, source).toLowerCase()) as Aggregator;
  const modifier = childNamed(node, 'AggregateModifier');
  const args = argumentsOf(node, source);
  const wanted = parameterised.has(op) ? 2 : 1;
  const expr = args.at(-1);
  if (expr === undefined || args.length === 0) {
    throw parseFailure(source, node.from, 'no arguments for aggregate expression provided');
  }
  if (args.length !== wanted) {
    const message = `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`;
    throw parseFailure(source, node.from, message);
  }
  return {
    type: 'aggregate',
    op,
    expr,
    param: wanted === 2 ? args[0] : undefined,
    grouping: new Set(namesIn(childNamed(modifier, 'GroupingLabels'), source)),
    without: childNamed(modifier, 'Without') !== undefined,
  };
}
