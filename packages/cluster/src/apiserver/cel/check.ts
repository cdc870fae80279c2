/** Checks the types of an expression and finds the overloads of its calls. Source: cel-go, checker; sentences are those it prints. */

import { functions, typeNames } from './environment.ts';
import { literalIssues } from './literals.ts';
import type { Overload } from './overload.ts';
import { qualifiedName, type Call, type Comprehension, type Expr, type Issue } from './syntax.ts';
import {
  assign,
  boolType,
  bytesType,
  doubleType,
  dynType,
  errorType,
  intType,
  isDynOrError,
  isOptional,
  listOf,
  mapOf,
  mostGeneral,
  nullType,
  optionalOf,
  param,
  sameType,
  stringType,
  substitute,
  typeText,
  uintType,
  unwrapOptional,
  type Bindings,
  type Type,
} from './types.ts';
import { Uint } from './values.ts';

/** What an expression may use besides functions. */
export interface Declarations {
  /** Types of variables by name. */
  readonly variables: ReadonlyMap<string, Type>;
  /** The members of object types, by the name of the type. */
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, Type>>;
}

/** What is known of an expression that passed; maps are by the id of a node. */
export interface Checked {
  readonly expr: Expr;
  readonly type: Type;
  readonly types: ReadonlyMap<number, Type>;
  /** Overloads that may be meant by a call; several when types are known only when it runs. */
  readonly overloads: ReadonlyMap<number, readonly Overload[]>;
  /** Nodes that turned out to be variables or types with dots in their names. */
  readonly names: ReadonlyMap<number, string>;
  /** Variables that are used. */
  readonly used: ReadonlySet<string>;
}

export function checkCel(expr: Expr, declarations: Declarations): Checked | { readonly issues: readonly Issue[] } {
  const checker = new Checker(declarations);
  checker.check(expr);
  if (checker.issues.length > 0) return checker;
  const checked = checker.result(expr);
  const issues = literalIssues(checked);
  return issues.length > 0 ? { issues } : checked;
}

const authorizerMethods = new Set(
  'path group serviceAccount resource subresource namespace name check allowed reason errored error fieldSelector labelSelector'.split(
    ' ',
  ),
);

class Checker {
  readonly issues: Issue[] = [];
  readonly #declarations: Declarations;
  readonly #types = new Map<number, Type>();
  readonly #overloads = new Map<number, readonly Overload[]>();
  readonly #names = new Map<number, string>();
  readonly #used = new Set<string>();
  #scopes: readonly ReadonlyMap<string, Type>[] = [];
  #bindings: Bindings = new Map();
  #nextVariable = 0;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  result(expr: Expr): Checked {
    const types = new Map<number, Type>();
    for (const [id, type] of this.#types) types.set(id, substitute(this.#bindings, type, true));
    return {
      expr,
      type: types.get(expr.id) ?? dynType,
      types,
      overloads: this.#overloads,
      names: this.#names,
      used: this.#used,
    };
  }

  check(expr: Expr): Type {
    const type = this.#typeOf(expr);
    this.#types.set(expr.id, type);
    return type;
  }

