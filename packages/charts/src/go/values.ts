/**
 * The values templates compute with: JavaScript's own where Go's kind is clear, boxes where it is not.
 *
 * string: string (bytes that are no UTF-8: see utf8.ts) · bool: boolean · float64: number · map[string]interface {}: Map ·
 * []interface {}: Array · nil inside an interface: null · no value at all (Go's zero reflect.Value): undefined.
 */

/** `map[string]interface {}`; other map types carry a {@link Tag}. */
export type GoMap = Map<string, unknown>;

export type IntKind = 'int' | 'int64' | 'int32' | 'uint8' | 'uint32' | 'uint64';

/** Go's integers of every width; arithmetic wraps in the functions that do it. */
export class GoInt {
  readonly kind: IntKind;
  readonly value: bigint;

  constructor(kind: IntKind, value: bigint) {
    this.kind = kind;
    this.value = value;
  }
}

const smallInts: readonly GoInt[] = Array.from({ length: 257 }, (_, index) => new GoInt('int', BigInt(index)));

/** An `int`. A number outside 64 bits wraps. */
export function goInt(value: number | bigint): GoInt {
  if (typeof value === 'number' && value >= 0 && value <= 256) {
    const small = smallInts[value];
    if (small !== undefined) return small;
  }
  return new GoInt('int', BigInt.asIntN(64, BigInt(value)));
}

/** An `int64`. A number outside 64 bits wraps. */
export function goInt64(value: number | bigint): GoInt {
  return new GoInt('int64', BigInt.asIntN(64, BigInt(value)));
}

/** A `complex128`: only literals make one. */
export class GoComplex {
  readonly re: number;
  readonly im: number;

  constructor(re: number, im: number) {
    this.re = re;
    this.im = im;
  }
}

/** A `[]byte`. */
export class GoBytes {
  readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    this.data = data;
  }
}

/** A method that templates can call on an object. `args` are Go types; a last one such as `...string` is variadic. */
export interface GoMethod {
  readonly args: readonly string[];
  run(...args: never[]): unknown;
}

/** What a list or map has beyond the plain kinds: a named type, typed elements, methods, or that it is nil. */
export interface Tag {
  readonly type?: string;
  readonly elem?: string;
  readonly methods?: Readonly<Record<string, GoMethod>>;
  readonly isNil?: boolean;
  /** What a range gives for a key, where Go's keys are no texts; the map's own sort as Go would sort those. */
  readonly keyOf?: (key: string) => unknown;
}

/** A map with a {@link Tag}. */
export class TaggedMap extends Map<string, unknown> {
  readonly tag: Tag;

  constructor(tag: Tag, entries: Iterable<readonly [string, unknown]> = []) {
    super(entries);
    this.tag = tag;
  }
}

/** A map that is another one under a named type: both see what is set in either. */
export class MapView extends Map<string, unknown> {
  readonly tag: Tag;
  /** The map that is seen through this one. */
  readonly target: GoMap;

  constructor(tag: Tag, target: GoMap) {
    super();
    this.tag = tag;
    this.target = target;
  }

  override get size(): number {
    // The constructor of Map asks before there is a target.
    return (this.target as GoMap | undefined)?.size ?? 0;
  }

  override get(key: string): unknown {
    return this.target.get(key);
  }

  override has(key: string): boolean {
    return this.target.has(key);
  }

  override set(key: string, value: unknown): this {
    this.target.set(key, value);
    return this;
  }

  override delete(key: string): boolean {
    return this.target.delete(key);
  }

  override clear(): void {
    this.target.clear();
  }

  override keys(): MapIterator<string> {
    return this.target.keys();
  }

  override values(): MapIterator<unknown> {
    return this.target.values();
  }

  override entries(): MapIterator<[string, unknown]> {
    return this.target.entries();
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.target.entries();
  }

  override forEach(visit: (value: unknown, key: string, map: Map<string, unknown>) => void): void {
    this.target.forEach(visit);
  }
}

