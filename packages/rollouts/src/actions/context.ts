/** What every action gets, and what it gives back. */

import type { Canary, CanaryStatus } from '../canary.ts';
import type { RolloutDeps } from '../deps.ts';
import type { Observed } from '../observe.ts';
import type { Plan } from '../plan.ts';
import { writeStatus } from '../status.ts';
import { dataHash } from '../hash.ts';
import { callWebhook } from '../webhooks.ts';
import { messageOf } from '@towpath/kit';
import type { WebhookPlan, WebhookType } from '../plan.ts';

export interface ActionContext {
  readonly canary: Canary;
  readonly plan: Plan;
  readonly status: CanaryStatus;
  readonly observed: Observed;
  readonly deps: RolloutDeps;
}

/** Writes a change of the status and returns the canary with it. */
export function setStatus({ canary, deps }: ActionContext, change: Partial<CanaryStatus>): Promise<Canary> {
  return writeStatus(deps.client, canary, change, deps.clock.nowMs());
}

/** `NAME.NAMESPACE` of the canary, as events say it. */
export function canaryName({ plan }: ActionContext): string {
  return `${plan.name}.${plan.namespace}`;
}

/** `NAME.NAMESPACE` of the target. */
export function targetName({ plan }: ActionContext): string {
  return `${plan.target}.${plan.namespace}`;
}

export interface HookFailure {
  readonly webhook: WebhookPlan;
  readonly error: string;
}

/** Calls the webhooks of one type in order; the first failure ends the round. `passed` is told of each success. */
export async function runHooks(
  context: ActionContext,
  type: WebhookType,
  phase: string,
  passed?: (webhook: WebhookPlan) => Promise<void>,
): Promise<HookFailure | undefined> {
  const { plan, status, deps } = context;
  for (const webhook of plan.webhooks.filter((one) => one.type === type)) {
    const payload = {
      name: plan.name,
      namespace: plan.namespace,
      phase,
      checksum: dataHash({ configs: status.trackedConfigs, spec: status.lastAppliedSpec }),
      metadata: webhook.metadata,
    };
    try {
      await callWebhook(webhook, payload, deps);
    } catch (error) {
      return { webhook, error: messageOf(error) };
    }
    await passed?.(webhook);
  }
  return undefined;
}
