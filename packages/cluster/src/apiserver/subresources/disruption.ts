/** Whether a disruption budget allows an eviction, and what the eviction takes from it. */

import { findCondition, matchesSelector, type AnyObject, type Condition, type LabelSelector } from '@towpath/api';
import { getIn, isRecord, toTimestamp, type UnknownRecord } from '@towpath/kit';
import { storageKey, type ApiContext, type Target } from '../handlers/context.ts';
import { updateObject, type WriteOptions } from '../handlers/write.ts';
import { internalError, StatusError } from '../http/status.ts';

/**
 * Counts the eviction against the budget of the pod, if it has one. Throws 429 when the budget allows none, 500 when
 * there is more than one. Source: Kubernetes pkg/registry/core/pod/storage/eviction.go.
 */
export async function takeDisruption(context: ApiContext, target: Target, options: WriteOptions): Promise<void> {
  const pod = context.objects.collection('core/pods').get(storageKey(target.resource, target.namespace, target.name));
  if (pod === undefined || isUncounted(pod.object)) return;
  const [budget, another] = context.objects
    .collection('policy/poddisruptionbudgets')
    .list(`${target.namespace ?? ''}/`)
    .filter(({ object }) => {
      const selector = getIn(object, ['spec', 'selector']) as LabelSelector | undefined;
      return matchesSelector(selector, pod.object.metadata.labels);
    });
  if (budget === undefined) return;
  if (another !== undefined) {
    throw internalError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  if (mayGoUnready(pod.object, budget.object)) return;
  const resource = context.registry.find('policy', 'v1', 'poddisruptionbudgets');
  if (resource === undefined) return;
  const { name } = budget.object.metadata;
  const at = toTimestamp(context.clock.nowMs());
  const taken = (current: AnyObject): UnknownRecord => withDisruption(current, target.name, at);
  await updateObject(context, { ...target, resource, name, subresource: 'status' }, taken, {
    ...options,
    fieldManager: 'kube-apiserver',
  });
}

/** Pods that have ended, have not begun, or go already count for nothing. */
function isUncounted(pod: AnyObject): boolean {
  const phase = getIn(pod, ['status', 'phase']);
  const isIdle = phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending';
  return isIdle || pod.metadata.deletionTimestamp !== undefined;
}

/** A pod that is not ready disrupts nothing, where the policy says so. */
function mayGoUnready(pod: AnyObject, budget: AnyObject): boolean {
  const conditions = getIn(pod, ['status', 'conditions']) as Condition[] | undefined;
  if (findCondition(conditions, 'Ready')?.status === 'True') return false;
  if (getIn(budget, ['spec', 'unhealthyPodEvictionPolicy']) === 'AlwaysAllow') return true;
  const count = (name: string): number => Number(getIn(budget, ['status', name]) ?? 0);
  return count('currentHealthy') >= count('desiredHealthy') && count('desiredHealthy') > 0;
}

function withDisruption(budget: AnyObject, pod: string, at: string): UnknownRecord {
  const status = isRecord(budget['status']) ? budget['status'] : {};
  const allowed = Number(status['disruptionsAllowed'] ?? 0);
  if (allowed <= 0) throw refusal(budget.metadata.name, status);
  const disruptedPods = isRecord(status['disruptedPods']) ? status['disruptedPods'] : {};
  return {
    ...budget,
    status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods: { ...disruptedPods, [pod]: at } },
  };
}

function refusal(name: string, status: UnknownRecord): StatusError {
  const healthy = Number(status['currentHealthy'] ?? 0);
  const needed = Number(status['desiredHealthy'] ?? 0);
  const message = `The disruption budget ${name} needs ${needed} healthy pods and has ${healthy} currently`;
  return new StatusError({
    code: 429,
    reason: 'TooManyRequests',
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: { causes: [{ reason: 'DisruptionBudget', message }] },
  });
}
