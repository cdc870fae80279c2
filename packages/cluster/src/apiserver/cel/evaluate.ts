/** Turns a checked expression into code, and counts what it costs while it runs. Source: cel-go, interpreter. */

import { runtimeCost } from './runtime-cost.ts';
import type { Checked } from './check.ts';
import { typeNames } from './environment.ts';
import { matchesType, type Overload } from './overload.ts';
import { accumulator, type Call, type Comprehension, type Expr, type MapLiteral } from './syntax.ts';
import {
  CelFailure,
  CelOverBudget,
  EntryMap,
  isList,
  isMapValue,
  none,
  Opaque,
  Optional,
  sizeOf,
  TypeValue,
  typeNameOf,
  type Value,
} from './values.ts';
import { memberAt } from './functions/operators.ts';

/** An expression that can be evaluated many times. */
export interface Program {
  /** Names of variables it uses. */
  readonly uses: ReadonlySet<string>;
  run(variables: Readonly<Record<string, Value>>, limit: number): Outcome;
}

/** What an evaluation came to, and what it cost; over the limit it stops at once. */
export type Outcome =
  | { readonly value: Value; readonly cost: number }
  | { readonly failure: string; readonly cost: number; readonly isOverBudget: boolean };

/** The state of one evaluation. */
interface Frame {
  /** Variables by their place; a failure is what an accumulator may hold: it fails where it is read. */
  readonly slots: (Value | CelFailure | undefined)[];
  cost: number;
  readonly limit: number;
}

type Code = (frame: Frame) => Value;

/** A call of Kubernetes' own functions costs more than one unit; so do large collections. */
const listCost = 10;
const mapCost = 30;

export function compileCel(checked: Checked): Program {
  const globals = [...checked.used];
  const code = new Compiler(checked, globals).compile(checked.expr);
  return {
    uses: checked.used,
    run(variables, limit) {
      const frame: Frame = { slots: globals.map((name) => variables[name]), cost: 0, limit };
      try {
        return { value: code(frame), cost: frame.cost };
      } catch (error) {
        if (error instanceof CelFailure) return { failure: error.message, cost: frame.cost, isOverBudget: false };
        if (error instanceof CelOverBudget) return { failure: error.message, cost: frame.cost, isOverBudget: true };
        throw error;
      }
    },
  };
}

function spend(frame: Frame, cost: number): void {
  frame.cost += cost;
  if (frame.cost > frame.limit) throw new CelOverBudget('operation cancelled: actual cost limit exceeded');
}

class Compiler {
  readonly #checked: Checked;
  /** Places of the variables that can be seen. */
  #scope: ReadonlyMap<string, number>;
  #nextSlot: number;

  constructor(checked: Checked, globals: readonly string[]) {
    this.#checked = checked;
    this.#scope = new Map(globals.map((name, index) => [name, index]));
    this.#nextSlot = globals.length;
  }

