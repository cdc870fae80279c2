/** All reads of one round. */

import { Deployments, type Deployment } from '@towpath/api';
import type { CanaryStatus } from './canary.ts';
import type { Situation } from './decide.ts';
import type { RolloutDeps } from './deps.ts';
import { templateHash, templateOf } from './hash.ts';
import { trackConfigs, type TrackedConfigs } from './objects/configs.ts';
import { copiedFromAnnotation } from './objects/primary.ts';
import type { Plan } from './plan.ts';
import { deploymentReadiness } from './readiness.ts';

/** What was read, and what follows from it for `decide`. */
export interface Observed extends Situation {
  readonly target: Deployment | undefined;
  readonly primaryObject: Deployment | undefined;
  readonly configs: TrackedConfigs;
}

const absent = { ready: false, retriable: true, reason: 'deployment not found' } as const;

/** Reads target, primary and configs. `tickDue` is the controller's knowledge. */
export async function observe(plan: Plan, tickDue: boolean, deps: RolloutDeps): Promise<Observed> {
  const { client } = deps;
  const { namespace } = plan;
  const target = await client.get(Deployments, { namespace, name: plan.target });
  const primaryObject = await client.get(Deployments, { namespace, name: plan.primary });
  const configs = target === undefined ? {} : await trackConfigs(client, namespace, target.spec.template.spec);
  return situation({ plan, tickDue, target, primaryObject, configs, nowMs: deps.clock.nowMs() });
}

interface Read {
  readonly plan: Plan;
  readonly tickDue: boolean;
  readonly target: Deployment | undefined;
  readonly primaryObject: Deployment | undefined;
  readonly configs: TrackedConfigs;
  readonly nowMs: number;
}

/** Pure: from objects to what matters about them. */
function situation({ plan, tickDue, target, primaryObject, configs, nowMs }: Read): Observed {
  const deadlineSeconds = plan.progressDeadlineSeconds;
  const readiness = (deployment: Deployment, readyThreshold: number): Situation['canary'] => {
    return deploymentReadiness(deployment, { deadlineSeconds, readyThreshold, nowMs });
  };
  return {
    target,
    primaryObject,
    configs,
    tickDue,
    targetHash: target === undefined ? undefined : templateHash(target.spec.template),
    primary: primaryObject === undefined ? 'absent' : readiness(primaryObject, plan.primaryReadyThreshold),
    primaryScaledToZero: primaryObject?.spec.replicas === 0,
    canary: target === undefined ? absent : readiness(target, plan.canaryReadyThreshold),
    copied: primaryObject?.metadata.annotations?.[copiedFromAnnotation] ?? '',
  };
}

/** The revision a finished initialisation stands for: what the primary runs, not what the target became since. */
export function initializedStatus(observed: Observed): Pick<CanaryStatus, 'lastAppliedSpec' | 'lastPromotedSpec'> {
  const hash = observed.copied === '' ? (observed.targetHash ?? '') : templateOf(observed.copied);
  return { lastAppliedSpec: hash, lastPromotedSpec: hash };
}
