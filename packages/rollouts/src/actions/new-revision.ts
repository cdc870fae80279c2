/** A new revision: gates first, then the run begins. */

import type { Canary } from '../canary.ts';
import { canaryName, runHooks, setStatus, targetName, type ActionContext } from './context.ts';

/**
 * Initialized, Succeeded, Failed or Waiting → Progressing, or Waiting when a confirm-rollout webhook does not pass.
 * The new revision is written together with the phase, never before: a failure in between is seen as a change again.
 */
export async function newRevision(context: ActionContext): Promise<Canary> {
  const { canary, status, deps } = context;
  const blocked = await runHooks(context, 'confirm-rollout', status.phase, async ({ name }) => {
    await deps.narrator.info(canary, `Confirm-rollout check ${name} passed`);
  });
  if (blocked !== undefined) {
    if (status.phase === 'Waiting') return canary;
    const name = blocked.webhook.name;
    await deps.narrator.warn(canary, `Halt ${canaryName(context)} advancement waiting for approval ${name}`);
    return setStatus(context, { phase: 'Waiting' });
  }
  await deps.narrator.info(canary, `New revision detected! Scaling up ${targetName(context)}`);
  return setStatus(context, startOfRun(context));
}

/** The revision changed during the analysis: everything starts again. */
export async function restart(context: ActionContext): Promise<Canary> {
  await context.deps.narrator.info(
    context.canary,
    `New revision detected! Restarting analysis for ${targetName(context)}`,
  );
  return setStatus(context, startOfRun(context));
}

function startOfRun({ observed }: ActionContext): Parameters<typeof setStatus>[1] {
  return {
    phase: 'Progressing',
    canaryWeight: 0,
    failedChecks: 0,
    iterations: 0,
    lastAppliedSpec: observed.targetHash ?? '',
    trackedConfigs: { ...observed.configs },
    diagnosis: undefined,
  };
}
