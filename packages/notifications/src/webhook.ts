/** Answers webhooks: finds the receiver by its path, checks the sender, asks its resources to look now. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isConditionTrue, keyOf, keyText, Secrets } from '@towpath/api';
import { messageOf, type Logger } from '@towpath/kit';
import { checkRequest, type Hook } from './check-request.ts';
import type { Receiver } from './kinds.ts';
import { tokenOf } from './reconcile.ts';
import { requestReconcile, type RequestDeps } from './request-reconcile.ts';

/** What one request may have and take. Source: notification-controller, limits. */
const requestTimeoutMs = 30_000;
const maxBodyBytes = 3 * 1024 * 1024;

export interface WebhookDeps extends RequestDeps {
  readonly log: Logger;
  readonly receivers: () => readonly Receiver[];
}

/** Answers with a status alone, as Flux does: who is not known learns nothing. */
export async function answerWebhook(
  request: IncomingMessage,
  response: ServerResponse,
  deps: WebhookDeps,
): Promise<void> {
  const path = request.url ?? '';
  if (path === '/hook') {
    response.writeHead(307, { location: '/hook/' }).end();
    return;
  }
  if (!path.startsWith('/hook/')) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    return;
  }
  const timer = deps.clock.startTimer(requestTimeoutMs, () => request.destroy());
  const body = await readBody(request).finally(() => timer.cancel());
  const code = body === undefined ? 413 : await handle(path, { headers: headersOf(request), body }, deps);
  response.writeHead(code).end();
}

async function handle(path: string, hook: Hook, deps: WebhookDeps): Promise<number> {
  const { client, log } = deps;
  const receiver = deps.receivers().find(({ status }) => status?.webhookPath === path);
  if (receiver === undefined) return 404;
  const name = keyText(keyOf(receiver));
  const { type, events = [], resources, suspend } = receiver.spec;
  if (suspend === true || !isReady(receiver)) {
    log.warn('webhook refused: the receiver is suspended or not ready', { receiver: name });
    return 503;
  }
  try {
    const token = await tokenOf(receiver, (key) => client.get(Secrets, key));
    checkRequest(type, hook, { token, events });
  } catch (error) {
    log.warn('webhook refused', { receiver: name, because: messageOf(error) });
    return 400;
  }
  let hasFailed = false;
  for (const resource of resources) {
    try {
      const asked = await requestReconcile(resource, receiver.metadata.namespace ?? '', deps);
      log.info('webhook: asked to look now', { receiver: name, objects: asked.join(' ') });
    } catch (error) {
      hasFailed = true;
      log.warn('webhook: a resource could not be asked', { receiver: name, because: messageOf(error) });
    }
  }
  return hasFailed ? 500 : 200;
}

function isReady({ status }: Receiver): boolean {
  const conditions = status?.conditions;
  const isHeld = isConditionTrue(conditions, 'Stalled') || isConditionTrue(conditions, 'Reconciling');
  return !isHeld && isConditionTrue(conditions, 'Ready');
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

/** Undefined when it is too large; the rest is then not read. Rejects when the sender leaves. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
