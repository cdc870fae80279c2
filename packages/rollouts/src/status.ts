/** The only writer of a Canary's status. */

import { setCondition, type Condition } from '@towpath/api';
import { Canaries } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { statusOf, type Canary, type CanaryStatus, type Phase } from './canary.ts';

/** The one condition Flagger owns; `kubectl wait --for=condition=promoted` relies on it. */
const promotedCondition = 'Promoted';

type ConditionText = (kind: string) => readonly [status: Condition['status'], message: string];

const initializing: ConditionText = (kind) => ['Unknown', `New ${kind} detected, starting initialization.`];
const approval: ConditionText = () => ['Unknown', 'Waiting for approval.'];

/** Source: Flagger, pkg/canary/status.go, MakeStatusConditions. */
const conditionTexts: Readonly<Record<Phase, ConditionText>> = {
  Initializing: initializing,
  Initialized: (kind) => ['True', `${kind} initialization completed.`],
  Waiting: approval,
  WaitingPromotion: approval,
  Progressing: () => ['Unknown', 'New revision detected, progressing canary analysis.'],
  Promoting: () => ['Unknown', 'Canary analysis completed, starting primary rolling update.'],
  Finalising: () => ['Unknown', 'Canary analysis completed, routing all traffic to primary.'],
  Succeeded: () => ['True', 'Canary analysis completed successfully, promotion finished.'],
  Failed: (kind) => ['False', `Canary analysis failed, ${kind} scaled to zero.`],
  Terminating: initializing,
  Terminated: initializing,
};

/** The status after `change`, with its condition and times. Pure. */
function nextStatus(canary: Canary, change: Partial<CanaryStatus>, nowMs: number): CanaryStatus {
  const before = statusOf(canary);
  const merged: CanaryStatus = { ...before, ...change, lastTransitionTime: toTimestamp(nowMs) };
  if (merged.phase === '') return merged;
  const [status, message] = conditionTexts[merged.phase](canary.spec.targetRef.kind);
  const previous = before.conditions.find(({ type }) => type === promotedCondition);
  const unchanged = previous?.reason === merged.phase && previous.message === message;
  if (unchanged) return merged;
  const condition = {
    type: promotedCondition,
    status,
    reason: merged.phase,
    message,
    lastUpdateTime: toTimestamp(nowMs),
  };
  return { ...merged, conditions: setCondition(before.conditions, condition, nowMs) };
}

/** Writes `change` and returns the canary with its new status. */
export async function writeStatus(
  client: Client,
  canary: Canary,
  change: Partial<CanaryStatus>,
  nowMs: number,
): Promise<Canary> {
  const status = nextStatus(canary, change, nowMs);
  const { namespace, name } = canary.metadata;
  const gone = Object.keys(statusOf(canary).trackedConfigs).filter((key) => status.trackedConfigs[key] === undefined);
  const patch = {
    ...status,
    // A merge patch keeps the members it does not name.
    trackedConfigs: { ...Object.fromEntries(gone.map((key) => [key, null])), ...status.trackedConfigs },
    diagnosis: status.diagnosis ?? null,
  };
  await client.patch(
    Canaries,
    { ...(namespace !== undefined && { namespace }), name },
    { status: patch },
    {
      kind: 'merge',
      subresource: 'status',
    },
  );
  return { ...canary, status };
}

/** Says on the object why it is not run. Nothing is written when it already says so. */
export async function writeRefusal(client: Client, canary: Canary, message: string, nowMs: number): Promise<boolean> {
  const before = statusOf(canary);
  const previous = before.conditions.find(({ type }) => type === promotedCondition);
  if (previous?.reason === 'Refused' && previous.message === message) return false;
  const condition = {
    type: promotedCondition,
    status: 'False' as const,
    reason: 'Refused',
    message,
    lastUpdateTime: toTimestamp(nowMs),
  };
  const status = {
    conditions: setCondition(before.conditions, condition, nowMs),
    lastTransitionTime: toTimestamp(nowMs),
  };
  const { namespace, name } = canary.metadata;
  await client.patch(
    Canaries,
    { ...(namespace !== undefined && { namespace }), name },
    { status },
    {
      kind: 'merge',
      subresource: 'status',
    },
  );
  return true;
}