  compile(expr: Expr): Code {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
        return this.#name(this.#checked.names.get(expr.id) ?? expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return () => {
          throw new CelFailure(`unknown type '${expr.name}'`);
        };
      case 'comprehension':
        return this.#fold(expr);
    }
  }

  #name(name: string): Code {
    const type = typeNames.get(name);
    const slot = this.#scope.get(name);
    if (slot === undefined && type !== undefined) {
      const value = new TypeValue(type.name);
      return (frame) => {
        spend(frame, 1);
        return value;
      };
    }
    const place = slot ?? -1;
    return (frame) => {
      spend(frame, 1);
      const value = frame.slots[place];
      if (value instanceof CelFailure) throw value;
      if (value !== undefined) return value;
      throw new CelFailure(`no such attribute(s): ${name}`);
    };
  }

  #select(expr: Expr & { kind: 'select' }): Code {
    const name = this.#checked.names.get(expr.id);
    if (name !== undefined) return this.#name(name);
    const operand = this.compile(expr.operand);
    const { field } = expr;
    if (expr.testOnly) return (frame) => hasMember(operand(frame), field);
    // What is no chain of names is an attribute of its own for cel-go.
    const cost = expr.operand.kind === 'ident' || expr.operand.kind === 'select' ? 1 : 2;
    return (frame) => {
      const value = operand(frame);
      spend(frame, cost);
      return selected(value, field);
    };
  }

  #call(expr: Call): Code {
    switch (expr.name) {
      case '_&&_':
      case '_||_':
        return this.#logic(expr, expr.name === '_||_');
      case '_?_:_':
        return this.#conditional(expr);
      case '@not_strictly_false':
        return this.#notStrictlyFalse(expr);
      case '_?._':
        return this.#optionalSelect(expr);
      case '_+_':
        if (isOwnList(expr)) return this.#append(expr);
        break;
      case 'or':
      case 'orValue':
        if (expr.target !== undefined && expr.args.length === 1) return this.#alternative(expr, expr.target);
        break;
      default:
    }
    return this.#overloaded(expr);
  }

  #overloaded(expr: Call): Code {
    const overloads = this.#checked.overloads.get(expr.id) ?? [];
    const isMember = overloads[0]?.isMember === true;
    const args = (isMember && expr.target !== undefined ? [expr.target, ...expr.args] : expr.args).map((argument) =>
      this.compile(argument),
    );
    const isOperator = expr.name.includes('_');
    const only = overloads.length === 1 ? overloads[0] : undefined;
    return (frame) => {
      const values = args.map((argument) => argument(frame));
      const overload =
        only !== undefined && matches(only, values) ? only : overloads.find((one) => matches(one, values));
      if (overload === undefined) throw noOverload(isOperator ? undefined : expr.name, values);
      const before = runtimeCost(overload, values);
      if (before !== undefined) spend(frame, before);
      const result = overload.run(values);
      // Joining costs by what comes out.
      if (before === undefined) spend(frame, Math.ceil(sizeOf(result) * 0.2));
      return result;
    };
  }

  /** One side that decides hides what the other fails with. */
  #logic(expr: Call, decisive: boolean): Code {
    const [left, right] = expr.args.map((argument) => this.compile(argument));
    const side = (code: Code | undefined, frame: Frame): boolean | CelFailure => {
      const value = code === undefined ? false : settled(code, frame);
      if (value instanceof CelFailure || typeof value === 'boolean') return value;
      return new CelFailure('no such overload');
    };
    return (frame) => {
      const first = side(left, frame);
      if (first === decisive) return decisive;
      const second = side(right, frame);
      if (second === decisive) return decisive;
      const failure = [first, second].find((value) => value instanceof CelFailure);
      if (failure !== undefined) throw failure;
      return !decisive;
    };
  }

  #conditional(expr: Call): Code {
    const [condition, yes, no] = expr.args.map((argument) => this.compile(argument));
    return (frame) => {
      const value = condition?.(frame);
      if (typeof value !== 'boolean') throw new CelFailure('no such overload');
      return (value ? yes : no)?.(frame) ?? null;
    };
  }

  #notStrictlyFalse(expr: Call): Code {
    const [operand] = expr.args.map((argument) => this.compile(argument));
    return (frame) => {
      spend(frame, 1);
      return operand === undefined || settled(operand, frame) !== false;
    };
  }

  #optionalSelect(expr: Call): Code {
    const [operandExpr, field] = expr.args;
    if (operandExpr === undefined || field?.kind !== 'literal') throw new TypeError('a checked selection has a field');
    const operand = this.compile(operandExpr);
    const name = String(field.value);
    return (frame) => {
      const value = operand(frame);
      spend(frame, 1);
      const container = value instanceof Optional ? value.value : value;
      if (container === undefined || !hasMember(container, name)) return none;
      return new Optional(selected(container, name));
    };
  }

  #alternative(expr: Call, targetExpr: Expr): Code {
    const target = this.compile(targetExpr);
    const [other] = expr.args.map((argument) => this.compile(argument));
    const isOptional = expr.name === 'or';
    return (frame) => {
      const value = target(frame);
      spend(frame, 1);
      if (!(value instanceof Optional)) throw noOverload(expr.name, [value]);
      if (value.value === undefined) return other?.(frame) ?? null;
      return isOptional ? value : value.value;
    };
  }

  /** The list a macro collects into is nobody else's: it grows in place. */
  #append(expr: Call): Code {
    const [accu, items] = expr.args.map((argument) => this.compile(argument));
    return (frame) => {
      const list = accu?.(frame);
      const added = items?.(frame);
      spend(frame, 1);
      if (!Array.isArray(list) || !Array.isArray(added)) throw new CelFailure('no such overload');
      list.push(...(added as Value[]));
      return list as Value[];
    };
  }

  #list(expr: Expr & { kind: 'list' }): Code {
    // What is written out costs nothing: it is made once.
    if (expr.items.every(isConstant) && expr.optional.size === 0) {
      const values = expr.items.map(constantOf);
      // An accumulator begins with an empty one, and grows.
      return values.length === 0 ? () => [] : () => values;
    }
    const items = expr.items.map((item) => this.compile(item));
    const { optional } = expr;
    return (frame) => {
      const values: Value[] = [];
      items.forEach((item, index) => {
        const value = item(frame);
        if (!optional.has(index)) values.push(value);
        else if (!(value instanceof Optional))
          throw new CelFailure(`cannot initialize optional list element from non-optional value`);
        else if (value.value !== undefined) values.push(value.value);
      });
      spend(frame, listCost);
      return values;
    };
  }

  #map(expr: Expr & { kind: 'map' }): Code {
    if (expr.entries.every(({ key, value, optional }) => isConstant(key) && isConstant(value) && !optional)) {
      return () => constantMap(expr.entries);
    }
    const entries = expr.entries.map(({ key, value, optional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      optional,
    }));
    return (frame) => {
      const map = new EntryMap();
      for (const entry of entries) {
        const key = entry.key(frame);
        const value = entry.value(frame);
        const kept = entry.optional && value instanceof Optional ? value.value : value;
        if (kept !== undefined) map.insert(key, kept);
      }
      spend(frame, mapCost);
      return map;
    };
  }

  #fold(expr: Comprehension): Code {
    const range = this.compile(expr.range);
    const init = this.compile(expr.init);
    const outer = this.#scope;
    const [accu, first, second] = [this.#nextSlot, this.#nextSlot + 1, this.#nextSlot + 2];
    this.#nextSlot += 3;
    const inner = new Map([...outer, [expr.accuVar, accu] as const]);
    this.#scope = inner;
    const result = this.compile(expr.result);
    const loop: [string, number][] = [[expr.iterVar, first]];
    if (expr.iterVar2 !== undefined) loop.push([expr.iterVar2, second]);
    this.#scope = new Map([...inner, ...loop]);
    const condition = this.compile(expr.condition);
    const step = this.compile(expr.step);
    this.#scope = outer;
    const hasTwo = expr.iterVar2 !== undefined;
    // A loop without a condition cannot recover from a failure.
    const isCollecting = expr.condition.kind === 'literal';
    return (frame) => {
      const { slots } = frame;
      const pairs = pairsOf(range(frame), hasTwo);
      slots[accu] = settled(init, frame);
      for (const [key, value] of pairs) {
        slots[first] = key;
        slots[second] = value;
        if (condition(frame) !== true) break;
        const next = settled(step, frame);
        slots[accu] = next;
        if (isCollecting && next instanceof CelFailure) break;
      }
      return result(frame);
    };
  }
}

