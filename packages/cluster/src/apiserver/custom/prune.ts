/** Removes what a structural schema does not name. Source: apiextensions-apiserver, pruning. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { memberSchema, type JsonSchema } from './json-schema.ts';

const always = ['apiVersion', 'kind', 'metadata'];

/** Prunes `object` in place and returns the paths that were removed. The root keeps its type and metadata. */
export function pruneObject(object: UnknownRecord, schema: JsonSchema): string[] {
  const removed: string[] = [];
  pruneRecord(object, { schema, path: '', removed, isResource: true });
  return removed;
}

interface PruneContext {
  readonly schema: JsonSchema;
  readonly path: string;
  readonly removed: string[];
  readonly isResource: boolean;
}

function pruneRecord(value: UnknownRecord, context: PruneContext): void {
  const { schema, path, removed, isResource } = context;
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  for (const name of Object.keys(value)) {
    if (isResource && always.includes(name)) continue;
    const member = memberSchema(schema, name);
    const memberPath = path === '' ? name : `${path}.${name}`;
    if (member !== undefined) pruneValue(value[name], { schema: member, path: memberPath, removed });
    else if (!keepsUnknown) {
      delete value[name];
      removed.push(memberPath);
    }
  }
}

function pruneValue(value: unknown, context: { schema: JsonSchema; path: string; removed: string[] }): void {
  const { schema, path, removed } = context;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    value.forEach((item, index) => pruneValue(item, { schema: items, path: `${path}[${index}]`, removed }));
  } else if (isRecord(value)) {
    const untyped =
      schema.type === undefined && schema.properties === undefined && schema.additionalProperties === undefined;
    if (
      untyped &&
      schema['x-kubernetes-int-or-string'] !== true &&
      schema['x-kubernetes-preserve-unknown-fields'] === true
    )
      return;
    pruneRecord(value, { schema, path, removed, isResource: schema['x-kubernetes-embedded-resource'] === true });
  }
}
