/** Brings decoded JSON of a built-in type into the form Go would write it: types checked, unknown members dropped. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { badRequest } from '../http/status.ts';
import { canonicalQuantity } from './quantity.ts';
import type { Field, ListSchema, MapSchema, ScalarSchema, Schema, StructSchema } from './schema.ts';

/** Where findings go while one object is normalised. */
export interface NormaliseReport {
  /** Paths of members the schema does not name, e.g. `spec.template.foo`. */
  readonly unknown: string[];
}

/** Thrown as 400 with Go's words when a value has the wrong JSON type. */
function mismatch(value: unknown, path: string, goType: string): Error {
  const found = Array.isArray(value)
    ? 'array'
    : isRecord(value)
      ? 'object'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value;
  return badRequest(`json: cannot unmarshal ${found} into Go struct field ${path} of type ${goType}`);
}

/** Returns a new value in canonical form. `path` names the value in errors. Throws a 400 on a type mismatch. */
export function normalise(value: unknown, schema: Schema, path: string, report: NormaliseReport): unknown {
  switch (schema.kind) {
    case 'struct':
      return normaliseStruct(value, schema, path, report);
    case 'map':
      return normaliseMap(value, schema, path, report);
    case 'list':
      return normaliseList(value, schema, path, report);
    case 'scalar':
      return normaliseScalar(value, schema, path);
  }
}

function normaliseStruct(value: unknown, schema: StructSchema, path: string, report: NormaliseReport): UnknownRecord {
  if (value !== null && value !== undefined && !isRecord(value)) throw mismatch(value, path, lastPart(schema.typeName));
  const input = value ?? {};
  const result: UnknownRecord = {};
  for (const [name, field] of schema.fields) {
    const given = (input as UnknownRecord)[name];
    if (given === undefined || given === null) {
      if (field.alwaysWritten) result[name] = zeroValue(field.schema, report);
      continue;
    }
    const member = normalise(given, field.schema, path === '' ? name : `${path}.${name}`, report);
    if (field.alwaysWritten || field.pointer || !isEmpty(member, field.schema)) result[name] = member;
  }
  for (const name of Object.keys(input)) {
    if (!schema.fields.has(name)) {
      if (schema.preserveUnknown) result[name] = (input as UnknownRecord)[name];
      else report.unknown.push(path === '' ? name : `${path}.${name}`);
    }
  }
  return result;
}

function lastPart(typeName: string): string {
  const parts = typeName.split('.');
  return parts.slice(-2).join('.');
}

/** What Go writes for a member that was never set. */
function zeroValue(schema: Schema, report: NormaliseReport): unknown {
  if (schema.kind === 'struct') return normaliseStruct({}, schema, '', report);
  if (schema.kind !== 'scalar') return null;
  switch (schema.type) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    case 'int32':
    case 'int64':
    case 'float':
    case 'intOrString':
      return 0;
    default:
      return null;
  }
}

/** True for what omitempty leaves out. Structs and special types are never empty. */
function isEmpty(value: unknown, schema: Schema): boolean {
  if (schema.kind === 'struct') return false;
  if (schema.kind === 'list') return Array.isArray(value) && value.length === 0;
  if (schema.kind === 'map') return isRecord(value) && Object.keys(value).length === 0;
  if (schema.typeName !== undefined) return false;
  return value === '' || value === 0 || value === false;
}

function normaliseMap(value: unknown, schema: MapSchema, path: string, report: NormaliseReport): UnknownRecord {
  if (!isRecord(value)) throw mismatch(value, path, `map[string]${goType(schema.element)}`);
  const result: UnknownRecord = {};
  for (const [key, item] of Object.entries(value)) {
    result[key] =
      item === null ? zeroValue(schema.element, report) : normalise(item, schema.element, `${path}[${key}]`, report);
  }
  return result;
}

function normaliseList(value: unknown, schema: ListSchema, path: string, report: NormaliseReport): unknown[] {
  if (!Array.isArray(value)) throw mismatch(value, path, `[]${goType(schema.element)}`);
  return value.map((item, index) =>
    item === null ? zeroValue(schema.element, report) : normalise(item, schema.element, `${path}[${index}]`, report),
  );
}

function goType(schema: Schema): string {
  if (schema.kind === 'struct') return lastPart(schema.typeName);
  if (schema.kind === 'map') return `map[string]${goType(schema.element)}`;
  if (schema.kind === 'list') return `[]${goType(schema.element)}`;
  const names: Partial<Record<ScalarSchema['type'], string>> = {
    boolean: 'bool',
    float: 'float64',
    bytes: '[]uint8',
    time: 'v1.Time',
    microTime: 'v1.MicroTime',
  };
  return names[schema.type] ?? schema.type;
}

function quantity(text: string): string {
  const canonical = canonicalQuantity(text);
  if (canonical !== undefined) return canonical;
  throw badRequest(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`);
}

function normaliseScalar(value: unknown, schema: ScalarSchema, path: string): unknown {
  switch (schema.type) {
    case 'any':
      return value;
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, path, 'string');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(value, path, 'bool');
      return value;
    case 'int32':
    case 'int64':
      if (typeof value !== 'number') throw mismatch(value, path, schema.type);
      if (!Number.isInteger(value)) throw mismatchNumber(value, path, schema.type);
      if (schema.type === 'int32' && Math.abs(value) > 2 ** 31) throw mismatchNumber(value, path, schema.type);
      return value;
    case 'float':
      if (typeof value !== 'number') throw mismatch(value, path, 'float64');
      return value;
    case 'bytes':
      return base64(value, path);
    case 'time':
    case 'microTime':
      return time(value, path, schema.type);
    case 'quantity':
      if (typeof value !== 'string' && typeof value !== 'number') throw mismatch(value, path, 'resource.Quantity');
      return quantity(String(value).trim());
    case 'intOrString':
      if (typeof value !== 'string' && typeof value !== 'number') throw mismatch(value, path, 'intstr.IntOrString');
      return value;
  }
}

function mismatchNumber(value: number, path: string, goName: string): Error {
  return badRequest(`json: cannot unmarshal number ${value} into Go struct field ${path} of type ${goName}`);
}

function base64(value: unknown, path: string): string {
  if (typeof value !== 'string') throw mismatch(value, path, '[]uint8');
  const compact = value.replace(/[\r\n]/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    const at = /[^A-Za-z0-9+/]/.exec(compact)?.index ?? Math.max(0, compact.length - 1);
    throw badRequest(`illegal base64 data at input byte ${at}`);
  }
  return compact;
}

function time(value: unknown, path: string, type: 'time' | 'microTime'): string {
  if (typeof value !== 'string') throw mismatch(value, path, type === 'time' ? 'v1.Time' : 'v1.MicroTime');
  const ms = Date.parse(value);
  if (Number.isNaN(ms) || !/^\d{4}-\d\d-\d\d[Tt]/.test(value)) {
    const quoted = JSON.stringify(value);
    throw badRequest(`parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`);
  }
  const iso = new Date(ms).toISOString();
  if (type === 'time') return iso.replace(/\.\d{3}Z$/, 'Z');
  const micros = /\.(\d{1,6})/.exec(value)?.[1] ?? '';
  return iso.replace(/\.\d{3}Z$/, `.${micros.padEnd(6, '0')}Z`);
}

/** True when Go's omitempty would leave the member out; used by the protobuf decoder. */
export function isOmitted(value: unknown, field: Field): boolean {
  return !field.alwaysWritten && !field.pointer && isEmpty(value, field.schema);
}
