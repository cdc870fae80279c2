/**
 * Brings the objects to what the status stands for. The status is written first and the objects follow, so that a
 * process killed in between, or a Helm upgrade that resets a field, is mended by the same code.
 */

import { Deployments } from '@towpath/api';
import type { Client } from '@towpath/runtime';
import type { Canary, CanaryStatus } from './canary.ts';
import { desiredWeight, hasChanged, targetRuns } from './decide.ts';
import type { RolloutDeps } from './deps.ts';
import { revisionOf } from './hash.ts';
import { autoscalerMinimum, ensureAutoscaler } from './objects/autoscaler.ts';
import { copyConfigs } from './objects/configs.ts';
import { copiedFromAnnotation, primaryTemplate, selectorLabelOf } from './objects/primary.ts';
import { ensureApex, ensureBackends } from './objects/services.ts';
import type { Observed } from './observe.ts';
import type { Plan } from './plan.ts';

export interface Enforcement {
  readonly canary: Canary;
  readonly plan: Plan;
  readonly status: CanaryStatus;
  readonly observed: Observed;
}

/** Writes only what differs. Does nothing before the initialisation is over, or without a target. */
export async function enforce(enforcement: Enforcement, deps: RolloutDeps): Promise<void> {
  const { canary, plan, status, observed } = enforcement;
  const { target } = observed;
  if (target === undefined || status.phase === '' || status.phase === 'Initializing') return;
  const { client } = deps;
  const label = selectorLabelOf(target);
  await ensureBackends({ client, canary, plan, label });
  await scaleTarget(enforcement, deps);
  await ensureApex({ client, canary, plan, label });
  await deps.router.apply(canary, plan, desiredWeight(plan, status));
  if (status.phase === 'Promoting') await copyTemplate(enforcement, client);
  await ensureAutoscaler(client, canary, plan);
}

/** Copies the analysed template to the primary, once. */
export async function copyTemplate({ canary, plan, status, observed }: Enforcement, client: Client): Promise<void> {
  const { target, targetHash, configs, copied, primaryObject } = observed;
  const promoted = status.lastAppliedSpec;
  if (target === undefined || primaryObject === undefined || targetHash !== promoted) return;
  const revision = revisionOf(promoted, configs);
  if (copied === revision) return;
  const label = selectorLabelOf(target);
  await copyConfigs(client, canary, configs);
  const template = primaryTemplate({ plan, target, targetHash, configs }, label);
  const { progressDeadlineSeconds, minReadySeconds, revisionHistoryLimit, strategy } = target.spec;
  const { annotations } = primaryObject.metadata;
  await client.update(Deployments, {
    ...primaryObject,
    metadata: { ...primaryObject.metadata, annotations: { ...annotations, [copiedFromAnnotation]: revision } },
    spec: {
      ...primaryObject.spec,
      ...(progressDeadlineSeconds !== undefined && { progressDeadlineSeconds }),
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      ...(revisionHistoryLimit !== undefined && { revisionHistoryLimit }),
      ...(strategy !== undefined && { strategy }),
      template,
    },
  });
}

/** Zero between runs, up during one. A new revision that nobody has looked at yet is left as it is. */
async function scaleTarget({ plan, status, observed }: Enforcement, deps: RolloutDeps): Promise<void> {
  const { target } = observed;
  if (target === undefined) return;
  const replicas = target.spec.replicas ?? 1;
  const wanted = targetRuns(status);
  if (wanted === 'zero' && replicas !== 0 && (status.phase === 'Waiting' || !hasChanged(status, observed))) {
    deps.narrator.log('info', `Scaling down ${plan.targetKind} ${plan.target}.${plan.namespace}`);
    await patchReplicas(deps.client, plan, 0);
  }
  if (wanted === 'up' && replicas === 0)
    await patchReplicas(deps.client, plan, await replicasFor(plan, observed, deps));
}

/** As many as the primary runs, or the autoscaler's minimum. */
async function replicasFor(plan: Plan, observed: Observed, deps: RolloutDeps): Promise<number> {
  const minimum = await autoscalerMinimum(deps.client, plan);
  return minimum ?? Math.max(1, observed.primaryObject?.spec.replicas ?? 1);
}

async function patchReplicas(client: Client, plan: Plan, replicas: number): Promise<void> {
  const key = { namespace: plan.namespace, name: plan.target };
  await client.patch(Deployments, key, { spec: { replicas } }, { kind: 'merge' });
}
