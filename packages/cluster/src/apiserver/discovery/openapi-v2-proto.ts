/** Writes an OpenAPI v2 document as the protobuf message that Go clients ask for. Source: gnostic, openapiv2/OpenAPIv2.proto. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Swagger } from './openapi-v2.ts';

/** Number, and what the member is: a scalar, a message, or a map of named messages. */
type Member = readonly [number, 'string' | 'strings' | 'bool' | 'int' | 'double' | 'any' | 'anys' | Writer];
type Writer = (value: unknown) => Bytes;
type Bytes = readonly Uint8Array[];

const encoder = new TextEncoder();
const extensionPrefix = 'x-';

const schemaMembers: Readonly<Record<string, Member>> = {
  $ref: [1, 'string'],
  format: [2, 'string'],
  title: [3, 'string'],
  description: [4, 'string'],
  default: [5, 'any'],
  multipleOf: [6, 'double'],
  maximum: [7, 'double'],
  exclusiveMaximum: [8, 'bool'],
  minimum: [9, 'double'],
  exclusiveMinimum: [10, 'bool'],
  maxLength: [11, 'int'],
  minLength: [12, 'int'],
  pattern: [13, 'string'],
  maxItems: [14, 'int'],
  minItems: [15, 'int'],
  uniqueItems: [16, 'bool'],
  maxProperties: [17, 'int'],
  minProperties: [18, 'int'],
  required: [19, 'strings'],
  enum: [20, 'anys'],
  additionalProperties: [
    21,
    (value) => (typeof value === 'boolean' ? varintField(2, value ? 1n : 0n) : message(1, schema(value))),
  ],
  type: [22, (value) => text(1, String(value))],
  items: [23, (value) => message(1, schema(value))],
  properties: [25, (value) => named(1, value, schema)],
};

const operationMembers: Readonly<Record<string, Member>> = {
  produces: [6, 'strings'],
  consumes: [7, 'strings'],
};

/** The whole document. */
export function swaggerProtobuf({ swagger, info, paths, definitions }: Swagger): Uint8Array {
  const infoBytes = [...text(1, String(info['title'])), ...text(2, String(info['version']))];
  return Buffer.concat([
    ...text(1, swagger),
    ...message(2, infoBytes),
    ...message(8, named(2, paths, pathItem)),
    ...message(9, named(1, definitions, schema)),
  ]);
}

function schema(value: unknown): Bytes {
  return isRecord(value) ? members(value, schemaMembers, 31) : [];
}

function pathItem(value: unknown): Bytes {
  if (!isRecord(value)) return [];
  const numbers = { get: 2, put: 3, post: 4, delete: 5, patch: 7 };
  return Object.entries(numbers).flatMap(([name, number]) => {
    const operation = value[name];
    return isRecord(operation) ? message(number, operationBytes(operation)) : [];
  });
}

function operationBytes(operation: UnknownRecord): Bytes {
  const given = Array.isArray(operation['parameters']) ? operation['parameters'].filter(isRecord) : [];
  const query = given.filter((parameter) => parameter['in'] === 'query');
  return [
    ...query.flatMap((parameter) => message(8, message(1, message(2, message(3, queryParameter(parameter)))))),
    ...members(operation, operationMembers, 13),
  ];
}

function queryParameter(parameter: UnknownRecord): Bytes {
  return [
    ...text(2, 'query'),
    ...text(4, String(parameter['name'])),
    ...text(6, String(parameter['type'])),
    ...varintField(20, 1n),
  ];
}

function members(value: UnknownRecord, table: Readonly<Record<string, Member>>, extensionNumber: number): Uint8Array[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const known = table[name];
    if (known !== undefined && member !== undefined) return [...memberBytes(known, member)];
    if (!name.startsWith(extensionPrefix) || member === undefined) return [];
    return [...message(extensionNumber, [...text(1, name), ...message(2, any(member))])];
  });
}

function memberBytes([number, kind]: Member, value: unknown): Bytes {
  if (typeof kind === 'function') return message(number, kind(value));
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  switch (kind) {
    case 'string':
      return text(number, String(value));
    case 'strings':
      return list.flatMap((item) => text(number, String(item)));
    case 'bool':
      return varintField(number, value === true ? 1n : 0n);
    case 'int':
      return varintField(number, BigInt(Number(value)));
    case 'double':
      return doubleField(number, Number(value));
    case 'any':
      return message(number, any(value));
    case 'anys':
      return list.flatMap((item) => message(number, any(item)));
  }
}

/** A value of any type is YAML text; JSON is YAML. */
function any(value: unknown): Bytes {
  return text(2, JSON.stringify(value));
}

function named(number: number, value: unknown, write: Writer): Bytes {
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, item]) =>
    message(number, [...text(1, name), ...message(2, write(item))]),
  );
}

function text(number: number, value: string): Bytes {
  return message(number, [encoder.encode(value)]);
}

function message(number: number, parts: Bytes): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return [Uint8Array.from([...varint((BigInt(number) << 3n) | 2n), ...varint(BigInt(length))]), ...parts];
}

function varintField(number: number, value: bigint): Bytes {
  return [Uint8Array.from([...varint(BigInt(number) << 3n), ...varint(BigInt.asUintN(64, value))])];
}

function doubleField(number: number, value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [Uint8Array.from([...varint((BigInt(number) << 3n) | 1n), ...bytes])];
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80n) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return bytes;
}
