/** OpenAPI v2, made from the schemas and paths of v3: what clients validate lists with, and older kubectls everything. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { versionInfo } from './discovery.ts';

/** The members used. Source: OpenAPI 2.0, Swagger Object. */
export interface Swagger {
  readonly swagger: '2.0';
  readonly info: UnknownRecord;
  readonly paths: Readonly<Record<string, UnknownRecord>>;
  readonly definitions: Readonly<Record<string, UnknownRecord>>;
}

interface V3 {
  readonly schemas: Readonly<Record<string, UnknownRecord>>;
  readonly paths: UnknownRecord;
}

const preserves = 'x-kubernetes-preserve-unknown-fields';
const gvkMember = 'x-kubernetes-group-version-kind';
/** Unions and negations have no counterpart that clients of v2 understand. */
const dropped = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'nullable']);
const operationNames = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** `custom` names the schemas of custom resources. */
export function toSwagger(v3: V3, custom: ReadonlySet<string>): Swagger {
  const definitions: Record<string, UnknownRecord> = {};
  for (const [name, schema] of Object.entries(v3.schemas))
    definitions[name] = custom.has(name) ? customDefinition(schema) : convert(schema);
  const paths: Record<string, UnknownRecord> = {};
  for (const [path, item] of Object.entries(v3.paths)) if (isRecord(item)) paths[path] = convertPath(item);
  return { swagger: '2.0', info: { title: 'Kubernetes', version: versionInfo.gitVersion }, paths, definitions };
}

/** Members of a custom resource that keeps unknown ones are not named: clients would take all others for wrong. */
function customDefinition(schema: UnknownRecord): UnknownRecord {
  if (schema[preserves] === true) return { type: 'object', [gvkMember]: schema[gvkMember] };
  return convert(schema);
}

function convert(schema: UnknownRecord): UnknownRecord {
  const reference = referenceOf(schema);
  if (reference !== undefined) return { $ref: reference, ...rest(schema, new Set(['allOf'])) };
  if (schema['format'] === 'int-or-string') return { type: 'string', format: 'int-or-string' };
  // A quantity: one of string and number.
  if (schema['type'] === undefined && Array.isArray(schema['oneOf']) && schema[intOrString] !== true)
    return { type: 'string' };
  const result = rest(schema, dropped);
  if (schema['nullable'] === true) for (const name of ['type', 'items', 'properties']) delete result[name];
  if (schema[preserves] === true) {
    for (const name of ['items', 'properties']) delete result[name];
    if (result['type'] === 'object') delete result['type'];
  }
  if (result['type'] === 'array' && result['items'] === undefined) delete result['type'];
  return convertMembers(result);
}

const intOrString = 'x-kubernetes-int-or-string';

function convertMembers(schema: UnknownRecord): UnknownRecord {
  const { properties, items, additionalProperties, required } = schema;
  if (isRecord(properties)) {
    const nullable = Object.entries(properties).flatMap(([name, value]) =>
      isRecord(value) && value['nullable'] === true ? [name] : [],
    );
    schema['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, isRecord(value) ? convert(value) : value]),
    );
    if (Array.isArray(required) && nullable.length > 0) {
      const left = required.filter((name) => !nullable.includes(String(name)));
      if (left.length > 0) schema['required'] = left;
      else delete schema['required'];
    }
  }
  if (isRecord(items)) schema['items'] = convert(items);
  if (isRecord(additionalProperties)) schema['additionalProperties'] = convert(additionalProperties);
  return schema;
}

function rest(schema: UnknownRecord, without: ReadonlySet<string>): UnknownRecord {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !without.has(name)));
}

/** v3 writes a reference that has company as the only member of allOf. */
function referenceOf(schema: UnknownRecord): string | undefined {
  const { allOf } = schema;
  if (!Array.isArray(allOf) || allOf.length !== 1) return undefined;
  const only: unknown = allOf[0];
  const target = isRecord(only) ? only['$ref'] : undefined;
  return typeof target === 'string' ? toDefinition(target) : undefined;
}

function toDefinition(reference: string): string {
  return reference.replace('#/components/schemas/', '#/definitions/');
}

function convertPath(item: UnknownRecord): UnknownRecord {
  const result: UnknownRecord = { parameters: parametersOf(item) };
  for (const name of operationNames) {
    const operation = item[name];
    if (isRecord(operation)) result[name] = convertOperation(operation);
  }
  return result;
}

function convertOperation(operation: UnknownRecord): UnknownRecord {
  const { requestBody } = operation;
  const content = isRecord(requestBody) && isRecord(requestBody['content']) ? requestBody['content'] : undefined;
  const body = content === undefined ? [] : [{ name: 'body', in: 'body', required: true, schema: bodySchema(content) }];
  return {
    ...(content === undefined ? {} : { consumes: Object.keys(content) }),
    produces: ['application/json'],
    parameters: [...parametersOf(operation), ...body],
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': operation['x-kubernetes-action'],
    [gvkMember]: operation[gvkMember],
  };
}

function bodySchema(content: UnknownRecord): UnknownRecord {
  const [first] = Object.values(content);
  const schema = isRecord(first) && isRecord(first['schema']) ? first['schema'] : {};
  const target = schema['$ref'];
  return typeof target === 'string' ? { $ref: toDefinition(target) } : { type: 'object' };
}

/** v2 has the type beside the name, where v3 has a schema. */
function parametersOf(place: UnknownRecord): UnknownRecord[] {
  const given = Array.isArray(place['parameters']) ? place['parameters'].filter(isRecord) : [];
  return given.map(({ schema, ...parameter }) => ({ ...parameter, ...(isRecord(schema) ? schema : {}) }));
}