/** A list with a {@link Tag}: `[]string`, `chartutil.VersionSet`. */
export type TaggedList = unknown[] & { readonly tag: Tag };

/** Marks `items` (which must be no one else's) with `tag`. */
export function taggedList(tag: Tag, items: unknown[]): TaggedList {
  return Object.assign(items, { tag });
}

/** A `[]string`. */
export function stringList(items: string[]): TaggedList {
  return taggedList({ elem: 'string' }, items);
}

/** The tag of a list or map, if it has one. */
export function tagOf(value: object): Tag | undefined {
  return (value as { tag?: Tag }).tag;
}

/** A Go struct, or a pointer to one. */
export abstract class GoObject {
  /** As `%T` prints it. */
  abstract readonly type: string;
  readonly kind: 'struct' | 'ptr' = 'struct';

  /** The exported fields in order of declaration. */
  fields(): readonly (readonly [string, unknown])[] {
    return [];
  }

  field(name: string): unknown {
    return this.fields().find(([key]) => key === name)?.[1];
  }

  method(_name: string): GoMethod | undefined {
    return undefined;
  }

  /** What String() or Error() gives; undefined for types that have neither. */
  text(): string | undefined {
    return undefined;
  }

  /** What an action prints where a String method needs a pointer; undefined for all others. */
  printedText(): string | undefined {
    return undefined;
  }

  /** reflect.DeepEqual with another of the same type. */
  equals(other: GoObject): boolean {
    return JSON.stringify(this.fields()) === JSON.stringify(other.fields());
  }

  /** What encoding/json makes of it; its exported fields by default. */
  toJsonValue(): unknown {
    return new Map(this.fields());
  }

  /** What yaml.v3 makes of it: fields by their names in lower case. */
  toYamlValue(): unknown {
    return new Map(this.fields().map(([name, value]) => [name.toLowerCase(), value]));
  }
}

/** A list of values, tagged or not. */
export function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

/** A map of any type. */
export function isMap(value: unknown): value is GoMap {
  return value instanceof Map;
}

/** True for the nil maps and slices that typed nils become. */
export function isNilContainer(value: unknown): boolean {
  return (isList(value) || isMap(value)) && tagOf(value)?.isNil === true;
}

/** The element type of a list or map, as Go writes it. */
export function elemTypeOf(value: object): string {
  return tagOf(value)?.elem ?? 'interface {}';
}

/** The type as `%T` prints it; `<nil>` for none. */
export function typeName(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    case 'object':
      return value === null ? '<nil>' : objectTypeName(value);
    default:
      return '<nil>';
  }
}

function objectTypeName(value: object): string {
  if (value instanceof Map) return tagOf(value)?.type ?? `map[string]${elemTypeOf(value)}`;
  if (Array.isArray(value)) return tagOf(value)?.type ?? `[]${elemTypeOf(value)}`;
  if (value instanceof GoInt) return value.kind;
  if (value instanceof GoObject) return value.type;
  if (value instanceof GoBytes) return '[]uint8';
  if (value instanceof GoComplex) return 'complex128';
  throw new Error(`bug: a value of a kind no template has: ${Object.prototype.toString.call(value)}`);
}

/** reflect's Kind as text, as sprig's kindOf prints it; `invalid` for nil. */
export function kindName(value: unknown): string {
  if (value instanceof Map) return 'map';
  if (Array.isArray(value) || value instanceof GoBytes) return 'slice';
  if (value instanceof GoObject) return value.kind;
  const name = typeName(value);
  return name === '<nil>' ? 'invalid' : name;
}

/** Truth as `if` sees it. */
export function isTrue(value: unknown): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return value.length > 0;
    case 'number':
      return value !== 0;
    case 'object':
      if (value === null) return false;
      if (value instanceof Map) return value.size > 0;
      if (Array.isArray(value)) return value.length > 0;
      if (value instanceof GoInt) return value.value !== 0n;
      if (value instanceof GoBytes) return value.data.length > 0;
      if (value instanceof GoComplex) return value.re !== 0 || value.im !== 0;
      return true;
    default:
      return false;
  }
}
