/** Cross-origin answers by a rule's corsPolicy. */

import type { CorsPolicy, HeaderChange } from '../model/http-policy.ts';
import { matchesString } from '../model/string-match.ts';
import { reply, type LocalReply } from '../route/plan.ts';
import { headerValue } from '../route/rewrite.ts';
import type { RequestHead } from './messages.ts';

/** The answer to a preflight request from an allowed origin; others are forwarded. Source: Envoy CORS filter. */
export function preflightReply(policy: CorsPolicy, head: RequestHead): LocalReply | undefined {
  const origin = allowedOrigin(policy, head);
  if (origin === undefined || head.method !== 'OPTIONS') return undefined;
  if (headerValue(head.headers, 'access-control-request-method') === undefined) return undefined;
  const headers: [string, string][] = [...originHeaders(policy, origin)];
  if (policy.allowMethods.length > 0) headers.push(['access-control-allow-methods', policy.allowMethods.join(',')]);
  if (policy.allowHeaders.length > 0) headers.push(['access-control-allow-headers', policy.allowHeaders.join(',')]);
  if (policy.maxAgeSeconds !== undefined) headers.push(['access-control-max-age', String(policy.maxAgeSeconds)]);
  return reply(200, { headers });
}

/** What is added to an answer for an allowed origin. */
export function corsHeaders(policy: CorsPolicy, head: RequestHead): HeaderChange | undefined {
  const origin = allowedOrigin(policy, head);
  if (origin === undefined) return undefined;
  const set: [string, string][] = [...originHeaders(policy, origin)];
  if (policy.exposeHeaders.length > 0) set.push(['access-control-expose-headers', policy.exposeHeaders.join(',')]);
  return { set, add: [], remove: [] };
}

function allowedOrigin(policy: CorsPolicy, head: RequestHead): string | undefined {
  const origin = headerValue(head.headers, 'origin');
  return origin !== undefined && policy.allowOrigins.some((match) => matchesString(match, origin)) ? origin : undefined;
}

function originHeaders(policy: CorsPolicy, origin: string): [string, string][] {
  const headers: [string, string][] = [['access-control-allow-origin', origin]];
  if (policy.allowCredentials) headers.push(['access-control-allow-credentials', 'true']);
  return headers;
}
