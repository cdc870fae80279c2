/** JSON values as CEL values, by their schema: integers are int, other numbers double, objects maps. */

import { isRecord } from '@towpath/kit';
import { memberSchema, type JsonSchema } from './json-schema.ts';

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** The value to bind; names that are no identifiers are escaped as Kubernetes does. */
export function toCel(value: unknown, schema: JsonSchema | undefined): unknown {
  if (typeof value === 'number') return isInteger(value, schema) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([name, member]): [string, unknown] => {
    const declared = schema?.properties !== undefined && Object.hasOwn(schema.properties, name);
    const inner = schema === undefined ? undefined : memberSchema(schema, name);
    return [declared ? escapeName(name) : name, toCel(member, inner)];
  });
  return new Map(entries);
}

function isInteger(value: number, schema: JsonSchema | undefined): boolean {
  if (schema?.type === 'number') return false;
  return Number.isInteger(value);
}

function escapeName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}
