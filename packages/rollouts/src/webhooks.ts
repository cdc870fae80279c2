/** Calls webhooks. Source: Flagger, pkg/controller/webhook.go. */

import { messageOf, type Clock } from '@towpath/kit';
import { httpExchange, type Connect } from '@towpath/metrics/client';
import { rolloutError } from './errors.ts';
import type { WebhookPlan } from './plan.ts';

export interface WebhookPayload {
  readonly name: string;
  readonly namespace: string;
  readonly phase: string;
  readonly checksum: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface WebhookDeps {
  readonly connect?: Connect | undefined;
  readonly clock: Clock;
}

/** Success is any status up to 202. Throws `WEBHOOK_FAILED` after the retries. */
export async function callWebhook(webhook: WebhookPlan, payload: WebhookPayload, deps: WebhookDeps): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await post(webhook, payload, deps);
      return;
    } catch (error) {
      if (attempt >= webhook.retries) throw error;
      await deps.clock.sleep(Math.min(5000, 500 * 2 ** attempt));
    }
  }
}

async function post(webhook: WebhookPlan, payload: WebhookPayload, { connect }: WebhookDeps): Promise<void> {
  const url = new URL(webhook.url);
  if (url.protocol !== 'http:') {
    throw rolloutError('WEBHOOK_FAILED', `${webhook.url}: only http:// webhooks are supported`);
  }
  const response = await httpExchange({
    method: 'POST',
    host: url.hostname,
    port: url.port === '' ? 80 : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(payload),
    timeoutMs: webhook.timeoutMs,
    maxBodyBytes: 1024 * 1024,
    connect,
  }).catch((error: unknown) => {
    throw rolloutError('WEBHOOK_FAILED', `Post "${webhook.url}": ${messageOf(error)}`, { cause: error });
  });
  if (response.status > 202) throw rolloutError('WEBHOOK_FAILED', response.body || `status ${response.status}`);
}
