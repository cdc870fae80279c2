/** The objects in which two states of a repository differ, field by field, with who wrote each line. */

import { isRecord, jsonEqual } from '@towpath/kit';
import type { Desired } from './desired.ts';
import { identityOf } from './desired.ts';
import { diffFields, type FieldDifference } from './diff.ts';
import { lineFinder } from './lines.ts';
import { maskValue } from './mask.ts';
import type { FieldChange, ObjectChange, ValueSource } from './report.ts';

/** A change before the cluster was asked about it. */
export interface Change {
  readonly action: ObjectChange['action'];
  readonly before: Desired | undefined;
  readonly after: Desired | undefined;
  readonly fields: readonly FieldChange[];
}

/** In the order of `after`, then what is gone. */
export function compareDesired(before: readonly Desired[], after: readonly Desired[]): Change[] {
  const was = new Map(before.map((each) => [identityOf(each.object), each]));
  const is = new Set(after.map(({ object }) => identityOf(object)));
  const changes = after.flatMap((next): Change[] => {
    const last = was.get(identityOf(next.object));
    if (last === undefined) return [{ action: 'create', before: undefined, after: next, fields: createdFields(next) }];
    if (jsonEqual(last.object, next.object)) return [];
    return [{ action: 'update', before: last, after: next, fields: changedFields(last, next) }];
  });
  const gone = before.filter(({ object }) => !is.has(identityOf(object)));
  return [
    ...changes,
    ...gone.map((each): Change => ({ action: 'delete', before: each, after: undefined, fields: [] })),
  ];
}

function changedFields(last: Desired, next: Desired): FieldChange[] {
  return diffFields(last.object, next.object).map((difference) => withOrigin(difference, next, last));
}

/** Of a new object the fields that values decided: the rest can be read in its template. */
function createdFields(next: Desired): FieldChange[] {
  if (next.originOf === undefined) return [];
  return leaves(next.object)
    .map((difference) => withOrigin(difference, next, undefined))
    .filter(({ values }) => values !== undefined && values.length > 0);
}

const leavesMax = 2000;

function leaves(object: Desired['object']): FieldDifference[] {
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...rest } = object;
  const found: FieldDifference[] = [];
  const walk = (difference: FieldDifference): void => {
    if (found.length >= leavesMax) return;
    const { after } = difference;
    const inner = isRecord(after) || Array.isArray(after) ? diffFields(Array.isArray(after) ? [] : {}, after) : [];
    if (inner.length === 0 || (inner.length === 1 && inner[0]?.path === '')) found.push(difference);
    else for (const each of inner) walk(joined(difference, each));
  };
  for (const difference of diffFields({}, rest)) walk(difference);
  return found;
}

function joined(above: FieldDifference, below: FieldDifference): FieldDifference {
  const path = below.path.startsWith('[') ? above.path + below.path : `${above.path}.${below.path}`;
  return { ...below, steps: [...above.steps, ...below.steps], path, keys: [...above.keys, ...below.keys] };
}

function withOrigin(difference: FieldDifference, next: Desired, last: Desired | undefined): FieldChange {
  const shown = shownChange(difference, next.object.kind);
  const isGone = difference.after === undefined && last !== undefined;
  const side = isGone ? last : next;
  if (side.isBuilt === true) return shown;
  if (side.originOf === undefined || side.placeOf === undefined) {
    return { ...shown, template: plainPlace(side, difference.steps) };
  }
  const origin = side.originOf(finderOf(side)(difference.steps));
  if (origin === undefined) return shown;
  const values = origin.values.map(({ path, origins }): ValueSource => ({
    path,
    setBy: origins.map(({ source, at }) => {
      if (source === 'spec.values') return side.setterLine?.(path) ?? source;
      return at === undefined ? source : (placeIn(side, { ...at, file: source }) ?? source);
    }),
  }));
  return { ...shown, template: side.placeOf(origin.template), ...(values.length > 0 && { values }) };
}

/** Places of the chart are files of the repository; ConfigMaps and Secrets are none. */
function placeIn(side: Desired, place: { file: string; line: number }): string | undefined {
  return /^(ConfigMap|Secret) /.test(place.file) ? `${place.file} line ${place.line}` : side.placeOf?.(place);
}

function plainPlace(side: Desired, steps: readonly (string | number)[]): string {
  const colon = side.source.lastIndexOf(':');
  return `${side.source.slice(0, colon)}:${Number(side.source.slice(colon + 1)) - 1 + finderOf(side)(steps)}`;
}

const finders = new WeakMap<Desired, ReturnType<typeof lineFinder>>();

function finderOf(side: Desired): ReturnType<typeof lineFinder> {
  const known = finders.get(side) ?? lineFinder(side.text);
  finders.set(side, known);
  return known;
}

/** A difference as it may be shown. */
export function shownChange({ path, keys, before, after }: FieldDifference, kind: string): FieldChange {
  const named = keys.at(-1) === 'value' ? keys.slice(0, -1) : keys;
  const mask = (value: unknown): unknown => maskValue(value, named, { isSecret: kind === 'Secret' });
  return {
    path,
    ...(before !== undefined && { before: mask(before) }),
    ...(after !== undefined && { after: mask(after) }),
  };
}
