/** The most an expression can cost, before it runs. Source: cel-go, checker/cost.go; apiserver pkg/cel/library/cost.go. */

import type { Checked } from './check.ts';
import { callCost } from './call-cost.ts';
import { add, fixed, range, times, union, unknown, type Range } from './cost-range.ts';
import type { SchemaType } from './schema-type.ts';
import { accumulator, type Call, type Comprehension, type Expr } from './syntax.ts';
import { dynType, unwrapOptional, type Type } from './types.ts';
import { codePoints, Uint } from './values.ts';

/** A value whose size may be known: where it comes from in the schema, or from what is written. */
export interface Sized {
  readonly type: Type;
  /** Undefined for what no schema describes; `self` first. */
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly expr: Expr | undefined;
}

interface Entries {
  readonly isList: boolean;
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly entries: Entries | undefined;
}

const nothing = fixed(0);
const one = fixed(1);

/** The estimate of an expression whose variables have the schema's type. */
export function estimateCost(checked: Checked, root: SchemaType): Range {
  return new Estimator(checked, root).cost(checked.expr);
}

export class Estimator {
  readonly #checked: Checked;
  readonly #root: SchemaType;
  readonly #paths = new Map<number, readonly string[] | undefined>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, Entries>();
  readonly #locals = new Map<string, Local[]>();

