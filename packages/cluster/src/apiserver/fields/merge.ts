/** Merges an applied configuration into the live object, and removes what its manager no longer names. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { anySchema, type ListSchema, type Schema } from '../schema/schema.ts';
import type { FieldNode } from './field-set.ts';
import { elementOf, isAssociative, membersOf } from './walk.ts';

/** The live value with everything the configuration names. Neither is changed. */
export function mergeApplied(live: unknown, config: unknown, schema: Schema): unknown {
  if (config === undefined) return live;
  if (live === undefined || live === null) return config;
  if (isAssociative(schema) && Array.isArray(live) && Array.isArray(config)) return mergeLists(live, config, schema);
  if (!isRecord(live) || !isRecord(config) || membersOf(config, schema) === undefined) return config;
  const result: UnknownRecord = { ...live };
  for (const [name, value] of Object.entries(config)) {
    result[name] = mergeApplied(live[name], value, memberSchema(schema, name));
  }
  return result;
}

function memberSchema(schema: Schema, name: string): Schema {
  if (schema.kind === 'struct') return schema.fields.get(name)?.schema ?? anySchema;
  return schema.kind === 'map' ? schema.element : anySchema;
}

/** Elements of the configuration keep its order; those only the live list has stay before what they preceded. */
function mergeLists(live: readonly unknown[], config: readonly unknown[], schema: ListSchema): unknown[] {
  const liveByElement = new Map(live.map((item) => [elementOf(item, schema), item]));
  const wanted = config.map((item) => {
    const element = elementOf(item, schema);
    return { element, item: mergeApplied(liveByElement.get(element), item, schema.element) };
  });
  const named = new Set(wanted.map(({ element }) => element));
  const order = [...liveByElement.keys()];
  const result: unknown[] = [];
  let next = 0;
  for (const [element, item] of liveByElement) {
    if (named.has(element)) continue;
    for (; next < wanted.length; next++) {
      const at = order.indexOf(wanted[next]?.element ?? '');
      if (at < 0 || at > order.indexOf(element)) break;
      result.push(wanted[next]?.item);
    }
    result.push(item);
  }
  return [...result, ...wanted.slice(next).map(({ item }) => item)];
}

/** Whose fields are whose, below one value. */
export interface Ownership {
  /** What the manager applied last time. */
  readonly last: FieldNode;
  /** What it applies now. */
  readonly now: FieldNode | undefined;
  /** What all others own. */
  readonly others: FieldNode | undefined;
}

/** The value without the fields that only the manager owned and does not name any more. */
export function pruneApplied(value: unknown, schema: Schema, ownership: Ownership): unknown {
  const members = membersOf(value, schema);
  if (members === undefined) return value;
  const keys = isAssociative(schema) ? schema.keys : [];
  const kept = members.flatMap((member) => {
    const last = ownership.last.children.get(member.element);
    const now = ownership.now?.children.get(member.element);
    const others = ownership.others?.children.get(member.element);
    if (last === undefined) return [member];
    const inner = membersOf(member.value, member.schema);
    if (inner === undefined || inner.length === 0) return now === undefined && others === undefined ? [] : [member];
    if (last.member && now === undefined && others === undefined) return [];
    const rest = pruneApplied(member.value, member.schema, { last: withoutKeys(last, keys), now, others });
    const emptied = isEmptyValue(rest) && now === undefined && others?.member !== true;
    return emptied ? [] : [{ ...member, value: rest }];
  });
  if (Array.isArray(value)) return kept.map((member) => member.value);
  return Object.fromEntries(kept.map((member) => [member.element.slice(2), member.value]));
}

/** An element that stays keeps the members that identify it. */
function withoutKeys(node: FieldNode, keys: readonly string[]): FieldNode {
  if (keys.length === 0) return node;
  const children = new Map([...node.children].filter(([element]) => !keys.includes(element.slice(2))));
  return { member: node.member, children };
}

function isEmptyValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}
