/** Functions of lists, sets, maps and optional values. Source: apiserver library/lists.go; cel-go ext/sets.go, cel/library.go. */

import {
  A,
  B,
  D,
  func,
  I,
  list,
  map,
  method,
  optional,
  S,
  SPAN,
  TIME,
  U,
  V,
  Y,
  type Overload,
  type Typed,
} from '../overload.ts';
import { param } from '../types.ts';
import {
  CelFailure,
  Duration,
  EntryMap,
  isList,
  isMapValue,
  none,
  Optional,
  Uint,
  valuesEqual,
  type ListValue,
  type MapValue,
  type Value,
} from '../values.ts';
import { compareValues, keyText, toInt, toSpan, toUint } from './operators.ts';

function isSorted(items: ListValue): boolean {
  return items.every((item, index) => index === 0 || compareValues(items[index - 1] ?? null, item) <= 0);
}

function extreme(items: ListValue, sign: 1 | -1): Value {
  const [first, ...rest] = items;
  if (first === undefined) throw new CelFailure(`${sign > 0 ? 'min' : 'max'} called on empty list`);
  return rest.reduce((best, item) => (compareValues(item, best) * sign < 0 ? item : best), first);
}

function add(left: Value, right: Value): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return toInt(left + right);
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (left instanceof Uint && right instanceof Uint) return toUint(left.value + right.value);
  if (left instanceof Duration && right instanceof Duration) return toSpan(left.nanos + right.nanos);
  throw new CelFailure('no such overload');
}

function positionOf(items: ListValue, wanted: Value): bigint {
  return BigInt(items.findIndex((item) => valuesEqual(item, wanted)));
}

function lastPositionOf(items: ListValue, wanted: Value): bigint {
  return BigInt(items.findLastIndex((item) => valuesEqual(item, wanted)));
}

const summed: readonly (readonly [string, Typed<Value>, Value])[] = [
  ['int', I, 0n],
  ['uint', U, new Uint(0n)],
  ['double', D, 0],
  ['duration', SPAN, new Duration(0n)],
];
const comparable: readonly (readonly [string, Typed<Value>])[] = [
  ['int', I],
  ['uint', U],
  ['double', D],
  ['bool', B],
  ['duration', SPAN],
  ['timestamp', TIME],
  ['string', S],
  ['bytes', Y],
];

const lists: readonly Overload[] = [
  ...comparable.flatMap(([name, type]) => [
    method('isSorted', { id: `list_${name}_is_sorted_bool`, args: [list(type)], result: B, run: isSorted }),
    method('max', { id: `list_${name}_max_${name}`, args: [list(type)], result: type, run: (a) => extreme(a, -1) }),
    method('min', { id: `list_${name}_min_${name}`, args: [list(type)], result: type, run: (a) => extreme(a, 1) }),
  ]),
  ...summed.map(([name, type, zero]) =>
    method('sum', {
      id: `list_${name}_sum_${name}`,
      args: [list(type)],
      result: type,
      run: (a) => a.reduce(add, zero),
    }),
  ),
  method('indexOf', { id: 'list_a_index_of_int', args: [list(A), A], result: I, run: positionOf }),
  method('lastIndexOf', { id: 'list_a_last_index_of_int', args: [list(A), A], result: I, run: lastPositionOf }),
];

function containsAll(items: ListValue, wanted: ListValue): boolean {
  return wanted.every((one) => items.some((item) => valuesEqual(item, one)));
}

const sets: readonly Overload[] = [
  func('sets.contains', { id: 'list_sets_contains_list', args: [list(A), list(A)], result: B, run: containsAll }),
  func('sets.equivalent', {
    id: 'list_sets_equivalent_list',
    args: [list(A), list(A)],
    result: B,
    run: (a, b) => containsAll(a, b) && containsAll(b, a),
  }),
  func('sets.intersects', {
    id: 'list_sets_intersects_list',
    args: [list(A), list(A)],
    result: B,
    run: (a, b) => a.some((one) => b.some((other) => valuesEqual(one, other))),
  }),
];

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Optional) return value.value === undefined || isZero(value.value);
  if (typeof value !== 'object') return false;
  if (isList(value)) return value.length === 0;
  return isMapValue(value) && value.size === 0;
}

function valueOf({ value }: Optional): Value {
  if (value === undefined) throw new CelFailure('optional.none() dereference');
  return value;
}

function unwrap(items: ListValue): Value[] {
  return items.flatMap((item) => (item instanceof Optional && item.value !== undefined ? [item.value] : []));
}

/** The evaluator gives both to code of its own: the alternative is looked at only where it is needed. */
const optionals: readonly Overload[] = [
  func('optional.of', { id: 'optional_of', args: [A], result: optional(A), run: (a) => new Optional(a) }),
  func('optional.ofNonZeroValue', {
    id: 'optional_ofNonZeroValue',
    args: [A],
    result: optional(A),
    run: (a) => (isZero(a) ? none : new Optional(a)),
  }),
  func('optional.none', { id: 'optional_none', args: [], result: optional(A), run: () => none }),
  func('optional.unwrap', { id: 'optional_unwrap', args: [list(optional(A))], result: list(A), run: unwrap }),
  method('unwrapOpt', { id: 'optional_unwrapOpt', args: [list(optional(A))], result: list(A), run: unwrap }),
  method('value', { id: 'optional_value', args: [optional(A)], result: A, run: valueOf }),
  method('hasValue', { id: 'optional_hasValue', args: [optional(A)], result: B, run: (a) => a.value !== undefined }),
  method('or', {
    id: 'optional_or_optional',
    args: [optional(A), optional(A)],
    result: optional(A),
    run: (a, b) => (a.value === undefined ? b : a),
  }),
  method('orValue', { id: 'optional_orValue_value', args: [optional(A), A], result: A, run: (a, b) => a.value ?? b }),
  method('first', {
    id: 'list_first',
    args: [list(A)],
    result: optional(A),
    run: (a) => (a.length === 0 ? none : new Optional(a[0])),
  }),
  method('last', {
    id: 'list_last',
    args: [list(A)],
    result: optional(A),
    run: (a) => (a.length === 0 ? none : new Optional(a.at(-1))),
  }),
];

/** The accumulator of a macro is nobody else's: it may be changed. */
function insert(into: MapValue, key: Value, value: Value): MapValue {
  const target = into instanceof EntryMap ? into : copyOf(into);
  if (!target.insert(key, value)) throw new CelFailure(`insert failed: key ${keyText(key)} already exists`);
  return target;
}

function copyOf(source: MapValue): EntryMap {
  const copy = new EntryMap();
  for (const key of source.keys()) copy.insert(key, source.get(key) ?? null);
  return copy;
}

function insertAll(into: MapValue, entries: MapValue): MapValue {
  return entries.keys().reduce<MapValue>((target, key) => insert(target, key, entries.get(key) ?? null), into);
}

const K: Typed<Value> = { type: param('K') };

const inserts: readonly Overload[] = [
  func('cel.@mapInsert', { id: '@mapInsert_map_key_value', args: [map(K, V), K, V], result: map(K, V), run: insert }),
  func('cel.@mapInsert', { id: '@mapInsert_map_map', args: [map(K, V), map(K, V)], result: map(K, V), run: insertAll }),
];

export const collectionFunctions: readonly Overload[] = [...lists, ...sets, ...optionals, ...inserts];
