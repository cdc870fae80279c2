/** Small helpers over the concrete syntax tree, and the one way a parse error is worded. */

import type { SyntaxNode } from '@lezer/common';
import type { TowpathError } from '@towpath/kit';
import { metricsError } from '../errors.ts';
import { parseString } from './literals.ts';

/** The text being parsed and how deep the parser is in it. */
export interface Source {
  readonly query: string;
  readonly depth: number;
}

const exprNodes: ReadonlySet<string> = new Set([
  'AggregateExpr',
  'BinaryExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'OffsetExpr',
  'AnchoredExpr',
  'SmoothedExpr',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'UnaryExpr',
  'VectorSelector',
  'StepInvariantExpr',
]);

export function isExprNode(node: SyntaxNode): boolean {
  return exprNodes.has(node.name);
}

/** The children of a node without comments; none for an absent node. */
export function childrenOf(node: SyntaxNode | undefined): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child);
  }
  return children;
}

export function childNamed(node: SyntaxNode | undefined, name: string): SyntaxNode | undefined {
  return childrenOf(node).find((child) => child.name === name);
}

export function textOf(node: SyntaxNode, source: Source): string {
  return source.query.slice(node.from, node.to);
}

/** The names inside `(a, "b.c")`; none for an absent node. */
export function namesIn(node: SyntaxNode | undefined, source: Source): string[] {
  return childrenOf(node).map((label) => {
    return label.name === 'QuotedLabelName' ? parseString(textOf(label, source)) : textOf(label, source);
  });
}

/** `LINE:COLUMN: parse error: WHAT`, as Prometheus words it. */
export function parseFailure(source: Source, at: number, what: string): TowpathError {
  const before = source.query.slice(0, at).split('\n');
  const column = (before.at(-1) ?? '').length + 1;
  return metricsError('PROMQL_INVALID', `${before.length}:${column}: parse error: ${what}`);
}
