/** Checks what is written out in an expression: times, durations, patterns, formats, and lists of one type. Source: cel-go, cel/validator.go. */

import type { Checked } from './check.ts';
import { functions } from './environment.ts';
import { formatProblems } from './functions/format-text.ts';
import { compilePattern } from './functions/strings.ts';
import { childrenOf, type Call, type Expr, type Issue } from './syntax.ts';
import { dynType, sameType, typeText, unwrapOptional, type Type } from './types.ts';

export function literalIssues(checked: Checked): Issue[] {
  const found: Issue[] = [];
  const visit = (expr: Expr, isFormatted: boolean): void => {
    if (expr.kind === 'call') found.push(...callIssues(expr, checked));
    if (!isFormatted) found.push(...mixedIssues(expr, checked));
    const inside = isFormatted || (expr.kind === 'call' && expr.name === 'format');
    for (const child of childrenOf(expr)) visit(child, inside);
  };
  visit(checked.expr, false);
  return found;
}

function typeOf(expr: Expr, { types }: Checked): Type {
  return types.get(expr.id) ?? dynType;
}

/** Elements that are not of the type of the first. */
function mixedIssues(expr: Expr, checked: Checked): Issue[] {
  if (expr.kind === 'list') {
    return mixed(
      expr.items.map((item, index) => ({ item, isOptional: expr.optional.has(index) })),
      checked,
    );
  }
  if (expr.kind !== 'map') return [];
  return [
    ...mixed(
      expr.entries.map(({ key }) => ({ item: key, isOptional: false })),
      checked,
    ),
    ...mixed(
      expr.entries.map(({ value, optional }) => ({ item: value, isOptional: optional })),
      checked,
    ),
  ];
}

function mixed(items: readonly { item: Expr; isOptional: boolean }[], checked: Checked): Issue[] {
  const types = items.map(({ item, isOptional }) => {
    const type = typeOf(item, checked);
    return isOptional ? unwrapOptional(type) : type;
  });
  const [first] = types;
  if (first === undefined) return [];
  const index = types.findIndex((type) => !sameType(type, first) && type.kind !== 'dyn' && first.kind !== 'dyn');
  const type = types[index];
  const at = items[index]?.item.at;
  if (type === undefined || at === undefined) return [];
  return [{ at, message: `expected type '${typeText(first)}' but found '${typeText(type)}'` }];
}

function callIssues(expr: Call, checked: Checked): Issue[] {
  if (expr.name === 'format') return formatIssues(expr, checked);
  const literal = expr.args[expr.name === 'matches' && expr.target === undefined ? 1 : 0];
  if (literal?.kind !== 'literal' || typeof literal.value !== 'string') return [];
  return isWrongLiteral(expr, literal.value) ? [{ at: literal.at, message: `invalid ${expr.name} argument` }] : [];
}

/** Run with the overload that takes a text: it fails on what cannot be read. */
function isWrongLiteral(expr: Call, text: string): boolean {
  const isPattern = expr.name === 'matches';
  if (!isPattern && expr.name !== 'duration' && expr.name !== 'timestamp') return false;
  const overload = functions.get(expr.name)?.find(({ args }) => args[isPattern ? 1 : 0]?.kind === 'string');
  return overload !== undefined && failureOf(() => overload.run(isPattern ? ['', text] : [text])) !== undefined;
}

/** What code fails with; undefined when it does not. */
export function failureOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Clauses and arguments that do not fit together, where both are written out. */
function formatIssues(expr: Call, checked: Checked): Issue[] {
  const { target, args } = expr;
  const [list] = args;
  if (target?.kind !== 'literal' || typeof target.value !== 'string' || list?.kind !== 'list') return [];
  const types = list.items.map((item) => typeOf(item, checked));
  return formatProblems(target.value, types).map(({ argument, message }) => {
    const item = argument === undefined ? undefined : list.items[argument];
    return { at: item?.at ?? expr.at, message };
  });
}

const conversions = new Set(['bool', 'bytes', 'double', 'duration', 'int', 'string', 'timestamp', 'uint']);

/** Conversions and searches that cannot succeed because of what is written in them; undefined when there are none. */
export function instantiationProblem({ expr, overloads }: Checked): string | undefined {
  const visit = (place: Expr): string | undefined => {
    for (const child of childrenOf(place)) {
      const problem = visit(child);
      if (problem !== undefined) return problem;
    }
    if (place.kind !== 'call') return undefined;
    const [literal] = place.args;
    const [overload] = overloads.get(place.id) ?? [];
    if (literal?.kind !== 'literal' || overload === undefined) return undefined;
    if (place.target === undefined)
      return conversions.has(place.name) && place.args.length === 1
        ? failureOf(() => overload.run([literal.value]))
        : undefined;
    if (place.name !== 'find' && place.name !== 'findAll') return undefined;
    return failureOf(() => compilePattern(String(literal.value)));
  };
  return visit(expr);
}
