/** The syntax tree of a CEL expression, after macros. */

import type { Uint } from './values.ts';

/** A node: `id` is unique in its tree, `at` the offset in the text that errors point to. */
export type Expr =
  | Literal
  | Ident
  | (Node & { readonly kind: 'select'; readonly operand: Expr; readonly field: string; readonly testOnly: boolean })
  | Call
  | List
  | MapLiteral
  | (Node & { readonly kind: 'struct'; readonly name: string; readonly values: readonly Expr[] })
  | Comprehension;

interface Node {
  readonly id: number;
  readonly at: number;
}

/** A constant; integers are bigint, doubles number. */
export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: bigint | number | string | boolean | null | Uint8Array | Uint;
}

export interface Ident extends Node {
  readonly kind: 'ident';
  readonly name: string;
}

/** A function, method or operator; operators have the names cel-go gives them: `_&&_`, `_[_]`, `@in`. */
export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}

export interface List extends Node {
  readonly kind: 'list';
  readonly items: readonly Expr[];
  /** Places of items written `?item`. */
  readonly optional: ReadonlySet<number>;
}

export interface MapLiteral extends Node {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly optional: boolean }[];
}

/** A loop: for each element of `range`, while `condition`, `accu` becomes `step`; its value is `result`. */
export interface Comprehension extends Node {
  readonly kind: 'comprehension';
  readonly iterVar: string;
  /** Set in loops over key and value. */
  readonly iterVar2: string | undefined;
  readonly range: Expr;
  readonly accuVar: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** The accumulator of macros, which no rule can name. */
export const accumulator = '@result';

/** `a.b.c` as a text; undefined for what is not a chain of names. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.testOnly) return undefined;
  const prefix = qualifiedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}

/** The parts of a node. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'ident':
      return [];
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case 'list':
      return expr.items;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.values;
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}

/** What is wrong at a place of the text. */
export interface Issue {
  readonly at: number;
  readonly message: string;
}

/** Issues as cel-go prints them: sentence, line of text, and a mark below the place. */
export function issuesText(text: string, issues: readonly Issue[]): string {
  return issues
    .toSorted((left, right) => left.at - right.at)
    .map(({ at, message }) => {
      const before = text.slice(0, at).split('\n');
      const line = text.split('\n')[before.length - 1] ?? '';
      const column = Array.from(before.at(-1) ?? '').length;
      const dots = Array.from(line)
        .slice(0, column)
        .map((character) => (character.length === 1 && character < '\u0080' ? '.' : '\uff0e'))
        .join('');
      const next = Array.from(line)[column] ?? '';
      const mark = next > '\u007f' ? '\uff3e' : '^';
      const shown = line.replaceAll('\t', ' ');
      return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${shown}\n | ${dots}${mark}`;
    })
    .join('\n');
}
