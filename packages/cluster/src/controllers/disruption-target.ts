/** The condition that tells a pod's controller that the cluster, not the program, ended the pod. */

import { keyOf, Pods, setCondition, type Pod } from '@towpath/api';
import { jsonEqual } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import { isFinished } from './pod-state.ts';

/** Writes `DisruptionTarget`; with `isLost` also the phase, where no node is left to write it. */
export async function markDisrupted(
  client: Client,
  pod: Pod,
  because: { reason: string; message: string; isLost?: boolean },
  nowMs: number,
): Promise<void> {
  const { reason, message, isLost } = because;
  const { generation } = pod.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message, ...observed } as const;
  const conditions = setCondition(pod.status?.conditions, condition, nowMs);
  const phase = isLost === true && !isFinished(pod) ? { phase: 'Failed' } : {};
  if (jsonEqual(conditions, pod.status?.conditions) && phase.phase === undefined) return;
  try {
    await client.patch(
      Pods,
      keyOf(pod),
      { status: { ...phase, conditions } },
      { kind: 'merge', subresource: 'status' },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
