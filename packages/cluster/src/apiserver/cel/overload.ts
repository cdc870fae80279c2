/** One row per overload of a function: its name, signature and code. */

import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  objectType,
  opaqueType,
  optionalOf,
  param,
  stringType,
  timestampType,
  uintType,
  type Type,
} from './types.ts';
import {
  Duration,
  isList,
  isMapValue,
  Opaque,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type ListValue,
  type MapValue,
  type Value,
} from './values.ts';

/** A row as the checker and the evaluator read it. */
export interface Overload {
  readonly name: string;
  /** cel-go's name of the overload; costs go by it. */
  readonly id: string;
  readonly isMember: boolean;
  readonly args: readonly Type[];
  readonly result: Type;
  /** Only called with values that match `args`. Throws CelFailure. */
  readonly run: (args: readonly Value[]) => Value;
}

/** A type together with the JavaScript values it has. */
export interface Typed<V extends Value> {
  readonly type: Type;
  /** Never set: it carries the type of the values. */
  readonly value?: V;
}

type Values<A extends readonly Typed<Value>[]> = { -readonly [I in keyof A]: A[I] extends Typed<infer V> ? V : never };

interface Signature<A extends readonly Typed<Value>[]> {
  readonly id: string;
  readonly args: A;
  readonly result: Typed<Value>;
  readonly run: (...args: Values<A>) => Value;
}

function overload<const A extends readonly Typed<Value>[]>(
  name: string,
  isMember: boolean,
  { id, args, result, run }: Signature<A>,
): Overload {
  return {
    name,
    id,
    isMember,
    args: args.map(({ type }) => type),
    result: result.type,
    // The evaluator calls it only with values that match.
    run: (values) => run(...(values as Values<A>)),
  };
}

/** A function `name(args)`. */
export function func<const A extends readonly Typed<Value>[]>(name: string, signature: Signature<A>): Overload {
  return overload(name, false, signature);
}

/** A method `args[0].name(the rest)`. */
export function method<const A extends readonly Typed<Value>[]>(name: string, signature: Signature<A>): Overload {
  return overload(name, true, signature);
}

export const B: Typed<boolean> = { type: boolType };
export const I: Typed<bigint> = { type: intType };
export const U: Typed<Uint> = { type: uintType };
export const D: Typed<number> = { type: doubleType };
export const S: Typed<string> = { type: stringType };
export const Y: Typed<Uint8Array> = { type: bytesType };
export const TIME: Typed<Timestamp> = { type: timestampType };
export const SPAN: Typed<Duration> = { type: durationType };
export const DYN: Typed<Value> = { type: dynType };
export const A: Typed<Value> = { type: param('A') };
export const V: Typed<Value> = { type: param('B') };

export function list(element: Typed<Value>): Typed<ListValue> {
  return { type: listOf(element.type) };
}

export function map(key: Typed<Value>, value: Typed<Value>): Typed<MapValue> {
  return { type: mapOf(key.type, value.type) };
}

export function optional(value: Typed<Value>): Typed<Optional> {
  return { type: optionalOf(value.type) };
}

/** A Kubernetes type: an object for the checker where cel-go has it so. */
export function kubernetesType<T extends Opaque>(name: string, kind: 'object' | 'opaque'): Typed<T> {
  return { type: kind === 'object' ? objectType(name) : opaqueType(name) };
}

/** True when a value is of the outer kind of a type; what is inside is not looked at. */
export function matchesType(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
    case 'error':
      return true;
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'uint':
      return value instanceof Uint;
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'null':
      return value === null;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    case 'type':
      return value instanceof TypeValue;
    case 'list':
      return isList(value);
    case 'map':
      return isMapValue(value);
    case 'opaque':
    case 'object':
      if (type.name === 'optional_type') return value instanceof Optional;
      return value instanceof Opaque ? value.typeName === type.name : isMapValue(value);
  }
}
