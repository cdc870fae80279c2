/** The server of webhooks: a request that a Receiver accepts asks its resources to look again. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { findCondition, isConditionTrue, keyOf, reconcileRequestAnnotation, type Secret, Secrets } from '@towpath/api';
import { messageOf, type Clock, type Logger } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { authenticate } from './authenticate.ts';
import { typeOfResource, type Receiver, type ReceiverResource } from './kinds.ts';

/** Of a body. Source: notification-controller, internal/server/limits.go. */
const bodyLimitBytes = 3 * 1024 * 1024;

export interface WebhookDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly receivers: () => readonly Receiver[];
  readonly noCrossNamespaceRefs: boolean;
}

/** Answers with a status and an empty body, as Flux does: a sender learns nothing from it. */
export async function answerWebhook(
  request: IncomingMessage,
  response: ServerResponse,
  deps: WebhookDeps,
): Promise<void> {
  const path = request.url ?? '/';
  if (path === '/hook') {
    response.writeHead(307, { location: '/hook/', 'content-length': 0 }).end();
    return;
  }
  if (!path.startsWith('/hook/')) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    return;
  }
  const body = await readBody(request);
  if (body === undefined) {
    deps.log.error('reading the request body failed', { limitBytes: bodyLimitBytes });
    response.writeHead(413, { 'content-length': 0, connection: 'close' }).end();
    return;
  }
  const status = await handle({ path, headers: request.headers, body }, deps).catch((error: unknown) => {
    deps.log.error('unable to handle request', { error: messageOf(error) });
    return 500;
  });
  response.writeHead(status, { 'content-length': 0 }).end();
}

/** Undefined when it is longer than the limit; the rest is read and thrown away. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const parts: AsyncIterable<Buffer> = request;
  for await (const chunk of parts) {
    sizeBytes += chunk.length;
    if (sizeBytes <= bodyLimitBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return sizeBytes > bodyLimitBytes ? undefined : Buffer.concat(chunks);
}

interface Given {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function handle({ path, headers, body }: Given, deps: WebhookDeps): Promise<number> {
  const receiver = deps.receivers().find(({ status }) => status?.webhookPath === path);
  if (receiver === undefined) return 404;
  const { spec } = receiver;
  const subject = { name: receiver.metadata.name, namespace: receiver.metadata.namespace ?? '' };
  if (spec.suspend === true || !isReady(receiver)) {
    deps.log.error(`receiver is ${spec.suspend === true ? 'suspended' : 'not ready'}`, subject);
    return 503;
  }
  const token = await tokenOf(receiver, deps.client);
  const problem =
    typeof token === 'string'
      ? authenticate(spec.type, { headers, body }, { token, events: spec.events })
      : `unable to read secret, error: ${token.problem}`;
  if (problem !== undefined) {
    deps.log.error('unable to validate payload', { ...subject, error: problem });
    return 400;
  }
  let status = 200;
  for (const resource of spec.resources) {
    try {
      await requestReconciliation(resource, receiver, deps);
    } catch (error) {
      deps.log.error('unable to request reconciliation', { ...subject, resource, error: messageOf(error) });
      status = 500;
    }
  }
  return status;
}

function isReady({ status }: Receiver): boolean {
  const isNot = (type: string): boolean => findCondition(status?.conditions, type)?.status !== 'True';
  return isConditionTrue(status?.conditions, 'Ready') && isNot('Reconciling') && isNot('Stalled');
}

/** The token of a Receiver's Secret, or why there is none. */
export async function tokenOf(
  { spec, metadata }: Receiver,
  client: Client,
): Promise<string | { readonly problem: string }> {
  const name = spec.secretRef?.name ?? '';
  const namespace = metadata.namespace ?? '';
  const secret: Secret | undefined = await client.get(Secrets, { namespace, name });
  if (secret === undefined) {
    return {
      problem: `unable to read token from secret '${namespace}/${name}' error: secrets "${name}" not found`,
    };
  }
  const token = secret.data?.['token'];
  if (token === undefined) return { problem: `invalid '${namespace}/${name}' secret data: required fields 'token'` };
  return Buffer.from(token, 'base64').toString('utf8');
}

/** Throws with why it cannot be asked for. */
async function requestReconciliation(
  resource: ReceiverResource,
  receiver: Receiver,
  { client, clock, log, noCrossNamespaceRefs }: WebhookDeps,
): Promise<void> {
  const own = receiver.metadata.namespace ?? '';
  const namespace = resource.namespace === undefined || resource.namespace === '' ? own : resource.namespace;
  if (noCrossNamespaceRefs && namespace !== own) throw new Error('cross-namespace references are not allowed');
  const type = typeOfResource(resource);
  if (typeof type === 'string') throw new Error(type);
  const requestedAt = new Date(clock.nowMs()).toISOString().replace('T', ' ').replace('Z', '000000 +0000 UTC');
  const patch = { metadata: { annotations: { [reconcileRequestAnnotation]: requestedAt } } };
  const annotate = async (name: string): Promise<void> => {
    await client.patch(type, { namespace, name }, patch, { kind: 'merge' });
    log.info(`resource '${resource.kind}/${name}.${namespace}' annotated`);
  };
  if (resource.name !== '*') return annotate(resource.name);
  if (resource.matchLabels === undefined) {
    throw new Error("matchLabels field not set when using wildcard '*' as name");
  }
  const labelSelector = Object.entries(resource.matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const { items } = await client.list(type, { namespace, labelSelector });
  if (items.length === 0) log.error('error annotating resources', { kind: resource.kind, namespace, labelSelector });
  for (const item of items) await annotate(keyOf(item).name);
}
