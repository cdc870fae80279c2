/** Whether a request comes from whom it says: each type of receiver by its own headers. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { isRecord } from '@towpath/kit';

export interface Hook {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Expected {
  readonly token: string;
  /** The events that are handled; all when there are none. */
  readonly events: readonly string[];
}

/** Throws what is wrong with a request, without saying what would be right. */
type Check = (hook: Hook, expected: Expected) => void;

/** Sources: notification-controller, receivers; GitHub's, GitLab's and Bitbucket's documentation of their webhooks. */
const checks: Readonly<Record<string, Check>> = {
  generic: () => {},
  'generic-hmac': ({ headers, body }, { token }) => checkSignature(headers['x-signature'], body, token),
  github: (hook, expected) => {
    checkSignedPayload(hook, expected.token);
    checkEvent(hook.headers['x-github-event'], expected.events);
  },
  gitlab: ({ headers }, { token, events }) => {
    checkSame(headers['x-gitlab-token'] ?? '', token, 'the X-Gitlab-Token header is not the token');
    checkEvent(headers['x-gitlab-event'], events);
  },
  bitbucket: (hook, expected) => {
    checkSignedPayload(hook, expected.token);
    checkEvent(hook.headers['x-event-key'], expected.events);
  },
  harbor: ({ headers }, { token }) =>
    checkSame(headers['authorization'] ?? '', token, 'the Authorization header is not the token'),
  dockerhub: ({ body }) => checkObject(body),
  quay: ({ body }) => checkObject(body),
  acr: ({ body }) => checkObject(body),
  nexus: ({ headers, body }, { token }) => {
    const given = headers['x-nexus-webhook-signature'] ?? '';
    checkSame(given, createHmac('sha1', token).update(body).digest('hex'), 'the signature is another');
    checkObject(body);
  },
};

/** Whether receivers of this type are served here. */
export function isKnownType(type: string): boolean {
  return Object.hasOwn(checks, type);
}

/** Throws an Error that says why the request is refused. `type` is a known one. */
export function checkRequest(type: string, hook: Hook, expected: Expected): void {
  const check = checks[type];
  if (check === undefined) throw new Error(`receiver type ${JSON.stringify(type)} is not supported`);
  check(hook, expected);
}

/** The payload is JSON, or the form member `payload`; the signature is one of the body as it was sent. */
function checkSignedPayload({ headers, body }: Hook, token: string): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (!['application/json', 'application/x-www-form-urlencoded'].includes(type.trim().toLowerCase())) {
    throw new Error(`the content type ${JSON.stringify(type)} is neither JSON nor a form`);
  }
  // GitHub's library takes an empty token for none.
  if (token === '') return;
  const { 'x-hub-signature-256': newer = '', 'x-hub-signature': older } = headers;
  checkSignature(newer === '' ? older : newer, body, token);
}

/** `sha1=`, `sha256=` or `sha512=` and the HMAC in hexadecimal. */
function checkSignature(signature: string | undefined, body: Uint8Array, token: string): void {
  if (signature === undefined || signature === '') throw new Error('the signature is missing');
  const [, algorithm, digest] = /^(sha1|sha256|sha512)=([0-9a-f]+)$/i.exec(signature) ?? [];
  if (algorithm === undefined || digest === undefined) throw new Error('the signature cannot be read');
  const own = createHmac(algorithm, token).update(body).digest('hex');
  checkSame(digest.toLowerCase(), own, 'the signature is another');
}

/** In a time that does not tell where they differ. */
function checkSame(given: string, wanted: string, because: string): void {
  const left = Buffer.from(given);
  const right = Buffer.from(wanted);
  if (left.length !== right.length || !timingSafeEqual(left, right)) throw new Error(because);
}

function checkEvent(event: string | undefined, allowed: readonly string[]): void {
  if (allowed.length === 0) return;
  const name = (event ?? '').toLowerCase();
  if (!allowed.some((one) => one.toLowerCase() === name)) {
    throw new Error(`the event ${JSON.stringify(event ?? '')} is none of those that are handled`);
  }
}

function checkObject(body: Uint8Array): void {
  let payload: unknown;
  try {
    payload = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new Error('the payload is no JSON');
  }
  // Go's decoder leaves what it decodes into as it is.
  if (payload !== null && !isRecord(payload)) throw new Error('the payload is no JSON object');
}
