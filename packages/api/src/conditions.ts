/** Conditions: set and read, with the transition time moving only on change. */

import { toTimestamp } from '@towpath/kit';
import type { Condition } from './object.ts';

/** Returns `conditions` with `next` in its place; `lastTransitionTime` moves only when the status does. */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  nowMs: number,
): Condition[] {
  const previous = findCondition(conditions, next.type);
  const moved = previous?.status !== next.status;
  const lastTransitionTime = moved ? toTimestamp(nowMs) : (previous?.lastTransitionTime ?? toTimestamp(nowMs));
  const merged: Condition = { ...next, lastTransitionTime };
  if (previous === undefined) return [...(conditions ?? []), merged];
  return (conditions ?? []).map((condition) => (condition.type === next.type ? merged : condition));
}

/** The condition of that type, if present. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** True when the condition is present with status True. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
