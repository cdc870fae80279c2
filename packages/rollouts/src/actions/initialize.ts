/** Initialising → Initialized: the services, the primary, and the first switch of the apex to it. */

import { Deployments } from '@towpath/api';
import { isAlreadyExists } from '@towpath/runtime';
import type { Canary } from '../canary.ts';
import { initializedStatus } from '../observe.ts';
import { copyConfigs } from '../objects/configs.ts';
import { primaryDeployment, selectorLabelOf } from '../objects/primary.ts';
import { ensureBackends } from '../objects/services.ts';
import { deploymentReadiness } from '../readiness.ts';
import { canaryName, setStatus, type ActionContext } from './context.ts';

/** Marks a new canary; the first round follows at once. */
export async function begin(context: ActionContext): Promise<Canary> {
  return setStatus(context, { phase: 'Initializing' });
}

/**
 * Creates `…-canary`, `…-primary` and the primary Deployment. Nothing is created while the metrics server does not
 * answer. The created Deployment is judged as the API returned it: nobody can have observed it yet.
 */
export async function initialize(context: ActionContext): Promise<Canary> {
  const { canary, plan, observed, deps } = context;
  const { client, narrator } = deps;
  const { target, targetHash, configs } = observed;
  if (target === undefined || targetHash === undefined) return canary;
  const label = selectorLabelOf(target);
  await ensureBackends({ client, canary, plan, label });
  if (!plan.skipAnalysis && !(await providersOnline(context))) return canary;
  await copyConfigs(client, canary, configs);
  const wanted = primaryDeployment({ canary, plan, target, targetHash, configs });
  try {
    const created = await client.create(Deployments, wanted);
    narrator.log('info', `Deployment ${plan.primary}.${plan.namespace} created`, canary);
    const readiness = deploymentReadiness(created, {
      deadlineSeconds: plan.progressDeadlineSeconds,
      readyThreshold: plan.primaryReadyThreshold,
      nowMs: deps.clock.nowMs(),
    });
    if (!readiness.ready) {
      await narrator.warn(canary, `${plan.primary}.${plan.namespace} not ready: ${readiness.reason}`);
    }
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  return canary;
}

async function providersOnline({ canary, plan, deps }: ActionContext): Promise<boolean> {
  if (plan.metrics.length === 0) return true;
  const problem = await deps.providers(plan.metricsServer).isOnline();
  if (problem === undefined) {
    await deps.narrator.info(canary, 'all the metrics providers are available!');
    return true;
  }
  // The spelling is Flagger's, and people search for it.
  await deps.narrator.error(canary, `Error checking metric providers: prometheus not avaiable: ${problem}`);
  return false;
}

/** The primary is ready: traffic goes to it, the target goes to zero (see enforce). */
export async function finishInitialization(context: ActionContext): Promise<Canary> {
  const { canary, plan, observed, deps } = context;
  await deps.narrator.info(canary, `Initialization done! ${canaryName(context)}`);
  deps.metrics.setWeight(plan, 0);
  return setStatus(context, {
    phase: 'Initialized',
    canaryWeight: 0,
    failedChecks: 0,
    iterations: 0,
    trackedConfigs: { ...observed.configs },
    ...initializedStatus(observed),
  });
}
