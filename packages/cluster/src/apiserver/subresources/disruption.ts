/** Whether disruption budgets allow an eviction. */

import { matchesSelector, type LabelSelector } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { StatusError } from '../http/status.ts';
import { storageKey, type ApiContext, type Target } from '../handlers/context.ts';

/** The refusal of an eviction, 429 as on a real server; undefined when it is allowed. */
export function evictionProblem(context: ApiContext, target: Target): StatusError | undefined {
  const pod = context.objects.collection('core/pods').get(storageKey(target.resource, target.namespace, target.name));
  if (pod === undefined) return undefined;
  const phase = getIn(pod.object, ['status', 'phase']);
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending') return undefined;
  const budgets = context.objects.collection('policy/poddisruptionbudgets').list(`${target.namespace ?? ''}/`);
  for (const { object } of budgets) {
    const selector = getIn(object, ['spec', 'selector']) as LabelSelector | undefined;
    if (!matchesSelector(selector, pod.object.metadata.labels)) continue;
    if (Number(getIn(object, ['status', 'disruptionsAllowed']) ?? 0) > 0) continue;
    const healthy = Number(getIn(object, ['status', 'currentHealthy']) ?? 0);
    const needed = Number(getIn(object, ['status', 'desiredHealthy']) ?? 0);
    const { name } = object.metadata;
    return new StatusError({
      code: 429,
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: `The disruption budget ${name} needs ${needed} healthy pods and has ${healthy} currently`,
          },
        ],
      },
    });
  }
  return undefined;
}
