/** Fills defaults of a structural schema, and drops nulls it does not allow. Source: apiextensions-apiserver, defaulting. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { memberSchema, type JsonSchema } from './json-schema.ts';

/** Fills `value` in place. A null where the schema allows none counts as absent: it becomes the default, or goes. */
export function applySchemaDefaults(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) for (const item of value) applySchemaDefaults(item, items);
    return;
  }
  if (!isRecord(value)) return;
  for (const [name, member] of Object.entries(schema.properties ?? {})) fillMember(value, name, member);
  const { additionalProperties } = schema;
  if (!isRecord(additionalProperties)) return;
  const memberSchema = additionalProperties as JsonSchema;
  for (const name of Object.keys(value)) {
    if (schema.properties?.[name] === undefined) fillMember(value, name, memberSchema);
  }
}

/** Removes nulls the schema does not allow and has no default for: clients write them for what is absent. */
export function removeNulls(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) for (const item of value) removeNulls(item, items);
    return;
  }
  if (!isRecord(value)) return;
  for (const [name, member] of Object.entries(value)) {
    const inner = memberSchema(schema, name);
    if (inner === undefined) continue;
    if (member === null && inner.nullable !== true && inner.default === undefined) delete value[name];
    else removeNulls(member, inner);
  }
}

/** True when some member of the schema has a default. */
export function hasDefaults(schema: JsonSchema): boolean {
  if (schema.default !== undefined) return true;
  const { items, additionalProperties } = schema;
  if (items !== undefined && hasDefaults(items)) return true;
  if (isRecord(additionalProperties) && hasDefaults(additionalProperties as JsonSchema)) return true;
  return Object.values(schema.properties ?? {}).some(hasDefaults);
}

function fillMember(value: UnknownRecord, name: string, schema: JsonSchema): void {
  const current = value[name];
  const absent = current === undefined || (current === null && schema.nullable !== true);
  if (absent && schema.default !== undefined) value[name] = structuredClone(schema.default);
  else if (current === null && schema.nullable !== true) delete value[name];
  if (value[name] !== undefined) applySchemaDefaults(value[name], schema);
}
