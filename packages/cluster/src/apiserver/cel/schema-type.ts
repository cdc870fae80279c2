/** The type a schema gives its values in rules, and how large they can be. Source: apiserver pkg/cel/common/schemas.go. */

import { isRecord } from '@towpath/kit';
import type { JsonSchema } from '../custom/json-schema.ts';
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
  stringType,
  timestampType,
  type Type,
} from './types.ts';

/** A type with the bounds costs are estimated with. */
export interface SchemaType {
  readonly type: Type;
  /** Of elements or characters. */
  readonly maxElements: number;
  /** Bytes of the smallest value as JSON. */
  readonly minSize: number;
  readonly element?: SchemaType;
  /** By their names in rules. */
  readonly fields?: ReadonlyMap<string, SchemaType>;
}

/** Of a request, in bytes: nothing larger reaches a rule. */
export const maxRequestBytes = 3 * 1024 * 1024;

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** A member's name as rules write it; undefined when they cannot. */
export function escapeName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  return name.replace(/__|[.\-/]/g, (part) => escapes[part] ?? part);
}

const escapes: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** Members every object has, whatever its schema says. */
export function withObjectMembers(schema: JsonSchema): JsonSchema {
  const text: JsonSchema = { type: 'string' };
  const metadata: JsonSchema = { type: 'object', properties: { name: text, generateName: text } };
  return { ...schema, properties: { ...schema.properties, kind: text, apiVersion: text, metadata } };
}

/** The type of a schema's values; undefined for what rules cannot see. `name` is that of object types. */
export function schemaType(schema: JsonSchema, isResource: boolean, name: string): SchemaType | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return { type: dynType, maxElements: textLimit(schema), minSize: 1 };
  const full = isResource ? withObjectMembers(schema) : schema;
  switch (full.type) {
    case 'array':
      return listType(full, name);
    case 'object':
      return isRecord(full.additionalProperties) ? mapType(full, name) : objectOf(full, name);
    case 'string':
      return textType(full);
    case 'boolean':
      return { type: boolType, maxElements: 0, minSize: 4 };
    case 'number':
      return { type: doubleType, maxElements: 0, minSize: 1 };
    case 'integer':
      return { type: intType, maxElements: 0, minSize: 1 };
    default:
      return undefined;
  }
}

function isEmbedded(schema: JsonSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

function listType(schema: JsonSchema, name: string): SchemaType | undefined {
  const { items, maxItems } = schema;
  const element = items === undefined ? undefined : schemaType(items, isEmbedded(items), `${name}.@idx`);
  if (element === undefined) return undefined;
  const most = Math.floor((maxRequestBytes - 2) / (element.minSize + 1));
  return { type: listOf(element.type), maxElements: Math.max(0, maxItems ?? most), minSize: 2, element };
}

function mapType(schema: JsonSchema, name: string): SchemaType | undefined {
  const inner = schema.additionalProperties as JsonSchema;
  const element = schemaType(inner, isEmbedded(inner), `${name}.@elem`);
  if (element === undefined) return undefined;
  const most = Math.floor((maxRequestBytes - 2) / (element.minSize + 6));
  return {
    type: mapOf(stringType, element.type),
    maxElements: Math.max(0, schema.maxProperties ?? most),
    minSize: 2,
    element,
  };
}

function objectOf(schema: JsonSchema, name: string): SchemaType {
  const fields = new Map<string, SchemaType>();
  let minSize = 2;
  for (const [member, inner] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(member);
    const type = schemaType(inner, isEmbedded(inner), `${name}.${escaped ?? member}`);
    if (type === undefined) continue;
    if (escaped !== undefined) fields.set(escaped, type);
    if (schema.required?.includes(member) === true && inner.default === undefined)
      minSize += Buffer.byteLength(member) + type.minSize + 4;
  }
  return { type: objectType(name), maxElements: 0, minSize, fields };
}

function textType(schema: JsonSchema): SchemaType {
  switch (schema.format) {
    case 'byte':
      return { type: bytesType, maxElements: Math.max(0, schema.maxLength ?? maxRequestBytes - 2), minSize: 2 };
    case 'duration':
      return { type: durationType, maxElements: 32, minSize: 3 };
    case 'date':
      return { type: timestampType, maxElements: 12, minSize: 12 };
    case 'date-time':
      return { type: timestampType, maxElements: 32, minSize: 21 };
    default:
      return { type: stringType, maxElements: textLimit(schema), minSize: 2 };
  }
}

/** Characters may take four bytes. */
function textLimit(schema: JsonSchema): number {
  if (schema.maxLength !== undefined) return Math.max(0, schema.maxLength) * 4;
  if (schema.enum !== undefined && schema.enum.length > 0 && schema['x-kubernetes-int-or-string'] !== true)
    return Math.max(...schema.enum.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
  return maxRequestBytes - 2;
}

/** Members of all object types in a type, by name. */
export function objectMembers(root: SchemaType): Map<string, ReadonlyMap<string, Type>> {
  const found = new Map<string, ReadonlyMap<string, Type>>();
  const visit = (type: SchemaType): void => {
    if (type.fields !== undefined) {
      found.set(type.type.name, new Map([...type.fields].map(([name, field]) => [name, field.type])));
      for (const field of type.fields.values()) visit(field);
    }
    if (type.element !== undefined) visit(type.element);
  };
  visit(root);
  return found;
}
