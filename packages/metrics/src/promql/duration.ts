/** Durations in ranges and offsets: `5m`, `300`, and arithmetic on them (`5m * 2`). */

import type { SyntaxNode } from '@lezer/common';
import { parseNumber } from './literals.ts';
import { childrenOf, parseFailure, textOf, type Source } from './syntax.ts';

/** The milliseconds of a duration node. `step()`, `range()`, `min_of` and `max_of` are refused. */
export function durationMsOf(node: SyntaxNode | undefined, source: Source): number {
  if (node === undefined) throw parseFailure(source, 0, 'a duration is missing');
  return Math.round(secondsOf(node, source) * 1000);
}

function secondsOf(node: SyntaxNode, source: Source): number {
  if (node.name === 'NumberDurationLiteralInDurationContext') return parseNumber(textOf(node, source));
  const [first, second, third] = childrenOf(node);
  if (first === undefined) return parseNumber(textOf(node, source));
  if (first.name === 'UnaryOp') {
    const value = second === undefined ? NaN : secondsOf(second, source);
    return textOf(first, source) === '-' ? -value : value;
  }
  if (second === undefined && isDuration(first)) return secondsOf(first, source);
  if (second === undefined || third === undefined || !isDuration(first)) {
    throw parseFailure(source, node.from, `"${textOf(node, source)}" in a duration is not supported`);
  }
  return combine(second.name, secondsOf(first, source), secondsOf(third, source));
}

function isDuration(node: SyntaxNode): boolean {
  return /^(Offset)?DurationExpr$|^NumberDurationLiteral/.test(node.name);
}

function combine(operator: string, left: number, right: number): number {
  switch (operator) {
    case 'Mul':
      return left * right;
    case 'Div':
      return left / right;
    case 'Mod':
      return left % right;
    case 'Add':
      return left + right;
    case 'Sub':
      return left - right;
    case 'Pow':
      return left ** right;
    default:
      return NaN;
  }
}
