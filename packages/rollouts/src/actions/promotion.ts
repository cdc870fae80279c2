/** Promoting → Finalising → Succeeded, and the short way when the analysis is skipped. */

import type { Canary } from '../canary.ts';
import { copyTemplate } from '../enforce.ts';
import { runHooks, setStatus, targetName, type ActionContext } from './context.ts';

/** The primary runs the new revision: requests go back to it. */
export async function routeToPrimary(context: ActionContext): Promise<Canary> {
  const { canary, plan, deps } = context;
  await deps.narrator.info(canary, 'Routing all traffic to primary');
  deps.metrics.setWeight(plan, 0);
  return setStatus(context, { phase: 'Finalising', canaryWeight: 0 });
}

/** The target goes to zero and the run is over. */
export async function finish(context: ActionContext): Promise<Canary> {
  const { canary, plan, status, deps } = context;
  await deps.narrator.info(canary, `Promotion completed! Scaling down ${targetName(context)}`);
  const succeeded = await setStatus(context, {
    phase: 'Succeeded',
    canaryWeight: 0,
    failedChecks: 0,
    iterations: 0,
    lastPromotedSpec: status.lastAppliedSpec,
    diagnosis: undefined,
  });
  const failed = await runHooks(context, 'post-rollout', 'Succeeded', async ({ name }) => {
    await deps.narrator.info(canary, `Post-rollout check ${name} passed`);
  });
  if (failed !== undefined) {
    await deps.narrator.warn(canary, `Post-rollout hook ${failed.webhook.name} failed ${failed.error}`);
  }
  deps.metrics.countEnd(plan, true, true);
  return succeeded;
}

/** skipAnalysis: copied and done in one round. */
export async function skipAnalysis(context: ActionContext): Promise<Canary> {
  const { canary, plan, status, deps } = context;
  const primary = `${plan.primary}.${plan.namespace}`;
  await deps.narrator.info(canary, `Copying ${targetName(context)} template spec to ${primary}`);
  // Copied before the status says so: killed in between, this round simply runs again.
  await copyTemplate(context, deps.client);
  const name = targetName(context);
  await deps.narrator.info(canary, `Promotion completed! Canary analysis was skipped for ${name}`);
  deps.metrics.countEnd(plan, true, false);
  return setStatus(context, {
    phase: 'Succeeded',
    canaryWeight: 0,
    failedChecks: 0,
    iterations: 0,
    lastPromotedSpec: status.lastAppliedSpec,
  });
}
