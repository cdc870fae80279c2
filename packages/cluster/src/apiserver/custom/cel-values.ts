/** JSON values as CEL values, by their schema. Members are made when a rule looks at them. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { parseSpan, parseTime } from '../cel/functions/conversions.ts';
import { escapeName, withObjectMembers } from '../cel/schema-type.ts';
import type { MapValue, Value } from '../cel/values.ts';
import { memberSchema, type JsonSchema } from './json-schema.ts';

/** The value to bind; `isResource` where kind, apiVersion and name can be seen whatever the schema says. */
export function toCel(value: unknown, schema: JsonSchema, isResource: boolean): Value {
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'number' ? BigInt(Math.trunc(value)) : String(value);
  if (typeof value === 'number') return schema.type === 'number' ? value : wholeNumber(value);
  if (typeof value === 'string') return textValue(value, schema.format);
  if (typeof value === 'boolean' || value === null || value === undefined) return value ?? null;
  if (Array.isArray(value)) return listValue(value, schema);
  const full = isResource || schema['x-kubernetes-embedded-resource'] === true ? withObjectMembers(schema) : schema;
  return isRecord(value) ? new Members(value, full) : null;
}

function wholeNumber(value: number): Value {
  return Number.isInteger(value) ? BigInt(value) : value;
}

function textValue(value: string, format: string | undefined): Value {
  switch (format) {
    case 'date-time':
      return parseTime(value) ?? value;
    case 'date':
      return parseTime(`${value}T00:00:00Z`) ?? value;
    case 'duration':
      return parseSpan(value) ?? value;
    case 'byte':
      return Buffer.from(value, 'base64');
    default:
      return value;
  }
}

function listValue(items: readonly unknown[], schema: JsonSchema): Value {
  const values = items.map((item) => toCel(item, schema.items ?? {}, false));
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return Object.assign(values, { listType: 'set' as const });
    case 'map': {
      const keys = schema['x-kubernetes-list-map-keys'] ?? [];
      return Object.assign(values, { listType: keys.map((key) => escapeName(key) ?? key) });
    }
    default:
      return values;
  }
}

/** An object or a map. Members no schema describes are not there. */
class Members implements MapValue {
  readonly isMap = true;
  readonly #value: UnknownRecord;
  readonly #schema: JsonSchema;
  /** JSON names by what rules call them. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #made = new Map<string, Value>();

  constructor(value: UnknownRecord, schema: JsonSchema) {
    this.#value = value;
    this.#schema = schema;
    const isObject = !isRecord(schema.additionalProperties);
    const names = Object.keys(value).flatMap((name): [string, string][] => {
      if (value[name] === undefined || memberSchema(schema, name) === undefined) return [];
      const shown = isObject ? escapeName(name) : name;
      return shown === undefined ? [] : [[shown, name]];
    });
    this.#names = new Map(names);
  }

  get size(): number {
    return this.#names.size;
  }

  keys(): readonly Value[] {
    return [...this.#names.keys()];
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const name = this.#names.get(key);
    const schema = name === undefined ? undefined : memberSchema(this.#schema, name);
    if (name === undefined || schema === undefined) return undefined;
    const made = toCel(this.#value[name], schema, false);
    this.#made.set(key, made);
    return made;
  }
}
