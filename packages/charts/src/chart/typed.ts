/** Reads YAML into the shapes of Go structs: numbers and booleans become text where text is wanted. */

import { printText } from '../go/fmt.ts';
import { jsonKind } from '../go/json-decode.ts';
import { GoInt } from '../go/values.ts';
import { formatFloat32 } from '../yaml/decode.ts';

/** A value of the wrong kind; the message is json's. */
export class TypeMismatch extends Error {
  override readonly name = 'TypeMismatch';

  constructor(value: unknown, place: string, goType: string, message?: string) {
    const kind = value instanceof GoInt ? 'number' : jsonKind(value);
    super(message ?? `json: cannot unmarshal ${kind} into Go ${place} of type ${goType}`);
  }
}

/** A mapping whose members are looked up as encoding/json does it: by name, else without regard to case. */
export class TypedMapping {
  private readonly map: ReadonlyMap<string, unknown>;
  /** Such as `Metadata`; '' for an anonymous struct. */
  private readonly goType: string;
  /** The members that led here. */
  private readonly path: string;

  constructor(value: unknown, goType: string, place = `value of type ${goType}`, path = '') {
    if (value !== null && value !== undefined && !(value instanceof Map)) {
      const [head = '', ...rest] = place.split(' of type ');
      throw new TypeMismatch(value, head, rest.join(' of type '));
    }
    this.map = value ?? new Map<string, unknown>();
    this.goType = goType.replace(/^.*\./, '');
    this.path = path;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined && this.raw(name) !== null;
  }

  raw(name: string): unknown {
    if (this.map.has(name)) return this.map.get(name);
    const lower = name.toLowerCase();
    for (const [key, value] of this.map) if (key.toLowerCase() === lower) return value;
    return undefined;
  }

  private place(name: string): string {
    return `struct field ${this.goType}.${this.path}${name}`;
  }

  /** '' when absent. */
  text(name: string): string {
    return toText(this.raw(name), this.place(name));
  }

  flag(name: string): boolean {
    const value = this.raw(name);
    if (value === undefined || value === null) return false;
    if (typeof value !== 'boolean') throw new TypeMismatch(value, this.place(name), 'bool');
    return value;
  }

  list<Item>(name: string, goType: string, read: (item: unknown) => Item): Item[] | undefined {
    const value = this.raw(name);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) throw new TypeMismatch(value, this.place(name), goType);
    return value.map(read);
  }

  texts(name: string): string[] | undefined {
    return this.list(name, '[]string', (item) => toText(item, this.place(name)));
  }

  textMap(name: string): Record<string, string> | undefined {
    const value = this.raw(name);
    if (value === undefined || value === null) return undefined;
    if (!(value instanceof Map)) throw new TypeMismatch(value, this.place(name), 'map[string]string');
    const map = value as ReadonlyMap<string, unknown>;
    return Object.fromEntries([...map].map(([key, item]) => [key, toText(item, this.place(name))]));
  }
}

function toText(value: unknown, place: string): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return String(value);
    case 'number':
      return formatFloat32(value);
    default:
      if (value === null || value === undefined) return '';
      if (value instanceof GoInt) return printText(value);
      throw new TypeMismatch(value, place, 'string');
  }
}
