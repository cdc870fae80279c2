/** Operators, `size`, `in` and indexing. Source: cel-spec, langdef.md, "List of Standard Definitions". */

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
import {
  CelFailure,
  codePoints,
  Duration,
  none,
  numberOf,
  Optional,
  Timestamp,
  Uint,
  valuesEqual,
  type ListValue,
  type MapValue,
  type Value,
} from '../values.ts';

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;
const nanosPerSecond = 1_000_000_000n;
const minTime = -62_135_596_800n * nanosPerSecond;
const maxTime = 253_402_300_800n * nanosPerSecond - 1n;

/** An int, or the failure of one that does not fit. */
export function toInt(value: bigint): bigint {
  if (value < minInt || value > maxInt) throw new CelFailure('integer overflow');
  return value;
}

export function toUint(value: bigint): Uint {
  if (value < 0n || value > maxUint) throw new CelFailure('unsigned integer overflow');
  return new Uint(value);
}

export function toTime(nanos: bigint): Timestamp {
  if (nanos < minTime || nanos > maxTime) throw new CelFailure('timestamp overflow');
  return new Timestamp(nanos);
}

export function toSpan(nanos: bigint): Duration {
  if (nanos < minInt || nanos > maxInt) throw new CelFailure('duration overflow');
  return new Duration(nanos);
}

function divisor(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelFailure(what);
  return value;
}

/** The order of two values that can be ordered: -1, 0 or 1. */
export function compareValues(left: Value, right: Value): number {
  const [one, other] = [numberOf(left), numberOf(right)];
  if (one !== undefined && other !== undefined) {
    if (Number.isNaN(one) || Number.isNaN(other)) throw new CelFailure('NaN values cannot be ordered');
    return one < other ? -1 : one > other ? 1 : 0;
  }
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if (left instanceof Timestamp && right instanceof Timestamp) return order(left.nanos, right.nanos);
  if (left instanceof Duration && right instanceof Duration) return order(left.nanos, right.nanos);
  throw new CelFailure('no such overload');
}

