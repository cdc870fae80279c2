/** Decodes Kubernetes protobuf bodies with the numbers of the type table. Source: apimachinery runtime/serializer/protobuf. */

import type { UnknownRecord } from '@towpath/kit';
import { badRequest } from '../http/status.ts';
import { isOmitted } from './normalise.ts';
import { ProtoReader, type ProtoValue } from './proto-reader.ts';
import type { Field, ScalarSchema, Schema, StructSchema } from './schema.ts';
import type { TypeTable } from './type-table.ts';

/** True for the media type of Kubernetes protobuf. */
export function isProtobuf(mediaType: string): boolean {
  return mediaType === 'application/vnd.kubernetes.protobuf';
}

const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** Decodes `k8s\0` + runtime.Unknown into an object with apiVersion and kind. Throws a 400. */
export function decodeProtobuf(body: Uint8Array, types: TypeTable): UnknownRecord {
  if (Buffer.compare(body.subarray(0, 4), magic) !== 0) {
    throw badRequest('the body is not Kubernetes protobuf: it does not start with its prefix');
  }
  const envelope = new ProtoReader(body.subarray(4)).fields();
  const typeMeta = new ProtoReader(bytesOf(envelope, 1)).fields();
  const apiVersion = textOf(typeMeta, 1);
  const kind = textOf(typeMeta, 2);
  const raw = bytesOf(envelope, 2);
  if (textOf(envelope, 4) === 'application/json') return JSON.parse(Buffer.from(raw).toString('utf8')) as UnknownRecord;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const schema =
    types.forKind(group, apiVersion.slice(slash + 1), kind) ??
    (isOptions(kind) ? types.forKind('', 'v1', kind) : undefined);
  if (schema === undefined) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return { kind, apiVersion, ...decodeStruct(raw, schema, types) };
}

function isOptions(kind: string): boolean {
  return kind === 'DeleteOptions';
}

