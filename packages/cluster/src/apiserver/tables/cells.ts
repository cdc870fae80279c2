/** Small readers that the cells of all kinds share. */

import { requirementsOf, type AnyObject, type LabelSelector } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';

/** The cells of one object, in the order of its columns. */
export type Cells = (object: AnyObject, nowMs: number) => unknown[];

/** The member at a dotted path. */
export function at(object: unknown, path: string): unknown {
  return getIn(object, path.split('.'));
}

/** The member as text, or `otherwise` when it is absent or empty. */
export function text(object: unknown, path: string, otherwise = ''): string {
  const value = at(object, path);
  return value === undefined || value === null || value === '' ? otherwise : String(value);
}

/** The member as a number, 0 when absent. */
export function count(object: unknown, path: string): number {
  return Number(at(object, path) ?? 0);
}

/** The member as a list of records. */
export function records(object: unknown, path: string): UnknownRecord[] {
  const value = at(object, path);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** `a=b,c=d` in key order, or `<none>`. */
export function labelsText(labels: unknown): string {
  if (!isRecord(labels) || Object.keys(labels).length === 0) return '<none>';
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${String(labels[key])}`)
    .join(',');
}

/** A `metav1.LabelSelector` as text, `<none>` when it is absent or empty. */
export function labelSelectorText(selector: unknown): string {
  if (!isRecord(selector)) return '<none>';
  const parts = requirementsOf(selector as LabelSelector).map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    if (operator === 'NotIn') return `${key} notin (${values.join(',')})`;
    const single = isRecord(selector['matchLabels']) && Object.hasOwn(selector['matchLabels'], key);
    return single ? `${key}=${values[0] ?? ''}` : `${key} in (${values.join(',')})`;
  });
  return parts.length === 0 ? '<none>' : parts.sort().join(',');
}

/** Names and images of the containers at a path. */
export function containerCells(object: unknown, path: string): [names: string, images: string] {
  const containers = records(object, path);
  return [
    containers.map((container) => String(container['name'])).join(','),
    containers.map((container) => String(container['image'] ?? '')).join(','),
  ];
}

/** True when the condition is there with status True. */
export function hasCondition(object: unknown, type: string): boolean {
  return records(object, 'status.conditions').some(
    (condition) => condition['type'] === type && condition['status'] === 'True',
  );
}
