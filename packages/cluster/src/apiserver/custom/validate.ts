/** Validates values against an OpenAPI v3 schema, in the words of a real server. */

import { RE2JS } from 're2js';
import { isRecord, jsonEqual, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { formatProblem } from './formats.ts';
import { memberSchema, type JsonSchema } from './json-schema.ts';

/** The causes for which `value` does not satisfy `schema`. */
export function validateValue(value: unknown, schema: JsonSchema, path: string): StatusCause[] {
  if (value === null) return schema.nullable === true || !hasType(schema) ? [] : [typeCause(value, schema, path)];
  const causes: StatusCause[] = [];
  if (!typeMatches(value, schema)) return [typeCause(value, schema, path)];
  if (schema.enum !== undefined && !schema.enum.some((item) => jsonEqual(item, value))) {
    causes.push(enumCause(path, value, schema.enum));
  }
  if (typeof value === 'string') causes.push(...validateString(value, schema, path));
  if (typeof value === 'number') causes.push(...validateNumber(value, schema, path));
  if (Array.isArray(value)) causes.push(...validateList(value, schema, path));
  if (isRecord(value)) causes.push(...validateRecord(value, schema, path));
  causes.push(...validateLogic(value, schema, path));
  return causes;
}

function hasType(schema: JsonSchema): boolean {
  return schema.type !== undefined && schema.type !== '';
}

function typeMatches(value: unknown, schema: JsonSchema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value));
  }
  switch (schema.type) {
    case 'object':
      return isRecord(value);
    case 'array':
      return Array.isArray(value);
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    default:
      return true;
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function typeCause(value: unknown, schema: JsonSchema, path: string): StatusCause {
  const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? '');
  const found = typeName(value);
  return {
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${JSON.stringify(found)}: ${inBody(path)} must be of type ${wanted}: ${JSON.stringify(found)}`,
    field: path === '' ? '<nil>' : path,
  };
}

function inBody(path: string): string {
  return `${path} in body`;
}

function enumCause(path: string, value: unknown, allowed: readonly unknown[]): StatusCause {
  const list = allowed.map((item) => JSON.stringify(item)).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`,
    field: path,
  };
}

function validateString(value: string, schema: JsonSchema, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { length } = Array.from(value);
  if (schema.maxLength !== undefined && length > schema.maxLength) causes.push(cause.tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength) {
    causes.push(cause.invalid(path, value, `${inBody(path)} should be at least ${schema.minLength} chars long`));
  }
  if (schema.pattern !== undefined && !RE2JS.compile(schema.pattern).matcher(value).find()) {
    causes.push(cause.invalid(path, value, `${inBody(path)} should match '${schema.pattern}'`));
  }
  if (schema.format !== undefined && formatProblem(schema.format, value)) {
    causes.push(
      cause.invalid(path, value, `${inBody(path)} must be of type ${schema.format}: ${JSON.stringify(value)}`),
    );
  }
  return causes;
}

function validateNumber(value: number, schema: JsonSchema, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const relation = schema.exclusiveMinimum === true ? 'greater than' : 'greater than or equal to';
    causes.push(cause.invalid(path, value, `${inBody(path)} should be ${relation} ${minimum}`));
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const relation = schema.exclusiveMaximum === true ? 'less than' : 'less than or equal to';
    causes.push(cause.invalid(path, value, `${inBody(path)} should be ${relation} ${maximum}`));
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    causes.push(cause.invalid(path, value, `${inBody(path)} should be a multiple of ${multipleOf}`));
  }
  return causes;
}

function validateList(value: readonly unknown[], schema: JsonSchema, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { items, minItems, maxItems } = schema;
  if (minItems !== undefined && value.length < minItems) {
    causes.push(cause.invalid(path, value.length, `${inBody(path)} should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) {
    causes.push({
      reason: 'FieldValueTooMany',
      message: `Too many: ${value.length}: must have at most ${maxItems} items`,
      field: path,
    });
  }
  causes.push(...duplicates(value, schema, path));
  if (items !== undefined)
    value.forEach((item, index) => causes.push(...validateValue(item, items, `${path}[${index}]`)));
  return causes;
}

function duplicates(value: readonly unknown[], schema: JsonSchema, path: string): StatusCause[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  const isMap = schema['x-kubernetes-list-type'] === 'map' && keys !== undefined;
  if (!isMap && schema['x-kubernetes-list-type'] !== 'set' && schema.uniqueItems !== true) return [];
  const identity = (item: unknown): unknown =>
    isMap && isRecord(item)
      ? Object.fromEntries(keys.map((key) => [key, item[key] ?? memberSchema(schema.items ?? {}, key)?.default]))
      : item;
  const seen = new Set<string>();
  const causes: StatusCause[] = [];
  value.forEach((item, index) => {
    const text = JSON.stringify(identity(item));
    if (seen.has(text)) causes.push(cause.duplicate(`${path}[${index}]`, identity(item)));
    seen.add(text);
  });
  return causes;
}

function validateRecord(value: UnknownRecord, schema: JsonSchema, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) causes.push(cause.required(at(name)));
  }
  const count = Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    causes.push(cause.invalid(path, count, `${inBody(path)} should have at least ${schema.minProperties} properties`));
  }
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    causes.push({
      reason: 'FieldValueTooMany',
      message: `Too many: ${count}: must have at most ${schema.maxProperties} items`,
      field: path,
    });
  }
  for (const [name, member] of Object.entries(value)) {
    const inner = memberSchema(schema, name);
    if (inner !== undefined && member !== undefined) causes.push(...validateValue(member, inner, at(name)));
  }
  return causes;
}

function validateLogic(value: unknown, schema: JsonSchema, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const ok = (inner: JsonSchema): boolean => validateValue(value, inner, path).length === 0;
  for (const inner of schema.allOf ?? []) causes.push(...validateValue(value, inner, path));
  if (schema.anyOf !== undefined && !schema.anyOf.some(ok)) {
    causes.push(cause.invalid(path, value, `${inBody(path)} must validate at least one schema (anyOf)`));
  }
  if (schema.oneOf !== undefined) {
    const matches = schema.oneOf.filter(ok).length;
    if (matches !== 1)
      causes.push(
        cause.invalid(
          path,
          value,
          `${inBody(path)} must validate one and only one schema (oneOf). Found ${matches === 0 ? 'none valid' : `${matches} valid alternatives`}`,
        ),
      );
  }
  if (schema.not !== undefined && ok(schema.not)) {
    causes.push(cause.invalid(path, value, `${inBody(path)} must not validate the schema (not)`));
  }
  return causes;
}
