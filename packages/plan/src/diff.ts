/** The fields in which two objects differ, lists matched by the names of their items. */

import { isRecord, jsonEqual } from '@towpath/kit';

export interface FieldDifference {
  /** Keys and list positions, of `after` where it has the field, else of `before`. */
  readonly steps: readonly (string | number)[];
  /** For people: `spec.containers[server].image`. */
  readonly path: string;
  /** The keys on the way, with the names of named items: what a credential is known by. */
  readonly keys: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
}

interface Trail {
  readonly steps: readonly (string | number)[];
  readonly path: string;
  readonly keys: readonly string[];
}

/** Smallest differing parts, in the order of the objects. */
export function diffFields(before: unknown, after: unknown): FieldDifference[] {
  return walk(before, after, { steps: [], path: '', keys: [] });
}

function walk(before: unknown, after: unknown, trail: Trail): FieldDifference[] {
  if (jsonEqual(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => walk(before[key], after[key], below(trail, key)));
  }
  if (Array.isArray(before) && Array.isArray(after)) return walkLists(before, after, trail);
  return [{ ...trail, before, after }];
}

function walkLists(before: readonly unknown[], after: readonly unknown[], trail: Trail): FieldDifference[] {
  const names = [...before, ...after].map(nameOf);
  const isNamed = names.every((name) => name !== undefined);
  if (!isNamed || new Set(before.map(nameOf)).size < before.length || new Set(after.map(nameOf)).size < after.length) {
    if (![...before, ...after].some(isRecord)) return [{ ...trail, before, after }];
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_none, index) => index).flatMap((index) =>
      walk(before[index], after[index], item(trail, index, String(index))),
    );
  }
  return [...new Set(names)].flatMap((name) => {
    const was = before.findIndex((each) => nameOf(each) === name);
    const is = after.findIndex((each) => nameOf(each) === name);
    return walk(before[was], after[is], item(trail, is >= 0 ? is : was, name ?? ''));
  });
}

/** What tells items of a list apart. */
function nameOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  for (const key of ['name', 'containerPort', 'port', 'mountPath', 'ip', 'key']) {
    const found = value[key];
    if (typeof found === 'string' || typeof found === 'number') return String(found);
  }
  return undefined;
}

function below(trail: Trail, key: string): Trail {
  const plain = /^[\w-]+$/.test(key);
  const path = plain ? (trail.path === '' ? key : `${trail.path}.${key}`) : `${trail.path}[${JSON.stringify(key)}]`;
  return { steps: [...trail.steps, key], path, keys: [...trail.keys, key] };
}

function item(trail: Trail, index: number, name: string): Trail {
  return { steps: [...trail.steps, index], path: `${trail.path}[${name}]`, keys: [...trail.keys, name] };
}