function order(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Adds lists: those of a schema keep what their items are known by. */
function addLists(left: ListValue, right: ListValue): Value {
  const { listType } = left;
  if (listType === undefined) return [...left, ...right];
  const joined =
    listType === 'set'
      ? [...left, ...right.filter((item) => !left.some((other) => valuesEqual(item, other)))]
      : joinByKeys(left, right, listType);
  return Object.assign(joined, { listType });
}

function joinByKeys(left: ListValue, right: ListValue, keys: readonly string[]): Value[] {
  const isSame = (one: Value, other: Value): boolean =>
    keys.every((key) => valuesEqual(memberOf(one, key) ?? null, memberOf(other, key) ?? null));
  const joined = left.map((item) => right.find((other) => isSame(item, other)) ?? item);
  return [...joined, ...right.filter((item) => !left.some((other) => isSame(item, other)))];
}

function memberOf(value: Value, key: string): Value | undefined {
  return typeof value === 'object' && value !== null && 'isMap' in value ? value.get(key) : undefined;
}

/** The place an index names; undefined when the list has none. */
function placeIn(items: ListValue, index: Value): number | undefined {
  const number = numberOf(index);
  if (number === undefined) throw new CelFailure('no such overload');
  if (typeof number === 'number' && !Number.isInteger(number))
    throw new CelFailure(`unsupported index value ${number} in list`);
  const place = Number(number);
  return place >= 0 && place < items.length ? place : undefined;
}

export function itemAt(items: ListValue, index: Value): Value {
  const place = placeIn(items, index);
  if (place === undefined) throw new CelFailure(`index out of bounds: ${numberOf(index)}`);
  return items[place] ?? null;
}

export function memberAt(members: MapValue, key: Value): Value {
  const found = members.get(key);
  if (found === undefined) throw new CelFailure(`no such key: ${keyText(key)}`);
  return found;
}

export function keyText(key: Value): string {
  return key instanceof Uint ? String(key.value) : String(key);
}

/** What `[?i]` finds. */
export function optionalAt(container: ListValue | MapValue, index: Value): Optional {
  if ('isMap' in container) {
    const found = container.get(index);
    return found === undefined ? none : new Optional(found);
  }
  const place = placeIn(container, index);
  return place === undefined ? none : new Optional(container[place] ?? null);
}

function optionally(container: Optional, index: Value): Optional {
  const { value } = container;
  if (value === undefined) return none;
  if (Array.isArray(value) || (typeof value === 'object' && value !== null && 'isMap' in value))
    return optionalAt(value as ListValue | MapValue, index);
  throw new CelFailure('no such overload');
}

const arithmetic: readonly Overload[] = [
  func('_+_', { id: 'add_bytes', args: [Y, Y], result: Y, run: (a, b) => Buffer.concat([a, b]) }),
  func('_+_', { id: 'add_double', args: [D, D], result: D, run: (a, b) => a + b }),
  func('_+_', {
    id: 'add_duration_duration',
    args: [SPAN, SPAN],
    result: SPAN,
    run: (a, b) => toSpan(a.nanos + b.nanos),
  }),
  func('_+_', {
    id: 'add_duration_timestamp',
    args: [SPAN, TIME],
    result: TIME,
    run: (a, b) => toTime(a.nanos + b.nanos),
  }),
  func('_+_', {
    id: 'add_timestamp_duration',
    args: [TIME, SPAN],
    result: TIME,
    run: (a, b) => toTime(a.nanos + b.nanos),
  }),
  func('_+_', { id: 'add_int64', args: [I, I], result: I, run: (a, b) => toInt(a + b) }),
  func('_+_', { id: 'add_list', args: [list(A), list(A)], result: list(A), run: addLists }),
  func('_+_', { id: 'add_string', args: [S, S], result: S, run: (a, b) => a + b }),
  func('_+_', { id: 'add_uint64', args: [U, U], result: U, run: (a, b) => toUint(a.value + b.value) }),
  func('_/_', { id: 'divide_double', args: [D, D], result: D, run: (a, b) => a / b }),
  func('_/_', {
    id: 'divide_int64',
    args: [I, I],
    result: I,
    run: (a, b) => toInt(a / divisor(b, 'division by zero')),
  }),
  func('_/_', {
    id: 'divide_uint64',
    args: [U, U],
    result: U,
    run: (a, b) => toUint(a.value / divisor(b.value, 'division by zero')),
  }),
  func('_%_', { id: 'modulo_int64', args: [I, I], result: I, run: (a, b) => a % divisor(b, 'modulus by zero') }),
  func('_%_', {
    id: 'modulo_uint64',
    args: [U, U],
    result: U,
    run: (a, b) => toUint(a.value % divisor(b.value, 'modulus by zero')),
  }),
  func('_*_', { id: 'multiply_double', args: [D, D], result: D, run: (a, b) => a * b }),
  func('_*_', { id: 'multiply_int64', args: [I, I], result: I, run: (a, b) => toInt(a * b) }),
  func('_*_', { id: 'multiply_uint64', args: [U, U], result: U, run: (a, b) => toUint(a.value * b.value) }),
  func('-_', { id: 'negate_double', args: [D], result: D, run: (a) => -a }),
  func('-_', { id: 'negate_int64', args: [I], result: I, run: (a) => toInt(-a) }),
  func('_-_', { id: 'subtract_double', args: [D, D], result: D, run: (a, b) => a - b }),
  func('_-_', {
    id: 'subtract_duration_duration',
    args: [SPAN, SPAN],
    result: SPAN,
    run: (a, b) => toSpan(a.nanos - b.nanos),
  }),
  func('_-_', { id: 'subtract_int64', args: [I, I], result: I, run: (a, b) => toInt(a - b) }),
  func('_-_', {
    id: 'subtract_timestamp_duration',
    args: [TIME, SPAN],
    result: TIME,
    run: (a, b) => toTime(a.nanos - b.nanos),
  }),
  func('_-_', {
    id: 'subtract_timestamp_timestamp',
    args: [TIME, TIME],
    result: SPAN,
    run: (a, b) => toSpan(a.nanos - b.nanos),
  }),
  func('_-_', { id: 'subtract_uint64', args: [U, U], result: U, run: (a, b) => toUint(a.value - b.value) }),
];

const logic: readonly Overload[] = [
  // These have code of their own in the evaluator: what fails may not matter.
  func('_?_:_', { id: 'conditional', args: [B, A, A], result: A, run: (a, b, c) => (a ? b : c) }),
  func('_&&_', { id: 'logical_and', args: [B, B], result: B, run: (a, b) => a && b }),
  func('_||_', { id: 'logical_or', args: [B, B], result: B, run: (a, b) => a || b }),
  func('@not_strictly_false', { id: 'not_strictly_false', args: [B], result: B, run: (a) => a }),
  func('!_', { id: 'logical_not', args: [B], result: B, run: (a) => !a }),
  func('_==_', { id: 'equals', args: [A, A], result: B, run: (a, b) => valuesEqual(a, b) }),
  func('_!=_', { id: 'not_equals', args: [A, A], result: B, run: (a, b) => !valuesEqual(a, b) }),
];

const ordered: readonly (readonly [string, Typed<Value>, Typed<Value>])[] = [
  ['bool', B, B],
  ['int64', I, I],
  ['int64_double', I, D],
  ['int64_uint64', I, U],
  ['uint64', U, U],
  ['uint64_double', U, D],
  ['uint64_int64', U, I],
  ['double', D, D],
  ['double_int64', D, I],
  ['double_uint64', D, U],
  ['string', S, S],
  ['bytes', Y, Y],
  ['timestamp', TIME, TIME],
  ['duration', SPAN, SPAN],
];

function comparison(name: string, id: string, holds: (order: number) => boolean): Overload[] {
  return ordered.map(([suffix, left, right]) =>
    func(name, { id: `${id}_${suffix}`, args: [left, right], result: B, run: (a, b) => holds(compareValues(a, b)) }),
  );
}

const containers: readonly Overload[] = [
  func('_[_]', { id: 'index_list', args: [list(A), I], result: A, run: itemAt }),
  func('_[_]', { id: 'index_map', args: [map(A, V), A], result: V, run: memberAt }),
  func('_[_]', { id: 'optional_list_index_int', args: [optional(list(A)), I], result: optional(A), run: optionally }),
  func('_[_]', {
    id: 'optional_map_index_value',
    args: [optional(map(A, V)), A],
    result: optional(V),
    run: optionally,
  }),
  func('_[?_]', { id: 'list_optindex_optional_int', args: [list(A), I], result: optional(A), run: optionalAt }),
  func('_[?_]', {
    id: 'optional_list_optindex_optional_int',
    args: [optional(list(A)), I],
    result: optional(A),
    run: optionally,
  }),
  func('_[?_]', { id: 'map_optindex_optional_value', args: [map(A, V), A], result: optional(V), run: optionalAt }),
  func('_[?_]', {
    id: 'optional_map_optindex_optional_value',
    args: [optional(map(A, V)), A],
    result: optional(V),
    run: optionally,
  }),
  func('@in', { id: 'in_list', args: [A, list(A)], result: B, run: (a, b) => b.some((item) => valuesEqual(a, item)) }),
  func('@in', { id: 'in_map', args: [A, map(A, V)], result: B, run: (a, b) => b.get(a) !== undefined }),
  ...[func, method].flatMap((kind, index) => {
    const suffix = index === 0 ? '' : '_inst';
    const [prefix, end] = index === 0 ? ['size_', ''] : ['', '_size'];
    const id = (name: string): string => (suffix === '' ? `${prefix}${name}` : `${name}${end}`);
    return [
      kind('size', { id: id('bytes'), args: [Y], result: I, run: (a) => BigInt(a.length) }),
      kind('size', { id: id('list'), args: [list(A)], result: I, run: (a) => BigInt(a.length) }),
      kind('size', { id: id('map'), args: [map(A, V)], result: I, run: (a) => BigInt(a.size) }),
      kind('size', { id: id('string'), args: [S], result: I, run: (a) => BigInt(codePoints(a)) }),
    ];
  }),
];

export const operatorFunctions: readonly Overload[] = [
  ...logic,
  ...arithmetic,
  ...comparison('_<_', 'less', (sign) => sign < 0),
  ...comparison('_<=_', 'less_equals', (sign) => sign <= 0),
  ...comparison('_>_', 'greater', (sign) => sign > 0),
  ...comparison('_>=_', 'greater_equals', (sign) => sign >= 0),
  ...containers,
];
