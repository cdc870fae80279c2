/** The JSON patch from one document to another, short where a replacement is shorter. Source: wI2L/jsondiff, Rationalize. */

import { isRecord, jsonEqual } from '@towpath/kit';

export type JsonChange =
  | { readonly op: 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** Members in the order of their names; lists are compared place by place. */
export function jsonDiff(from: unknown, to: unknown, path = ''): JsonChange[] {
  if (jsonEqual(from, to)) return [];
  const changes = Array.isArray(from) && Array.isArray(to) ? listDiff(from, to, path) : mapDiff(from, to, path);
  if (changes === undefined) return [{ op: 'replace', path, value: to }];
  const whole: JsonChange = { op: 'replace', path, value: to };
  return lengthOf(changes) > lengthOf([whole]) ? [whole] : changes;
}

function mapDiff(from: unknown, to: unknown, path: string): JsonChange[] | undefined {
  if (!isRecord(from) || !isRecord(to)) return undefined;
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].toSorted();
  return names.flatMap((name): JsonChange[] => {
    const place = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (to[name] === undefined) return from[name] === undefined ? [] : [{ op: 'remove', path: place }];
    if (from[name] === undefined) return [{ op: 'add', path: place, value: to[name] }];
    return jsonDiff(from[name], to[name], place);
  });
}

function listDiff(from: readonly unknown[], to: readonly unknown[], path: string): JsonChange[] {
  const shared = Math.min(from.length, to.length);
  const removed = from.slice(shared).map((): JsonChange => ({ op: 'remove', path: `${path}/${shared}` }));
  const changed = from.slice(0, shared).flatMap((item, index) => jsonDiff(item, to[index], `${path}/${index}`));
  const added = to.slice(shared).map((value): JsonChange => ({ op: 'add', path: `${path}/-`, value }));
  return [...removed, ...changed, ...added];
}

function lengthOf(changes: readonly JsonChange[]): number {
  return changes.reduce((sum, change) => sum + JSON.stringify(change).length + 1, 0);
}
