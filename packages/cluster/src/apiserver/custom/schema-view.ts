/** A structural schema as the schema that merging and applying work with. */

import { anySchema, type Field, type Schema, type StructSchema } from '../schema/schema.ts';
import type { TypeTable } from '../schema/type-table.ts';
import type { JsonSchema } from './json-schema.ts';

function field(name: string, schema: Schema): Field {
  return { name, schema, number: 0, required: false, alwaysWritten: false, pointer: true };
}

/**
 * The root of a custom resource as the decoder sees it: metadata is typed, everything else is kept and pruned later.
 */
export function rootSchema(types: TypeTable): StructSchema {
  const text: Schema = { kind: 'scalar', type: 'string' };
  const metadata = { ...field('metadata', types.byName('meta.v1.ObjectMeta')), alwaysWritten: true };
  const fields = new Map([
    ['kind', field('kind', text)],
    ['apiVersion', field('apiVersion', text)],
    ['metadata', metadata],
  ]);
  return { kind: 'struct', typeName: '', fields, atomic: false, preserveUnknown: true };
}

/** The whole schema of a custom resource, for field ownership. */
export function viewOfRoot(schema: JsonSchema, types: TypeTable): StructSchema {
  const root = rootSchema(types);
  const view = viewOf(schema);
  const fields = new Map(view.kind === 'struct' ? view.fields : []);
  for (const [name, own] of root.fields) fields.set(name, own);
  return { ...root, fields };
}

function viewOf(schema: JsonSchema): Schema {
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  if (schema.type === 'array' || schema.items !== undefined) {
    return {
      kind: 'list',
      element: schema.items === undefined ? anySchema : viewOf(schema.items),
      listType: schema['x-kubernetes-list-type'] ?? 'atomic',
      keys: schema['x-kubernetes-list-map-keys'] ?? [],
    };
  }
  if (schema.properties !== undefined) {
    const { properties } = schema;
    let fields: ReadonlyMap<string, Field> | undefined;
    return {
      kind: 'struct',
      typeName: '',
      atomic,
      preserveUnknown: schema['x-kubernetes-preserve-unknown-fields'] === true,
      get fields() {
        fields ??= new Map(Object.entries(properties).map(([name, member]) => [name, field(name, viewOf(member))]));
        return fields;
      },
    };
  }
  const { additionalProperties } = schema;
  if (typeof additionalProperties === 'object') return { kind: 'map', element: viewOf(additionalProperties), atomic };
  if (schema.type === 'object') return { kind: 'map', element: anySchema, atomic };
  return anySchema;
}