/** What code comes to, failures as values. */
function settled(code: Code, frame: Frame): Value | CelFailure {
  try {
    return code(frame);
  } catch (error) {
    if (error instanceof CelFailure) return error;
    throw error;
  }
}

/** True for literals and lists and maps of them. */
function isConstant(expr: Expr): boolean {
  if (expr.kind === 'list') return expr.optional.size === 0 && expr.items.every(isConstant);
  if (expr.kind === 'map')
    return expr.entries.every(({ key, value, optional }) => !optional && isConstant(key) && isConstant(value));
  return expr.kind === 'literal';
}

function constantOf(expr: Expr): Value {
  if (expr.kind === 'list') return expr.items.map(constantOf);
  if (expr.kind === 'map') return constantMap(expr.entries);
  return expr.kind === 'literal' ? expr.value : null;
}

/** A new one each time: an accumulator may begin with it. */
function constantMap(entries: MapLiteral['entries']): EntryMap {
  const map = new EntryMap();
  for (const { key, value } of entries) map.insert(constantOf(key), constantOf(value));
  return map;
}

function isOwnList(expr: Call): boolean {
  const [accu, items] = expr.args;
  return accu?.kind === 'ident' && accu.name === accumulator && items?.kind === 'list';
}

function pairsOf(range: Value, hasTwo: boolean): readonly (readonly [Value, Value])[] {
  if (isList(range)) return range.map((item, index) => (hasTwo ? [BigInt(index), item] : [item, item]));
  if (typeof range === 'object' && range !== null && isMapValue(range))
    return range.keys().map((key) => [key, hasTwo ? (range.get(key) ?? null) : key]);
  throw new CelFailure(`got '${typeNameOf(range)}', expected iterable type`);
}

function matches(overload: Overload, values: readonly Value[]): boolean {
  return (
    overload.args.length === values.length &&
    values.every((value, index) => {
      const type = overload.args[index];
      return type !== undefined && matchesType(type, value);
    })
  );
}

function noOverload(name: string | undefined, values: readonly Value[]): CelFailure {
  if (name === undefined) return new CelFailure('no such overload');
  return new CelFailure(`no such overload: ${name}(${values.map(typeNameOf).join(', ')})`);
}

function hasMember(value: Value, field: string): boolean {
  if (value instanceof Optional) return value.value !== undefined && hasMember(value.value, field);
  if (typeof value !== 'object' || value === null || !isMapValue(value)) throw new CelFailure('no such overload');
  return value.get(field) !== undefined;
}

function selected(value: Value, field: string): Value {
  if (value instanceof Optional)
    return value.value === undefined || !hasMember(value.value, field)
      ? none
      : new Optional(selected(value.value, field));
  if (typeof value !== 'object' || value === null || value instanceof Opaque || !isMapValue(value))
    throw new CelFailure(`no such key: ${field}`);
  return memberAt(value, field);
}
