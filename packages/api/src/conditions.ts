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

const fluxMessageLimit = 32_768;
const fluxFirst = ['Stalled', 'Reconciling', 'Ready'];

/**
 * As the controllers of Flux keep them: the time moves when status, reason or message do; Stalled, Reconciling and Ready
 * come first, the others by the newest generation, then by name. Source: fluxcd/pkg, runtime/conditions.
 */
export function setFluxCondition(
  conditions: readonly Condition[] | undefined,
  given: { type: string; status: Condition['status']; reason: string; message: string },
  at: { nowMs: number; generation: number | undefined },
): Condition[] {
  const { message } = given;
  const limited = message.length <= fluxMessageLimit ? message : `${message.slice(0, fluxMessageLimit - 3)}...`;
  const known = findCondition(conditions, given.type);
  const isSame = known?.status === given.status && known.reason === given.reason && known.message === limited;
  const next: Condition = {
    ...given,
    message: limited,
    lastTransitionTime: (isSame ? known.lastTransitionTime : undefined) ?? toTimestamp(at.nowMs),
    ...(at.generation !== undefined && { observedGeneration: at.generation }),
  };
  return [...withoutCondition(conditions, given.type), next].toSorted(inFluxOrder);
}

export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

function inFluxOrder(left: Condition, right: Condition): number {
  const weight = ({ type }: Condition): number =>
    fluxFirst.includes(type) ? fluxFirst.indexOf(type) : fluxFirst.length;
  const byWeight = weight(left) - weight(right);
  if (byWeight !== 0) return byWeight;
  const byGeneration = (right.observedGeneration ?? 0) - (left.observedGeneration ?? 0);
  return byGeneration === 0 ? Number(left.type > right.type) - Number(left.type < right.type) : byGeneration;
}
