/** Progressing or WaitingPromotion → Failed: all requests to the primary, the target to zero (see enforce). */

import type { Canary } from '../canary.ts';
import { canaryName, runHooks, setStatus, type ActionContext } from './context.ts';

/** Says why, then rolls back. */
export async function rollbackBecause(context: ActionContext, because: 'threshold' | 'deadline'): Promise<Canary> {
  const { canary, plan, status, deps } = context;
  const name = canaryName(context);
  const message =
    because === 'deadline'
      ? `Rolling back ${name} progress deadline exceeded ${deadlineReason(context)}`
      : `Rolling back ${name} failed checks threshold reached ${status.failedChecks}`;
  await deps.narrator.warn(canary, message);
  const failed = await rollback(context);
  // The cause again at the end, where somebody who looks at a failed canary reads first.
  if (status.diagnosis !== undefined) await deps.narrator.reason(canary, 'Diagnosis', status.diagnosis.message);
  deps.metrics.countEnd(plan, false, true);
  return failed;
}

function deadlineReason({ observed }: ActionContext): string {
  return observed.canary.ready ? '' : observed.canary.reason;
}

/** The rollback itself; the reason has been told. */
export async function rollback(context: ActionContext): Promise<Canary> {
  const { canary, plan, deps } = context;
  await deps.narrator.warn(canary, `Canary failed! Scaling down ${canaryName(context)}`);
  deps.metrics.setWeight(plan, 0);
  const failed = await setStatus(context, { phase: 'Failed', canaryWeight: 0, failedChecks: 0, iterations: 0 });
  await runHooks(context, 'post-rollout', 'Failed', async ({ name }) => {
    await deps.narrator.info(canary, `Post-rollout check ${name} passed`);
  });
  return failed;
}
