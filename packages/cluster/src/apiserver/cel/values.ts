/** CEL values in JavaScript: int is bigint, double number, list array; the rest are the classes of this file. */

/** What an expression can come to. */
export type Value =
  | bigint
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | Uint
  | ListValue
  | MapValue
  | Timestamp
  | Duration
  | TypeValue
  | Optional
  | Opaque;

/** A list; lists of a schema may compare and add as sets, or by the keys of their items. */
export interface ListValue extends ReadonlyArray<Value> {
  readonly listType?: 'set' | readonly string[];
}

/** An unsigned number of 64 bits. */
export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** A map or an object. Iteration order is that of insertion. */
export interface MapValue {
  readonly isMap: true;
  readonly size: number;
  /** undefined when the key is not there. */
  get(key: Value): Value | undefined;
  keys(): readonly Value[];
}

/** A map a rule wrote or a macro made. */
export class EntryMap implements MapValue {
  readonly isMap = true;
  readonly #entries = new Map<unknown, readonly [Value, Value]>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  /** False when the key is there already. */
  insert(key: Value, value: Value): boolean {
    const own = keyOf(key);
    if (this.#entries.has(own)) return false;
    this.#entries.set(own, [key, value]);
    return true;
  }

  keys(): readonly Value[] {
    return [...this.#entries.values()].map(([key]) => key);
  }
}

/** Numbers that are equal are one key, whatever their type. */
function keyOf(key: Value): unknown {
  if (key instanceof Uint) return key.value;
  if (typeof key === 'number' && Number.isInteger(key)) return BigInt(key);
  return key;
}

/** A point in time, in nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A span of time, in nanoseconds. */
export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** What `type(x)` gives, and names such as `int`. */
export class TypeValue {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A value that may be absent. */
export class Optional {
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export const none = new Optional(undefined);

/** A value of a Kubernetes type; `size` counts for costs, undefined for 1. */
export abstract class Opaque {
  abstract readonly typeName: string;

  abstract equals(other: Opaque): boolean;

  get size(): number | undefined {
    return undefined;
  }
}

/** Why an evaluation failed; logic operators may absorb it. */
export class CelFailure extends Error {
  override readonly name = 'CelFailure';
}

/** An evaluation that became too expensive: nothing absorbs it. */
export class CelOverBudget extends Error {
  override readonly name = 'CelOverBudget';
}

export function isMapValue(value: Value): value is MapValue {
  return typeof value === 'object' && value !== null && 'isMap' in value;
}

export function isList(value: Value): value is ListValue {
  return Array.isArray(value);
}

/** The name of a value's type, as `type()` and errors have it. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    default:
  }
  if (value === null) return 'null_type';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof Opaque) return value.typeName;
  return isList(value) ? 'list' : 'map';
}

/** Equality: numbers by value, lists and maps by their members, different types are unequal. */
export function valuesEqual(left: Value, right: Value): boolean {
  if (left === right) return true;
  const numbers = [numberOf(left), numberOf(right)];
  // Loose comparison of bigint and number is exact.
  // oxlint-disable-next-line eqeqeq
  if (numbers[0] !== undefined && numbers[1] !== undefined) return numbers[0] == numbers[1];
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (left instanceof Uint8Array) return right instanceof Uint8Array && Buffer.from(left).equals(right);
  if (left instanceof Timestamp) return right instanceof Timestamp && left.nanos === right.nanos;
  if (left instanceof Duration) return right instanceof Duration && left.nanos === right.nanos;
  if (left instanceof TypeValue) return right instanceof TypeValue && left.name === right.name;
  if (left instanceof Opaque) return right instanceof Opaque && left.typeName === right.typeName && left.equals(right);
  if (left instanceof Optional) {
    if (!(right instanceof Optional)) return false;
    if (left.value === undefined || right.value === undefined) return left.value === right.value;
    return valuesEqual(left.value, right.value);
  }
  if (isList(left)) return isList(right) && listsEqual(left, right);
  return isMapValue(left) && isMapValue(right) && mapsEqual(left, right);
}

/** The number a value is, for comparing across numeric types. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
}

function listsEqual(left: ListValue, right: ListValue): boolean {
  if (left.length !== right.length) return false;
  if (left.listType === undefined) {
    return left.every((item, index) => valuesEqual(item, right[index] ?? null));
  }
  return left.every((item) => right.some((other) => valuesEqual(item, other)));
}

function mapsEqual(left: MapValue, right: MapValue): boolean {
  if (left.size !== right.size) return false;
  return left.keys().every((key) => {
    const own = left.get(key);
    const other = right.get(key);
    return own !== undefined && other !== undefined && valuesEqual(own, other);
  });
}

/** What a value counts for costs: characters, bytes, members; 1 for everything else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Optional) return value.value === undefined ? 1 : sizeOf(value.value);
  if (value instanceof Opaque) return value.size ?? 1;
  if (isList(value)) return value.length;
  return isMapValue(value) ? value.size : 1;
}

/** The number of characters, not of UTF-16 units. */
export function codePoints(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}
