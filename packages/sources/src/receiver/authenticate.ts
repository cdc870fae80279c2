/** Whether a request is from whom the Receiver waits for: signatures, tokens and events, per type of sender. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isRecord } from '@towpath/kit';

/** One request, read whole. Header names are in lower case. */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Undefined when it is accepted, else why not. Source: notification-controller, internal/server/receiver_handlers.go. */
type Check = (request: WebhookRequest, token: string, events: readonly string[]) => string | undefined;

const checks: Readonly<Record<string, Check>> = {
  // The path is the secret.
  generic: () => undefined,
  'generic-hmac': (request, token) => {
    const problem = signatureProblem(headerOf(request, 'x-signature'), request.body, token);
    return problem === undefined ? undefined : `unable to validate HMAC signature: ${problem}`;
  },
  github: (request, token, events) => {
    const problem = hubProblem(request, token);
    if (problem !== undefined) return `the GitHub signature header is invalid, err: ${problem}`;
    return eventProblem('GitHub event', headerOf(request, 'x-github-event'), events);
  },
  gitlab: (request, token, events) => {
    if (!isSame(headerOf(request, 'x-gitlab-token'), token)) {
      return 'the X-Gitlab-Token header value does not match the receiver token';
    }
    return eventProblem('GitLab event', headerOf(request, 'x-gitlab-event'), events);
  },
  bitbucket: (request, token, events) => {
    const problem = hubProblem(request, token);
    if (problem !== undefined) return `the Bitbucket server signature header is invalid, err: ${problem}`;
    return eventProblem('Bitbucket server event', headerOf(request, 'x-event-key'), events);
  },
  harbor: (request, token) =>
    isSame(headerOf(request, 'authorization'), token)
      ? undefined
      : 'the Harbor Authorization header value does not match the receiver token',
  quay: ({ body }) => payloadProblem('Quay webhook payload', body),
  dockerhub: ({ body }) => payloadProblem('DockerHub webhook payload', body),
  acr: ({ body }) => payloadProblem('ACR webhook payload', body),
  nexus: (request, token) => {
    const signature = headerOf(request, 'x-nexus-webhook-signature');
    if (signature === '') return 'the Nexus signature is missing from header';
    if (!isSame(signature, createHmac('sha1', token).update(request.body).digest('hex'))) {
      return 'invalid Nexus signature';
    }
    return payloadProblem('Nexus webhook payload', request.body);
  },
};

/** Types of senders that are known here. */
export const receiverTypes: readonly string[] = Object.keys(checks);

/** Undefined when the request is accepted, else why not: for the log, never for the sender. */
export function authenticate(
  type: string,
  request: WebhookRequest,
  { token, events = [] }: { readonly token: string; readonly events?: readonly string[] | undefined },
): string | undefined {
  const check = checks[type];
  return check === undefined ? `receiver type "${type}" not supported` : check(request, token, events);
}

function headerOf({ headers }: WebhookRequest, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function eventProblem(what: string, event: string, events: readonly string[]): string | undefined {
  const isAllowed = events.length === 0 || events.some((one) => one.toLowerCase() === event.toLowerCase());
  return isAllowed ? undefined : `the ${what} ${JSON.stringify(event)} is not authorised`;
}

/** As GitHub signs: the raw body; JSON or a form. */
function hubProblem(request: WebhookRequest, token: string): string | undefined {
  const header = headerOf(request, 'content-type');
  if (header.trim() === '') return 'mime: no media type';
  const type = (header.split(';')[0] ?? '').trim().toLowerCase();
  if (type !== 'application/json' && type !== 'application/x-www-form-urlencoded') {
    return `webhook request has unsupported Content-Type ${JSON.stringify(type)}`;
  }
  const signature = headerOf(request, 'x-hub-signature-256') || headerOf(request, 'x-hub-signature');
  if (token === '' && signature === '') return undefined;
  return signatureProblem(signature, request.body, token);
}

/** `ALGORITHM=HEX` of an HMAC. */
function signatureProblem(signature: string, body: Buffer, token: string): string | undefined {
  if (signature === '') return 'missing signature';
  const match = /^(sha1|sha256|sha512)=((?:[\da-f]{2})*)$/i.exec(signature);
  if (match === null) return 'error parsing signature';
  const [, algorithm = '', hex = ''] = match;
  const expected = createHmac(algorithm, token).update(body).digest('hex');
  return isSame(hex.toLowerCase(), expected) ? undefined : 'payload signature check failed';
}

/** In a time that tells nothing, not even the length. */
function isSame(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function payloadProblem(what: string, body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return value === null || isRecord(value) ? undefined : `cannot decode ${what}: no object`;
  } catch {
    return `cannot decode ${what}: no JSON`;
  }
}
