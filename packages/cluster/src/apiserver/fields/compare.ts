/** Which fields two states of an object differ in, and which fields a state has. Source: structured-merge-diff, typed. */

import { isRecord, jsonEqual } from '@towpath/kit';
import type { Schema } from '../schema/schema.ts';
import { childOf, emptySet, insertPath, type FieldNode } from './field-set.ts';
import { membersOf } from './walk.ts';

export interface Comparison {
  readonly added: FieldNode;
  readonly modified: FieldNode;
  readonly removed: FieldNode;
}

/** Compares two states of an object. */
export function compareStates(old: unknown, next: unknown, schema: Schema): Comparison {
  const result: Comparison = { added: emptySet(), modified: emptySet(), removed: emptySet() };
  compareAt([], { old, next, schema }, result);
  return result;
}

interface Pair {
  readonly old: unknown;
  readonly next: unknown;
  readonly schema: Schema;
}

function compareAt(path: readonly string[], pair: Pair, result: Comparison): void {
  const { old, next, schema } = pair;
  if (old === next) return;
  if (old === undefined) {
    insertAll(result.added, path, next, schema);
    return;
  }
  if (next === undefined) {
    insertAll(result.removed, path, old, schema);
    return;
  }
  const before = old === null ? [] : membersOf(old, schema);
  const after = next === null ? [] : membersOf(next, schema);
  const bothNull = old === null && next === null;
  if (before === undefined || after === undefined || bothNull) {
    if (!jsonEqual(old, next)) insertPath(result.modified, path);
    return;
  }
  const known = new Map(before.map((member) => [member.element, member]));
  for (const member of after) {
    const other = known.get(member.element);
    known.delete(member.element);
    compareAt([...path, member.element], { old: other?.value, next: member.value, schema: member.schema }, result);
  }
  for (const member of known.values())
    insertAll(result.removed, [...path, member.element], member.value, member.schema);
}

/** The path and everything below it. */
function insertAll(set: FieldNode, path: readonly string[], value: unknown, schema: Schema): void {
  insertPath(set, path);
  for (const member of membersOf(value, schema) ?? [])
    insertAll(set, [...path, member.element], member.value, member.schema);
}

/** The fields an applied configuration names. */
export function fieldsOf(value: unknown, schema: Schema): FieldNode {
  const root = emptySet();
  collect(root, value, schema);
  return root;
}

function collect(node: FieldNode, value: unknown, schema: Schema): void {
  const members = membersOf(value, schema);
  if (members === undefined) {
    node.member = true;
    return;
  }
  for (const member of members) {
    const child = childOf(node, member.element);
    collect(child, member.value, member.schema);
    const isEmpty = isRecord(member.value) && Object.keys(member.value).length === 0;
    if (!member.declared || isEmpty) child.member = true;
  }
}
