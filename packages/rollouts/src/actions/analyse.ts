/** One round of analysis: hooks and metrics, then one step forward or one failed check more. */

import type { Canary } from '../canary.ts';
import type { Advance } from '../decide.ts';
import { checkMetrics } from '../check-metrics.ts';
import { canaryName, runHooks, setStatus, targetName, type ActionContext } from './context.ts';
import { rollback } from './rollback.ts';

export interface Analysis {
  readonly starting: boolean;
  readonly advance: Advance;
}

/** Progressing or WaitingPromotion. Writes failedChecks, weight, iterations or the next phase. */
export async function analyse(context: ActionContext, { starting, advance }: Analysis): Promise<Canary> {
  const { canary, status, deps } = context;
  if (await isRollbackAsked(context)) {
    await deps.narrator.warn(canary, `Rolling back ${canaryName(context)} manual webhook invoked`);
    return rollback(context);
  }
  const passed = starting ? await start(context) : await check(context);
  if (!passed.ok) {
    return setStatus(context, {
      failedChecks: status.failedChecks + 1,
      ...(passed.diagnosis !== undefined && { diagnosis: passed.diagnosis }),
    });
  }
  return advanceTo(context, advance);
}

type Checked = { readonly ok: true } | { readonly ok: false; readonly diagnosis?: { cause: string; message: string } };

/** A rollback hook that answers with success asks for a rollback. */
async function isRollbackAsked(context: ActionContext): Promise<boolean> {
  const { plan, status, deps, canary } = context;
  if (!plan.webhooks.some(({ type }) => type === 'rollback')) return false;
  const refused = await runHooks(context, 'rollback', status.phase, async ({ name }) => {
    await deps.narrator.warn(canary, `Rollback check ${name} passed`);
  });
  if (refused !== undefined) {
    await deps.narrator.info(canary, `Rollback hook ${refused.webhook.name} not signaling a rollback`);
  }
  return refused === undefined;
}

async function start(context: ActionContext): Promise<Checked> {
  const { canary, deps } = context;
  await deps.narrator.info(canary, `Starting canary analysis for ${targetName(context)}`);
  const failed = await runHooks(context, 'pre-rollout', 'Progressing', async ({ name }) => {
    await deps.narrator.info(canary, `Pre-rollout check ${name} passed`);
  });
  if (failed === undefined) return { ok: true };
  const { webhook, error } = failed;
  const halt = `Halt ${canaryName(context)} advancement`;
  await deps.narrator.warn(canary, `${halt} pre-rollout check ${webhook.name} failed ${error}`);
  return { ok: false };
}

async function check(context: ActionContext): Promise<Checked> {
  const { canary, deps } = context;
  const failed = await runHooks(context, 'rollout', 'Progressing');
  if (failed !== undefined) {
    const { webhook, error } = failed;
    const halt = `Halt ${canaryName(context)} advancement`;
    await deps.narrator.warn(canary, `${halt} external check ${webhook.name} failed ${error}`);
    return { ok: false };
  }
  const failure = await checkMetrics(context);
  if (failure === undefined) return { ok: true };
  await deps.narrator[failure.level === 'error' ? 'error' : 'warn'](canary, failure.message);
  const { diagnosis } = failure;
  if (diagnosis === undefined) return { ok: false };
  await deps.narrator.reason(canary, 'Diagnosis', diagnosis.message);
  return { ok: false, diagnosis };
}

async function advanceTo(context: ActionContext, advance: Advance): Promise<Canary> {
  const { canary, plan, deps } = context;
  switch (advance.type) {
    case 'stay':
      return canary;
    case 'weight':
      return setWeight(context, advance.weight);
    case 'iteration': {
      const { iteration } = advance;
      const progress = `${iteration}/${plan.iterations}`;
      await deps.narrator.info(canary, `Advance ${canaryName(context)} canary iteration ${progress}`);
      return setStatus(context, { phase: 'Progressing', iterations: iteration });
    }
    case 'route-to-canary':
      if (!(await isPromotionConfirmed(context))) return waitForPromotion(context);
      await deps.narrator.info(canary, 'Routing all traffic to canary');
      return setStatus(context, { phase: 'Progressing', iterations: advance.iteration });
    case 'promote':
      return promote(context);
  }
}

async function setWeight(context: ActionContext, weight: number): Promise<Canary> {
  const { canary, plan, deps } = context;
  const blocked = await runHooks(context, 'confirm-traffic-increase', 'Progressing', async ({ name }) => {
    await deps.narrator.info(canary, `Confirm-traffic-increase check ${name} passed`);
  });
  if (blocked !== undefined) {
    const halt = `Halt ${canaryName(context)} advancement`;
    await deps.narrator.warn(canary, `${halt} waiting for traffic increase approval ${blocked.webhook.name}`);
    return canary;
  }
  await deps.narrator.info(canary, `Advance ${canaryName(context)} canary weight ${weight}`);
  deps.metrics.setWeight(plan, weight);
  return setStatus(context, { phase: 'Progressing', canaryWeight: weight, diagnosis: undefined });
}

async function isPromotionConfirmed(context: ActionContext): Promise<boolean> {
  const { canary, status, deps } = context;
  const blocked = await runHooks(context, 'confirm-promotion', 'Progressing', async ({ name }) => {
    await deps.narrator.info(canary, `Confirm-promotion check ${name} passed`);
  });
  if (blocked === undefined) return true;
  if (status.phase !== 'WaitingPromotion') {
    const halt = `Halt ${canaryName(context)} advancement`;
    await deps.narrator.warn(canary, `${halt} waiting for promotion approval ${blocked.webhook.name}`);
  }
  return false;
}

/** The status shows weight 0 here, though the routes stay at the last weight: Flagger's users know it so. */
async function waitForPromotion(context: ActionContext): Promise<Canary> {
  if (context.status.phase === 'WaitingPromotion') return context.canary;
  return setStatus(context, { phase: 'WaitingPromotion', canaryWeight: 0 });
}

async function promote(context: ActionContext): Promise<Canary> {
  const { canary, plan, deps } = context;
  if (!(await isPromotionConfirmed(context))) return waitForPromotion(context);
  const primary = `${plan.primary}.${plan.namespace}`;
  await deps.narrator.info(canary, `Copying ${targetName(context)} template spec to ${primary}`);
  return setStatus(context, { phase: 'Promoting', canaryWeight: 0, iterations: 0 });
}
