/** The members of a value that can be owned one by one, as its schema tells. */

import { isRecord } from '@towpath/kit';
import { anySchema, type ListSchema, type Schema } from '../schema/schema.ts';

/** A member below a value. */
export interface Member {
  /** `f:name`, `k:{…}` or `v:…` */
  readonly element: string;
  readonly value: unknown;
  readonly schema: Schema;
  /** A declared member of a struct, as opposed to a key of a map or an element of a list. */
  readonly declared: boolean;
}

/** The members of a value; undefined when it can only be owned as a whole. */
export function membersOf(value: unknown, schema: Schema): Member[] | undefined {
  switch (schema.kind) {
    case 'struct':
      if (schema.atomic || !isRecord(value)) return undefined;
      return Object.entries(value).map(([name, member]) => {
        const field = schema.fields.get(name);
        return {
          element: `f:${name}`,
          value: member,
          schema: field?.schema ?? anySchema,
          declared: field !== undefined,
        };
      });
    case 'map':
      if (schema.atomic || !isRecord(value)) return undefined;
      return entriesOf(value, schema.element);
    case 'list':
      if (schema.listType === 'atomic' || !Array.isArray(value)) return undefined;
      return value.map((item: unknown) => ({
        element: elementOf(item, schema),
        value: item,
        schema: schema.element,
        declared: false,
      }));
    case 'scalar':
      return schema.type === 'any' && isRecord(value) ? entriesOf(value, anySchema) : undefined;
  }
}

function entriesOf(value: Record<string, unknown>, schema: Schema): Member[] {
  return Object.entries(value).map(([name, member]) => ({
    element: `f:${name}`,
    value: member,
    schema,
    declared: false,
  }));
}

/** The place of an element in an associative list. */
export function elementOf(item: unknown, schema: ListSchema): string {
  if (schema.listType === 'set') return `v:${JSON.stringify(item)}`;
  const keys = [...schema.keys].sort().map((name) => [name, keyValue(item, name)]);
  return `k:${JSON.stringify(Object.fromEntries(keys.filter(([, value]) => value !== undefined)))}`;
}

/** Ports that name no protocol are TCP: the one key with a default among the built-in kinds. */
function keyValue(item: unknown, name: string): unknown {
  const value = isRecord(item) ? item[name] : undefined;
  return value === undefined && name === 'protocol' ? 'TCP' : value;
}

/** True when two lists of that schema are merged element by element. */
export function isAssociative(schema: Schema): schema is ListSchema {
  return schema.kind === 'list' && schema.listType !== 'atomic';
}
