/** Push webhooks of GitLab, GitHub and Gitea: checked, then read as a hint to fetch one repository now. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { getIn, isRecord } from '@towpath/kit';

export interface WebhookRequest {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  readonly secret: string;
}

export type WebhookProvider = 'gitlab' | 'github' | 'gitea';

/** Nothing but the repository's addresses and the ref is taken from a payload: a webhook is a hint, never a source. */
export type WebhookResult =
  | {
      readonly type: 'push';
      readonly provider: WebhookProvider;
      /** Every address the payload names, https and ssh. */
      readonly urls: readonly string[];
      readonly ref: string;
      /** For dropping repeated deliveries; signatures carry no time. */
      readonly deliveryId: string | undefined;
    }
  | { readonly type: 'ignored'; readonly provider: WebhookProvider; readonly because: string }
  | { readonly type: 'refused'; readonly status: 400 | 401 | 413; readonly message: string };

/** Larger bodies are refused unread. */
export const maxWebhookBytes = 8 * 1024 * 1024;

/**
 * Verifies the secret over the raw body, then parses. Never throws on bad input.
 * Source: GitHub "Validating webhook deliveries", GitLab "Webhook events", Gitea "Webhooks".
 */
export function readWebhook(request: WebhookRequest): WebhookResult {
  if (request.body.length > maxWebhookBytes) return refused(413, `the body is larger than ${maxWebhookBytes} bytes`);
  if (request.secret === '') return refused(401, 'no webhook secret is configured');
  const provider = providerOf(request);
  if (provider === undefined) return refused(400, 'no header names a GitLab, GitHub or Gitea event');
  if (!isVerified(provider, request)) return refused(401, 'the signature or token does not match the secret');
  const event = eventOf(provider, request);
  if (event !== 'push') return { type: 'ignored', provider, because: `the event ${event} is no push` };
  const payload = parseJson(request.body);
  if (!isRecord(payload)) return refused(400, 'the body is no JSON object');
  const ref = payload['ref'];
  const urls = urlsOf(provider, payload);
  if (typeof ref !== 'string' || urls.length === 0) return refused(400, 'the payload names no repository or no ref');
  return { type: 'push', provider, urls, ref, deliveryId: deliveryOf(provider, request) };
}

function header(request: WebhookRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Gitea also sends GitHub's and GitLab-like headers, so it is looked for first. */
function providerOf(request: WebhookRequest): WebhookProvider | undefined {
  if (header(request, 'x-gitea-event') !== undefined || header(request, 'x-forgejo-event') !== undefined)
    return 'gitea';
  if (header(request, 'x-gitlab-event') !== undefined) return 'gitlab';
  if (header(request, 'x-github-event') !== undefined) return 'github';
  return undefined;
}

function isVerified(provider: WebhookProvider, request: WebhookRequest): boolean {
  if (provider === 'gitlab') return sameText(header(request, 'x-gitlab-token'), request.secret);
  const digest = createHmac('sha256', request.secret).update(request.body).digest('hex');
  if (provider === 'github') return sameText(header(request, 'x-hub-signature-256'), `sha256=${digest}`);
  return sameText(header(request, 'x-gitea-signature') ?? header(request, 'x-forgejo-signature'), digest);
}

/** Compares in a time that does not depend on where the texts differ. */
function sameText(given: string | undefined, wanted: string): boolean {
  if (given === undefined) return false;
  const key = 'compare';
  const left = createHmac('sha256', key).update(given).digest();
  const right = createHmac('sha256', key).update(wanted).digest();
  return timingSafeEqual(left, right);
}

function eventOf(provider: WebhookProvider, request: WebhookRequest): string {
  if (provider === 'github') return header(request, 'x-github-event') ?? '';
  if (provider === 'gitea') return header(request, 'x-gitea-event') ?? header(request, 'x-forgejo-event') ?? '';
  const name = header(request, 'x-gitlab-event') ?? '';
  return name === 'Push Hook' || name === 'Tag Push Hook' ? 'push' : name;
}

function deliveryOf(provider: WebhookProvider, request: WebhookRequest): string | undefined {
  if (provider === 'github') return header(request, 'x-github-delivery');
  if (provider === 'gitea') return header(request, 'x-gitea-delivery') ?? header(request, 'x-forgejo-delivery');
  return header(request, 'idempotency-key') ?? header(request, 'x-gitlab-event-uuid');
}

function urlsOf(provider: WebhookProvider, payload: unknown): string[] {
  const paths =
    provider === 'gitlab'
      ? [
          ['project', 'git_http_url'],
          ['project', 'git_ssh_url'],
          ['repository', 'git_http_url'],
        ]
      : [
          ['repository', 'clone_url'],
          ['repository', 'ssh_url'],
          ['repository', 'git_url'],
        ];
  const found = paths.map((path) => getIn(payload, path));
  return [...new Set(found.filter((url): url is string => typeof url === 'string' && url !== ''))];
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function refused(status: 400 | 401 | 413, message: string): WebhookResult {
  return { type: 'refused', status, message };
}