  constructor(checked: Checked, root: SchemaType) {
    this.#checked = checked;
    this.#root = root;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
      case 'struct':
        return nothing;
      case 'ident':
        return this.#ident(expr);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'comprehension':
        return isBinding(expr) ? this.#binding(expr) : this.#loop(expr);
    }
  }

  #ident(expr: Expr & { kind: 'ident' }): Range {
    const local = this.#local(expr.name);
    this.#paths.set(expr.id, local === undefined ? [expr.name] : local.path);
    return one;
  }

  #select(expr: Expr & { kind: 'select' }): Range {
    const name = this.#checked.names.get(expr.id);
    if (name !== undefined) {
      this.#paths.set(expr.id, [name]);
      return one;
    }
    const operand = this.cost(expr.operand);
    if (expr.testOnly) return operand;
    const path = this.#pathOf(expr.operand);
    // Without a place of its own the path begins here, as in cel-go: its first part is never looked at.
    this.#paths.set(expr.id, [...(path ?? []), expr.field]);
    const { kind } = this.typeOf(expr.operand);
    return kind === 'map' || kind === 'object' ? add(operand, one) : operand;
  }

  #call(expr: Call): Range {
    if (expr.name === 'dyn') return this.#dyn(expr);
    const argCosts = expr.args.map((argument) => this.cost(argument));
    const args = expr.args.map((argument) => this.sized(argument));
    if (expr.name === '_?._') return argCosts.reduce(add, one);
    const overloads = this.#checked.overloads.get(expr.id) ?? [];
    const [firstOverload] = overloads;
    if (firstOverload === undefined) return nothing;
    let sum = nothing;
    let target: Sized | undefined;
    if (firstOverload.isMember && expr.target !== undefined) {
      sum = this.cost(expr.target);
      target = this.sized(expr.target);
    }
    let most: Range | undefined;
    let resultSize: Range | undefined;
    for (const { id, name } of overloads) {
      const found = callCost({ name, id, target, args, argCosts, estimator: this });
      most = most === undefined ? found.cost : union(most, found.cost);
      if (found.size !== undefined) resultSize = resultSize === undefined ? found.size : union(resultSize, found.size);
      if (id === 'index_list' || id === 'index_map') resultSize = this.#indexed(expr, id === 'index_list');
      if (found.entries !== undefined) this.#entries.set(expr.id, found.entries);
      resultSize ??= this.sizeOf(expr);
    }
    if (resultSize !== undefined) this.#sizes.set(expr.id, resultSize);
    return add(sum, most ?? nothing);
  }

  /** An element is where its list is, and `@items`. */
  #indexed(expr: Call, isList: boolean): Range | undefined {
    const [container] = expr.args;
    if (container === undefined) return undefined;
    const path = this.#pathOf(container);
    this.#paths.set(expr.id, [...(path ?? []), isList ? '@items' : '@values']);
    return this.entriesOf(container)?.value;
  }

  #dyn(expr: Call): Range {
    const [argument] = expr.args;
    if (argument === undefined) return one;
    const cost = this.cost(argument);
    this.#copySize(expr, argument);
    return add(one, cost);
  }

  #copySize(to: Expr, from: Expr): void {
    const size = this.sizeOf(from);
    const entries = this.entriesOf(from);
    if (size !== undefined) this.#sizes.set(to.id, size);
    if (entries !== undefined) this.#entries.set(to.id, entries);
  }

  #list(expr: Expr & { kind: 'list' }): Range {
    const cost = expr.items.map((item) => this.cost(item)).reduce(add, fixed(10));
    const value = this.#unionOf(expr.items);
    this.#entries.set(expr.id, { isList: true, key: one, value });
    return cost;
  }

  #map(expr: Expr & { kind: 'map' }): Range {
    const cost = expr.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]).reduce(add, fixed(30));
    const key = this.#unionOf(expr.entries.map((entry) => entry.key));
    const value = this.#unionOf(expr.entries.map((entry) => entry.value));
    this.#entries.set(expr.id, { isList: false, key, value });
    return cost;
  }

  #unionOf(exprs: readonly Expr[]): Range {
    const sizes = exprs.map((expr) => this.sizeOr(expr));
    return sizes.length === 0 ? nothing : sizes.reduce(union);
  }

  #loop(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.#push(expr.accuVar, {
      path: this.#pathOf(expr.init),
      size: this.sizeOf(expr.init),
      entries: this.entriesOf(expr.init),
    });
    const names = this.#pushLoopVariables(expr);
    const condition = this.cost(expr.condition);
    const step = this.cost(expr.step);
    for (const name of names) this.#pop(name);
    const result = this.cost(expr.result);
    this.#pop(expr.accuVar);
    const count = this.sizeOr(expr.range);
    if (expr.init.kind === 'literal') {
      const size = this.sizeOf(expr.init);
      if (size !== undefined) this.#sizes.set(expr.id, size);
    } else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.#sizes.set(expr.id, count);
      const entries = this.entriesOf(expr.step);
      if (entries !== undefined) this.#entries.set(expr.id, entries);
    }
    return [before, result, times(count, add(step, condition))].reduce(add);
  }

  #pushLoopVariables(expr: Comprehension): string[] {
    const entries = this.entriesOf(expr.range);
    const path = this.#pathOf(expr.range);
    const isList = entries?.isList ?? this.typeOf(expr.range).kind === 'list';
    const at = (part: string): readonly string[] | undefined => [...(path ?? []), part];
    const value: Local = { path: at(isList ? '@items' : '@values'), size: entries?.value, entries: undefined };
    const key: Local = { path: at(isList ? '@indices' : '@keys'), size: entries?.key, entries: undefined };
    if (expr.iterVar2 === undefined) {
      this.#push(expr.iterVar, isList ? value : key);
      return [expr.iterVar];
    }
    this.#push(expr.iterVar, key);
    this.#push(expr.iterVar2, value);
    return [expr.iterVar, expr.iterVar2];
  }

  #binding(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.#push(expr.accuVar, {
      path: this.#pathOf(expr.init),
      size: this.sizeOf(expr.init),
      entries: this.entriesOf(expr.init),
    });
    const result = this.cost(expr.result);
    this.#pop(expr.accuVar);
    this.#copySize(expr, expr.result);
    return add(before, result);
  }

  #push(name: string, local: Local): void {
    this.#locals.set(name, [...(this.#locals.get(name) ?? []), local]);
  }

  #pop(name: string): void {
    this.#locals.set(name, (this.#locals.get(name) ?? []).slice(0, -1));
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #pathOf(expr: Expr): readonly string[] | undefined {
    const local = expr.kind === 'ident' ? this.#local(expr.name) : undefined;
    return local === undefined ? this.#paths.get(expr.id) : local.path;
  }

  typeOf(expr: Expr): Type {
    return this.#checked.types.get(expr.id) ?? dynType;
  }

  sized(expr: Expr): Sized {
    const path = this.#pathOf(expr);
    const isAccumulator = path?.[0] === accumulator;
    return { type: this.typeOf(expr), path: isAccumulator ? undefined : path, size: this.sizeOf(expr), expr };
  }

  sizeOr(expr: Expr): Range {
    return this.sizeOf(expr) ?? unknown;
  }

  sizeOf(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr.id) ?? writtenSize(expr);
    if (known !== undefined) return known;
    const declared = this.declaredSize(this.#pathOf(expr));
    if (declared !== undefined) {
      this.#sizes.set(expr.id, declared);
      return declared;
    }
    if (isScalar(this.typeOf(expr))) return one;
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }

  entriesOf(expr: Expr): Entries | undefined {
    return this.#entries.get(expr.id) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined);
  }

  /** The size of what the schema has at a path; the first part is a variable. */
  declaredSize(path: readonly string[] | undefined): Range | undefined {
    if (path === undefined || path.length === 0) return undefined;
    let type: SchemaType | undefined = this.#root;
    for (const part of path.slice(1)) {
      if (part === '@items' || part === '@values') type = type?.element;
      // Keys are texts of no declared length.
      else if (part === '@keys') return type?.element === undefined ? undefined : nothing;
      else type = type?.fields?.get(part);
    }
    return type === undefined ? undefined : range(0, type.maxElements);
  }
}

/** Of constants, lists and maps as they are written. */
function writtenSize(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case 'list':
      return fixed(expr.items.length);
    case 'map':
      return fixed(expr.entries.length);
    case 'literal':
      break;
    default:
      return undefined;
  }
  const { value } = expr;
  if (typeof value === 'string') return fixed(codePoints(value));
  if (value === null || typeof value !== 'object' || value instanceof Uint) return one;
  return fixed(value.length);
}

function isScalar(type: Type): boolean {
  return ['bool', 'double', 'duration', 'int', 'timestamp', 'uint'].includes(unwrapOptional(type).kind);
}

/** `optMap` and its kind: a loop over nothing that names a value. */
function isBinding(expr: Comprehension): boolean {
  return (
    expr.range.kind === 'list' &&
    expr.range.items.length === 0 &&
    expr.condition.kind === 'literal' &&
    expr.condition.value === false &&
    expr.accuVar !== accumulator
  );
}