  #typeOf(expr: Expr): Type {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.value);
      case 'ident':
        return this.#ident(expr.name, expr);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#undeclared(expr.at, expr.name);
      case 'comprehension':
        return this.#comprehension(expr);
    }
  }

  #issue(at: number, message: string): Type {
    this.issues.push({ at, message });
    return errorType;
  }

  #undeclared(at: number, name: string): Type {
    return this.#issue(at, `undeclared reference to '${name}' (in container '')`);
  }

  #lookup(name: string): Type | undefined {
    for (const scope of this.#scopes.toReversed()) {
      const found = scope.get(name);
      if (found !== undefined) return found;
    }
    const variable = this.#declarations.variables.get(name);
    if (variable !== undefined) this.#used.add(name);
    return variable ?? typeNames.get(name)?.type;
  }

  #ident(name: string, expr: Expr): Type {
    const plain = name.replace(/^\./, '');
    const type = this.#lookup(plain);
    if (type === undefined) return this.#undeclared(expr.at, name);
    this.#names.set(expr.id, plain);
    return type;
  }

  #select(expr: Expr & { kind: 'select' }): Type {
    const name = qualifiedName(expr);
    const known = name === undefined ? undefined : this.#lookup(name);
    if (known !== undefined && name !== undefined) {
      this.#names.set(expr.id, name);
      return known;
    }
    const type = this.#member(expr, expr.operand, expr.field, false);
    return expr.testOnly ? boolType : substitute(this.#bindings, type, false);
  }

  #member(expr: Expr, operand: Expr, field: string, isOptionalSelect: boolean): Type {
    const operandType = substitute(this.#bindings, this.check(operand), false);
    const target = unwrapOptional(operandType);
    const found = this.#memberType(expr, target, field);
    return isOptional(operandType) || isOptionalSelect ? optionalOf(found) : found;
  }

  #memberType(expr: Expr, target: Type, field: string): Type {
    switch (target.kind) {
      case 'map':
        return target.of[1] ?? dynType;
      case 'object': {
        const found = this.#declarations.objects.get(target.name)?.get(field);
        return found ?? this.#issue(expr.at, `undefined field '${field}'`);
      }
      case 'param':
        this.#assign([dynType], [target]);
        return dynType;
      default:
        if (!isDynOrError(target)) this.#issue(expr.at, `type '${typeText(target)}' does not support field selection`);
        return dynType;
    }
  }

  #call(expr: Call): Type {
    if (expr.name === '_?._') return this.#optionalSelect(expr);
    const args = expr.args.map((argument) => this.check(argument));
    const { target } = expr;
    if (target === undefined) {
      const name = expr.name.replace(/^\./, '');
      const found = functions.get(name);
      return found === undefined ? this.#undeclared(expr.at, name) : this.#resolve(expr, found, args, false);
    }
    const prefix = qualifiedName(target);
    const namespaced = prefix === undefined ? undefined : functions.get(`${prefix}.${expr.name}`);
    if (namespaced !== undefined) return this.#resolve(expr, namespaced, args, false);
    const targetType = this.check(target);
    const found = functions.get(expr.name);
    // What the authorizer has is not declared for definitions, but known.
    if (found === undefined && targetType.kind === 'error' && authorizerMethods.has(expr.name)) return errorType;
    return found === undefined
      ? this.#undeclared(expr.at, expr.name)
      : this.#resolve(expr, found, [targetType, ...args], true);
  }

  #optionalSelect(expr: Call): Type {
    const [operand, field] = expr.args;
    if (operand === undefined || field?.kind !== 'literal') return errorType;
    const type = this.#member(expr, operand, String(field.value), true);
    this.#types.set(field.id, stringType);
    return substitute(this.#bindings, type, false);
  }

  #resolve(expr: Call, candidates: readonly Overload[], args: readonly Type[], isMember: boolean): Type {
    if (expr.name === '_&&_' || expr.name === '_||_') return this.#logic(expr, candidates, args);
    const matching: Overload[] = [];
    let result: Type | undefined;
    for (const candidate of candidates) {
      if (candidate.isMember !== isMember) continue;
      const fresh = this.#instantiate(candidate);
      if (!this.#assign(args, fresh.args)) continue;
      matching.push(candidate);
      const own = substitute(this.#bindings, fresh.result, false);
      if (result === undefined) result = own;
      else if (result.kind !== 'dyn' && !sameType(own, result)) result = dynType;
    }
    if (result === undefined) return this.#noOverload(expr, args, isMember);
    this.#overloads.set(expr.id, matching);
    return result;
  }

  #noOverload(expr: Call, args: readonly Type[], isMember: boolean): Type {
    const texts = args.map((type) => typeText(substitute(this.#bindings, type, true)));
    const [target = '', ...rest] = texts;
    const signature = isMember ? `${target}.(${rest.join(', ')})` : `(${texts.join(', ')})`;
    return this.#issue(expr.at, `found no matching overload for '${expr.name}' applied to '${signature}'`);
  }

  #logic(expr: Call, candidates: readonly Overload[], args: readonly Type[]): Type {
    let isWrong = false;
    args.forEach((type, index) => {
      if (this.#assign([type], [boolType])) return;
      this.#mismatch(expr.args[index]?.at ?? expr.at, boolType, type);
      isWrong = true;
    });
    this.#overloads.set(expr.id, candidates);
    return isWrong ? errorType : boolType;
  }

  /** The signature with type parameters of its own. */
  #instantiate({ args, result }: Overload): { args: Type[]; result: Type } {
    const own = new Map<string, Type>();
    const rename = (type: Type): Type => {
      if (type.kind === 'param') {
        const known = own.get(type.name) ?? this.#newVariable();
        own.set(type.name, known);
        return known;
      }
      return type.of.length === 0 ? type : { ...type, of: type.of.map(rename) };
    };
    return { args: args.map(rename), result: rename(result) };
  }

  #newVariable(): Type {
    return param(`_var${this.#nextVariable++}`);
  }

  #assign(from: readonly Type[], to: readonly Type[]): boolean {
    const bindings = assign(this.#bindings, from, to);
    if (bindings === undefined) return false;
    this.#bindings = bindings;
    return true;
  }

  #mismatch(at: number, expected: Type, actual: Type): Type {
    const texts = [expected, actual].map((type) => typeText(substitute(this.#bindings, type, true)));
    return this.#issue(at, `expected type '${texts[0] ?? ''}' but found '${texts[1] ?? ''}'`);
  }

  #join(previous: Type | undefined, current: Type): Type {
    if (previous === undefined) return current;
    // What is of many types is dyn; `literalIssues` refuses it where that is no argument of `format`.
    return this.#assign([previous], [current]) ? mostGeneral(previous, current) : dynType;
  }

  #unwrapped(at: number, type: Type, isOptionalEntry: boolean): Type {
    if (!isOptionalEntry) return type;
    if (!isOptional(type) && type.kind !== 'dyn') this.#mismatch(at, optionalOf(type), type);
    return unwrapOptional(type);
  }

  #list(expr: Expr & { kind: 'list' }): Type {
    let element: Type | undefined;
    expr.items.forEach((item, index) => {
      const type = this.#unwrapped(item.at, this.check(item), expr.optional.has(index));
      element = this.#join(element, type);
    });
    return listOf(element ?? this.#newVariable());
  }

  #map(expr: Expr & { kind: 'map' }): Type {
    let key: Type | undefined;
    let value: Type | undefined;
    for (const entry of expr.entries) {
      key = this.#join(key, this.check(entry.key));
      const type = this.#unwrapped(entry.value.at, this.check(entry.value), entry.optional);
      value = this.#join(value, type);
    }
    return mapOf(key ?? this.#newVariable(), value ?? this.#newVariable());
  }

  #comprehension(expr: Comprehension): Type {
    const range = substitute(this.#bindings, this.check(expr.range), false);
    const accu = this.check(expr.init);
    const [first, second] = this.#loopTypes(expr, range);
    const outer = this.#scopes;
    const withAccu = [...outer, new Map([[expr.accuVar, accu]])];
    const loop = new Map([[expr.iterVar, first]]);
    if (expr.iterVar2 !== undefined) loop.set(expr.iterVar2, second);
    this.#scopes = [...withAccu, loop];
    this.#wants(expr.condition, boolType);
    this.#wants(expr.step, accu);
    this.#scopes = withAccu;
    const result = this.check(expr.result);
    this.#scopes = outer;
    return substitute(this.#bindings, result, false);
  }

  #wants(expr: Expr, wanted: Type): void {
    const type = this.check(expr);
    if (!this.#assign([wanted], [type])) this.#mismatch(expr.at, wanted, type);
  }

  /** Types of the variables of a loop; the second only counts where there are two. */
  #loopTypes(expr: Comprehension, range: Type): [Type, Type] {
    const hasTwo = expr.iterVar2 !== undefined;
    switch (range.kind) {
      case 'list':
        return hasTwo ? [intType, range.of[0] ?? dynType] : [range.of[0] ?? dynType, dynType];
      case 'map':
        return [range.of[0] ?? dynType, range.of[1] ?? dynType];
      case 'dyn':
      case 'error':
      case 'param':
        this.#assign([dynType], [range]);
        return [dynType, dynType];
      default:
        this.#issue(
          expr.range.at,
          `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [errorType, errorType];
    }
  }
}

function literalType(value: unknown): Type {
  switch (typeof value) {
    case 'bigint':
      return intType;
    case 'number':
      return doubleType;
    case 'string':
      return stringType;
    case 'boolean':
      return boolType;
    default:
  }
  if (value === null) return nullType;
  return value instanceof Uint ? uintType : bytesType;
}