function bytesOf(fields: Map<number, ProtoValue[]>, number: number): Uint8Array {
  const value = fields.get(number)?.at(-1);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function textOf(fields: Map<number, ProtoValue[]>, number: number): string {
  return Buffer.from(bytesOf(fields, number)).toString('utf8');
}

function decodeStruct(bytes: Uint8Array, schema: StructSchema, types: TypeTable): UnknownRecord {
  const wire = new ProtoReader(bytes).fields();
  const inlined = new Map<number, Map<number, ProtoValue[]>>();
  const result: UnknownRecord = {};
  for (const [name, field] of schema.fields) {
    let values: ProtoValue[] | undefined;
    if (field.number >= 1000) {
      const outer = Math.floor(field.number / 1000);
      let inner = inlined.get(outer);
      if (inner === undefined) {
        inner = new ProtoReader(bytesOf(wire, outer)).fields();
        inlined.set(outer, inner);
      }
      values = inner.get(field.number % 1000);
    } else values = wire.get(field.number);
    if (values === undefined || values.length === 0 || field.number === 0) continue;
    const value = decodeField(values, field, types);
    if (value !== undefined && !isOmitted(value, field)) result[name] = value;
  }
  return result;
}

function decodeField(values: readonly ProtoValue[], field: Field, types: TypeTable): unknown {
  const { schema } = field;
  if (schema.kind === 'list') return values.flatMap((value) => decodeItems(value, schema.element, types));
  if (schema.kind === 'map') return decodeMap(values, schema.element, types);
  return decodeValue(values.at(-1) ?? 0, schema, types);
}

/** Repeated numbers may be packed. */
function decodeItems(value: ProtoValue, element: Schema, types: TypeTable): unknown[] {
  const packed =
    value instanceof Uint8Array && element.kind === 'scalar' && (element.type === 'int32' || element.type === 'int64');
  if (packed) return new ProtoReader(value).varints().map(Number);
  return [decodeValue(value, element, types)];
}

function decodeMap(values: readonly ProtoValue[], element: Schema, types: TypeTable): UnknownRecord {
  const result: UnknownRecord = {};
  for (const entry of values) {
    if (!(entry instanceof Uint8Array)) continue;
    const fields = new ProtoReader(entry).fields();
    const value = fields.get(2)?.at(-1);
    result[textOf(fields, 1)] = decodeMapValue(value, element, types) ?? null;
  }
  return result;
}

function decodeMapValue(value: ProtoValue | undefined, element: Schema, types: TypeTable): unknown {
  if (element.kind === 'list') {
    const items = value instanceof Uint8Array ? (new ProtoReader(value).fields().get(1) ?? []) : [];
    return items.map((item) => decodeValue(item, element.element, types));
  }
  if (value !== undefined) return decodeValue(value, element, types);
  const isText = element.kind === 'scalar' && (element.type === 'string' || element.type === 'bytes');
  return isText ? '' : decodeValue(new Uint8Array(), element, types);
}

function decodeValue(value: ProtoValue, schema: Schema, types: TypeTable): unknown {
  if (schema.kind === 'struct') return decodeStruct(asBytes(value), schema, types);
  if (schema.kind !== 'scalar') throw badRequest('nested repetition in a protobuf body');
  return decodeScalar(value, schema, types);
}

function asBytes(value: ProtoValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw badRequest('a protobuf body does not match its type');
}

function decodeScalar(value: ProtoValue, schema: ScalarSchema, types: TypeTable): unknown {
  switch (schema.type) {
    case 'string':
      return Buffer.from(asBytes(value)).toString('utf8');
    case 'bytes':
      return Buffer.from(asBytes(value)).toString('base64');
    case 'boolean':
      return value !== 0n && value !== 0;
    case 'int32':
    case 'int64':
      return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : value;
    case 'float':
      return typeof value === 'number' ? value : 0;
    case 'quantity':
      return textOf(new ProtoReader(asBytes(value)).fields(), 1);
    case 'time':
    case 'microTime':
      return decodeTime(asBytes(value), schema.type);
    case 'intOrString': {
      const fields = new ProtoReader(asBytes(value)).fields();
      const isText = Number(fields.get(1)?.at(-1) ?? 0) === 1;
      return isText
        ? textOf(fields, 3)
        : Number(BigInt.asIntN(64, BigInt((fields.get(2)?.at(-1) as bigint | number) ?? 0)));
    }
    case 'any':
      return decodeAny(asBytes(value), schema.typeName ?? '', types);
  }
}

/** An unset time is an empty message and reads as absent. */
function decodeTime(bytes: Uint8Array, type: 'time' | 'microTime'): string | undefined {
  const fields = new ProtoReader(bytes).fields();
  const seconds = fields.get(1)?.at(-1);
  if (seconds === undefined) return undefined;
  const iso = new Date(Number(BigInt.asIntN(64, seconds as bigint)) * 1000).toISOString();
  if (type === 'time') return iso.replace(/\.\d{3}Z$/, 'Z');
  const micros = Math.floor(Number(fields.get(2)?.at(-1) ?? 0) / 1000);
  return iso.replace(/\.\d{3}Z$/, `.${String(micros).padStart(6, '0')}Z`);
}

function decodeAny(bytes: Uint8Array, typeName: string, types: TypeTable): unknown {
  const fields = new ProtoReader(bytes).fields();
  const props = (): StructSchema => types.byName('apiextensions.v1.JSONSchemaProps') as StructSchema;
  const schemas = (number: number): UnknownRecord[] =>
    (fields.get(number) ?? []).map((item) => decodeStruct(asBytes(item), props(), types));
  switch (typeName) {
    case 'apiextensions.v1.JSONSchemaPropsOrArray':
      return fields.has(1) ? schemas(1)[0] : schemas(2);
    case 'apiextensions.v1.JSONSchemaPropsOrBool':
      return fields.has(2) ? schemas(2)[0] : Number(fields.get(1)?.at(-1) ?? 0) !== 0;
    case 'apiextensions.v1.JSONSchemaPropsOrStringArray':
      return fields.has(1)
        ? schemas(1)[0]
        : (fields.get(2) ?? []).map((item) => Buffer.from(asBytes(item)).toString('utf8'));
    default: {
      const raw = Buffer.from(bytesOf(fields, 1)).toString('utf8');
      return raw === '' ? undefined : JSON.parse(raw);
    }
  }
}
