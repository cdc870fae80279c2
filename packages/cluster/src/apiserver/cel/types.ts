/** The types of CEL expressions: their texts, and which can stand for which. Source: cel-go, checker. */

/** A type; object types are told apart by name. */
export interface Type {
  readonly kind:
    | 'bool'
    | 'bytes'
    | 'double'
    | 'int'
    | 'uint'
    | 'string'
    | 'null'
    | 'timestamp'
    | 'duration'
    | 'dyn'
    | 'error'
    | 'list'
    | 'map'
    | 'object'
    | 'opaque'
    | 'param'
    | 'type';
  readonly name: string;
  readonly of: readonly Type[];
}

function simple(kind: Type['kind'], name: string = kind): Type {
  return { kind, name, of: [] };
}

export const boolType = simple('bool');
export const bytesType = simple('bytes');
export const doubleType = simple('double');
export const intType = simple('int');
export const uintType = simple('uint');
export const stringType = simple('string');
export const nullType = simple('null');
export const timestampType = simple('timestamp');
export const durationType = simple('duration');
export const dynType = simple('dyn');
export const errorType = simple('error', '!error!');
export const typeType = simple('type');

export function listOf(element: Type): Type {
  return { kind: 'list', name: 'list', of: [element] };
}

export function mapOf(key: Type, value: Type): Type {
  return { kind: 'map', name: 'map', of: [key, value] };
}

export function optionalOf(value: Type): Type {
  return { kind: 'opaque', name: 'optional_type', of: [value] };
}

export function objectType(name: string): Type {
  return simple('object', name);
}

export function opaqueType(name: string): Type {
  return simple('opaque', name);
}

/** A parameter of a function's signature, e.g. `A`. */
export function param(name: string): Type {
  return simple('param', name);
}

export function typeOf(value: Type): Type {
  return { kind: 'type', name: 'type', of: [value] };
}

/** As errors print it. */
export function typeText(type: Type): string {
  switch (type.kind) {
    case 'list':
      return `list(${type.of.map(typeText).join(', ')})`;
    case 'map':
      return `map(${type.of.map(typeText).join(', ')})`;
    case 'type':
      return type.of.length === 0 ? 'type' : `type(${type.of.map(typeText).join(', ')})`;
    case 'opaque':
      return type.of.length === 0 ? type.name : `${type.name}(${type.of.map(typeText).join(', ')})`;
    default:
      return type.name;
  }
}

export function isOptional(type: Type): boolean {
  return type.kind === 'opaque' && type.name === 'optional_type';
}

/** The type inside an optional; the type itself when it is none. */
export function unwrapOptional(type: Type): Type {
  return isOptional(type) ? (type.of[0] ?? dynType) : type;
}

export function sameType(left: Type, right: Type): boolean {
  if (left === right) return true;
  if (left.kind !== right.kind || left.name !== right.name || left.of.length !== right.of.length) return false;
  return left.of.every((inner, index) => sameType(inner, right.of[index] ?? dynType));
}

/** What type parameters stand for. Copied before an attempt that may fail. */
export type Bindings = Map<string, Type>;

/** The type with its parameters replaced; those without a value stay, or become dyn. */
export function substitute(bindings: ReadonlyMap<string, Type>, type: Type, unboundIsDyn: boolean): Type {
  if (type.kind === 'param') {
    const bound = bindings.get(type.name);
    if (bound !== undefined) return substitute(bindings, bound, unboundIsDyn);
    return unboundIsDyn ? dynType : type;
  }
  if (type.of.length === 0) return type;
  return { ...type, of: type.of.map((inner) => substitute(bindings, inner, unboundIsDyn)) };
}

/** The bindings under which values of `from` can stand where `to` is wanted; undefined when they cannot. */
export function assign(bindings: Bindings, from: readonly Type[], to: readonly Type[]): Bindings | undefined {
  if (from.length !== to.length) return undefined;
  const tried = new Map(bindings);
  return from.every((type, index) => isAssignable(tried, type, to[index] ?? errorType)) ? tried : undefined;
}

function isAssignable(bindings: Bindings, left: Type, right: Type): boolean {
  if (right.kind === 'param') {
    const found = bindParam(bindings, left, right);
    if (found.isValid) return true;
    if (found.wasBound) return false;
  }
  if (left.kind === 'param') return bindParam(bindings, right, left).isValid;
  if (isDynOrError(left) || isDynOrError(right)) return true;
  if (left.kind === 'null') return isNullable(right);
  if (right.kind === 'null') return isNullable(left);
  if (left.kind === 'type') return right.kind === 'type';
  if (left.kind !== right.kind || left.name !== right.name || left.of.length !== right.of.length) return false;
  return left.of.every((inner, index) => isAssignable(bindings, inner, right.of[index] ?? errorType));
}

export function isDynOrError(type: Type): boolean {
  return type.kind === 'dyn' || type.kind === 'error';
}

function isNullable(type: Type): boolean {
  return ['null', 'opaque', 'object', 'timestamp', 'duration'].includes(type.kind);
}

function bindParam(bindings: Bindings, type: Type, parameter: Type): { isValid: boolean; wasBound: boolean } {
  if (sameType(type, parameter)) return { isValid: true, wasBound: true };
  const bound = bindings.get(parameter.name);
  if (bound !== undefined) {
    if (sameType(type, bound)) return { isValid: true, wasBound: true };
    if (!isAssignable(bindings, type, bound)) return { isValid: false, wasBound: true };
    const general = mostGeneral(type, bound);
    if (!occursIn(bindings, parameter, general)) bindings.set(parameter.name, general);
    return { isValid: true, wasBound: true };
  }
  if (occursIn(bindings, parameter, type)) return { isValid: false, wasBound: false };
  bindings.set(parameter.name, type);
  return { isValid: true, wasBound: false };
}

function occursIn(bindings: Bindings, parameter: Type, type: Type): boolean {
  if (sameType(parameter, type)) return true;
  if (type.kind === 'param') {
    const bound = bindings.get(type.name);
    return bound !== undefined && occursIn(bindings, parameter, bound);
  }
  return type.of.some((inner) => occursIn(bindings, parameter, inner));
}

/** Of two types that can stand for each other, the one that says less. */
export function mostGeneral(left: Type, right: Type): Type {
  return saysLess(left, right) ? left : right;
}

function saysLess(left: Type, right: Type): boolean {
  if (left.kind === 'dyn' || left.kind === 'param') return true;
  if (right.kind === 'dyn' || right.kind === 'param') return false;
  if (left.kind !== right.kind) return false;
  if (left.of.length > 0 && left.name === right.name && left.of.length === right.of.length && left.kind !== 'type')
    return left.of.every((inner, index) => saysLess(inner, right.of[index] ?? dynType));
  return left.kind === 'type' || sameType(left, right);
}
