/** The schemas of OpenAPI v3 documents, from the type table and from custom definitions. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Field, ScalarSchema, Schema, StructSchema } from '../schema/schema.ts';
import type { TypeTable } from '../schema/type-table.ts';
import { describeMember, describeTypeMember } from './descriptions.ts';

const refRoot = '#/components/schemas/';

const longNames: readonly (readonly [string, string])[] = [
  ['meta.v1.', 'io.k8s.apimachinery.pkg.apis.meta.v1.'],
  ['runtime.', 'io.k8s.apimachinery.pkg.runtime.'],
  ['resource.Quantity', 'io.k8s.apimachinery.pkg.api.resource.Quantity'],
  ['intstr.', 'io.k8s.apimachinery.pkg.util.intstr.'],
  ['apiextensions.', 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.'],
  ['apiregistration.', 'io.k8s.kube-aggregator.pkg.apis.apiregistration.'],
];

/** The published name of a type, e.g. `io.k8s.api.core.v1.Pod` for `core.v1.Pod`. */
export function publishedName(typeName: string): string {
  for (const [short, long] of longNames)
    if (typeName.startsWith(short)) return `${long}${typeName.slice(short.length)}`;
  return `io.k8s.api.${typeName}`;
}

const scalars: Readonly<Record<ScalarSchema['type'], UnknownRecord>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  float: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time' },
  microTime: { type: 'string', format: 'date-time' },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  intOrString: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  any: {},
};

/** Kinds whose schema says that it is for every group: options of requests. */
interface Collected {
  readonly schemas: Record<string, UnknownRecord>;
}

/** Adds the schema of a type, and of everything it refers to, under their published names. */
export function collectType(types: TypeTable, typeName: string, into: Collected): void {
  const name = publishedName(typeName);
  if (into.schemas[name] !== undefined) return;
  const schema = types.byName(typeName);
  if (schema.kind === 'scalar') {
    into.schemas[name] = schema.type === 'any' ? { type: 'object' } : scalars[schema.type];
    return;
  }
  if (schema.kind !== 'struct') return;
  const properties: UnknownRecord = {};
  const result: UnknownRecord = { type: 'object', properties };
  into.schemas[name] = result;
  const required: string[] = [];
  for (const [member, field] of schema.fields) {
    properties[member] = described(propertyOf(types, field, into), describe(schema, member));
    if (field.required) required.push(member);
  }
  if (required.length > 0) result['required'] = required;
  if (schema.atomic) result['x-kubernetes-map-type'] = 'atomic';
}

function describe(schema: StructSchema, member: string): string | undefined {
  const target = schema.fields.get(member)?.schema;
  const targetName = target?.kind === 'struct' ? target.typeName : undefined;
  const isTyped = schema.fields.has('apiVersion') && schema.fields.has('kind') && schema.fields.has('metadata');
  return (isTyped ? describeTypeMember(member) : undefined) ?? describeMember(schema.typeName, member, targetName);
}

function described(property: UnknownRecord, description: string | undefined): UnknownRecord {
  return description === undefined ? property : { description, ...property };
}

function propertyOf(types: TypeTable, field: Field, into: Collected): UnknownRecord {
  const { schema } = field;
  const property = valueOf(types, schema, into);
  if (schema.kind === 'list') {
    property['x-kubernetes-list-type'] = schema.listType;
    if (schema.listType === 'map') property['x-kubernetes-list-map-keys'] = schema.keys;
  }
  if (schema.kind === 'map' && schema.atomic) property['x-kubernetes-map-type'] = 'atomic';
  if (field.patchStrategy !== undefined) property['x-kubernetes-patch-strategy'] = field.patchStrategy;
  if (field.mergeKey !== undefined) property['x-kubernetes-patch-merge-key'] = field.mergeKey;
  return property;
}

function valueOf(types: TypeTable, schema: Schema, into: Collected): UnknownRecord {
  switch (schema.kind) {
    case 'list':
      return { type: 'array', items: valueOf(types, schema.element, into) };
    case 'map':
      return { type: 'object', additionalProperties: valueOf(types, schema.element, into) };
    case 'struct':
      return reference(types, schema.typeName, into);
    case 'scalar':
      return schema.typeName === undefined ? { ...scalars[schema.type] } : reference(types, schema.typeName, into);
  }
}

function reference(types: TypeTable, typeName: string, into: Collected): UnknownRecord {
  collectType(types, typeName, into);
  return { allOf: [{ $ref: `${refRoot}${publishedName(typeName)}` }] };
}

/** A custom resource's schema as documented: type and metadata are added, and unknown members said to be kept. */
export function customSchema(schema: unknown, types: TypeTable, into: Collected): UnknownRecord {
  const given = isRecord(schema) ? schema : {};
  const properties = isRecord(given['properties']) ? given['properties'] : {};
  return {
    ...given,
    type: 'object',
    properties: {
      ...properties,
      apiVersion: described({ type: 'string' }, describeTypeMember('apiVersion')),
      kind: described({ type: 'string' }, describeTypeMember('kind')),
      metadata: described(
        reference(types, 'meta.v1.ObjectMeta', into),
        describeMember('', 'metadata', 'meta.v1.ObjectMeta'),
      ),
    },
  };
}
