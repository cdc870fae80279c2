/** What a rule does to a request besides choosing where it goes: headers, rewrite, retries, faults, CORS. */

import { messageOf } from '@towpath/kit';
import { RE2JS } from 're2js';
import type { Fields } from './fields.ts';
import { readStringMatch, type StringMatch } from './string-match.ts';

/** `set` overwrites, `add` appends, `remove` drops; names are lower case. */
export interface HeaderChange {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** An absent side changes nothing. */
export interface HeaderOperations {
  readonly request: HeaderChange | undefined;
  readonly response: HeaderChange | undefined;
}

export interface Rewrite {
  readonly uri: string | undefined;
  readonly authority: string | undefined;
  readonly uriPattern: { readonly pattern: RE2JS; readonly replacement: string } | undefined;
}

/** `attempts` come on top of the first try; 0 switches retries off. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  readonly retryOn: readonly string[];
}

export interface Fault {
  readonly delay: { readonly percent: number; readonly fixedMs: number } | undefined;
  readonly abort:
    | { readonly percent: number; readonly httpStatus: number; readonly grpcStatus: number | undefined }
    | undefined;
}

export interface Redirect {
  readonly uri: string | undefined;
  readonly authority: string | undefined;
  readonly port: number | undefined;
  readonly scheme: string | undefined;
  readonly code: number;
}

export interface DirectResponse {
  readonly status: number;
  readonly body: string;
}

export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean;
}

/** Reads `headers`. Source: istio/api Headers. */
export function readHeaderOperations(fields: Fields | undefined): HeaderOperations {
  if (fields === undefined) return { request: undefined, response: undefined };
  const operations = { request: readChange(fields.record('request')), response: readChange(fields.record('response')) };
  fields.finish();
  return operations;
}

function readChange(fields: Fields | undefined): HeaderChange | undefined {
  if (fields === undefined) return undefined;
  const lower = (map: Record<string, string>) =>
    Object.entries(map).map(([name, value]) => [name.toLowerCase(), value] as const);
  const change = {
    set: lower(fields.stringMap('set')),
    add: lower(fields.stringMap('add')),
    remove: fields.strings('remove').map((name) => name.toLowerCase()),
  };
  fields.finish();
  return change;
}

/** Reads `rewrite`. Source: istio/api HTTPRewrite. */
export function readRewrite(fields: Fields): Rewrite {
  const regex = fields.record('uriRegexRewrite');
  const uriPattern = regex === undefined ? undefined : readPattern(regex);
  const rewrite = { uri: fields.string('uri'), authority: fields.string('authority'), uriPattern };
  fields.finish();
  return rewrite;
}

function readPattern(fields: Fields): Rewrite['uriPattern'] {
  const match = fields.string('match') ?? '';
  const rewrite = fields.string('rewrite') ?? '';
  fields.finish();
  try {
    // Istio writes groups as \1, RE2JS as $1; a literal dollar sign has to be escaped on the way.
    const replacement = rewrite.replaceAll('$', String.raw`\$`).replaceAll(/\\(\d)/g, '$$$1');
    return { pattern: RE2JS.compile(match), replacement };
  } catch (error) {
    fields.report('match', `does not compile: ${messageOf(error)}`);
    return undefined;
  }
}

/** Istio's policy where a route has none, less the unsafe retry of any 503. Source: istio 1.24 release notes. */
export const defaultRetries: RetryPolicy = {
  attempts: 2,
  perTryTimeoutMs: undefined,
  retryOn: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'],
};

const retryConditions = new Set([
  ...defaultRetries.retryOn,
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'retriable-4xx',
  'retriable-status-codes',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
]);

/** Reads `retries`; integers in retryOn are status codes. Source: istio/api HTTPRetry, route/retry/retry.go. */
export function readRetries(fields: Fields): RetryPolicy {
  const given = fields.string('retryOn');
  const retryOn = (given ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  for (const item of retryOn) {
    if (!retryConditions.has(item) && !/^\d{3}$/.test(item)) fields.report('retryOn', `does not know "${item}"`);
  }
  const policy = {
    attempts: fields.number('attempts') ?? defaultRetries.attempts,
    perTryTimeoutMs: fields.durationMs('perTryTimeout'),
    retryOn: retryOn.length === 0 ? defaultRetries.retryOn : retryOn,
  };
  fields.finish();
  return policy;
}

/** Reads `fault`; an absent percentage means never. Source: istio/api HTTPFaultInjection. */
export function readFault(fields: Fields): Fault {
  const delay = fields.record('delay');
  const abort = fields.record('abort');
  const fault: Fault = {
    delay: delay && { percent: readPercent(delay), fixedMs: delay.durationMs('fixedDelay') ?? 0 },
    abort: abort && {
      percent: readPercent(abort),
      grpcStatus: readGrpcStatus(abort),
      httpStatus: abort.number('httpStatus') ?? 200,
    },
  };
  delay?.finish();
  abort?.finish();
  fields.finish();
  return fault;
}

function readPercent(fields: Fields): number {
  const percentage = fields.record('percentage');
  const value = percentage?.number('value') ?? 0;
  percentage?.finish();
  return value;
}

/** Names of gRPC codes, by number. Source: grpc status codes. */
const grpcStatusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

function readGrpcStatus(fields: Fields): number | undefined {
  const text = fields.string('grpcStatus');
  if (text === undefined) return undefined;
  const index = /^\d+$/.test(text) ? Number(text) : grpcStatusNames.findIndex((name) => name === text.toUpperCase());
  if (index >= 0) return index;
  fields.report('grpcStatus', `does not know "${text}"`);
  return undefined;
}

/** Reads `redirect`; the code defaults to 301. Source: istio/api HTTPRedirect. */
export function readRedirect(fields: Fields): Redirect {
  const redirect = {
    uri: fields.string('uri'),
    authority: fields.string('authority'),
    port: fields.number('port'),
    scheme: fields.string('scheme'),
    code: fields.number('redirectCode') ?? 301,
  };
  fields.finish();
  return redirect;
}

/** Reads `directResponse`. Source: istio/api HTTPDirectResponse. */
export function readDirectResponse(fields: Fields): DirectResponse {
  const body = fields.record('body');
  const bytes = body?.string('bytes');
  const text = body?.string('string');
  body?.finish();
  const decoded = bytes === undefined ? text : Buffer.from(bytes, 'base64').toString();
  const response = { status: fields.number('status') ?? 200, body: decoded ?? '' };
  fields.finish();
  return response;
}

/** Reads `corsPolicy`; the deprecated allowOrigin list means exact names. Source: istio/api CorsPolicy. */
export function readCors(fields: Fields): CorsPolicy {
  const exact = fields.strings('allowOrigin').map((value): StringMatch => {
    return value === '*' ? { type: 'present' } : { type: 'exact', value, ignoreCase: false };
  });
  const origins = fields.records('allowOrigins').flatMap((entry) => readStringMatch(entry) ?? []);
  const maxAgeMs = fields.durationMs('maxAge');
  const unmatched = fields.string('unmatchedPreflights');
  if (unmatched !== undefined && unmatched !== 'FORWARD' && unmatched !== 'UNSPECIFIED') {
    fields.report('unmatchedPreflights', `${unmatched} is not supported by the embedded mesh, only FORWARD is`);
  }
  const policy = {
    allowOrigins: [...exact, ...origins],
    allowMethods: fields.strings('allowMethods'),
    allowHeaders: fields.strings('allowHeaders'),
    exposeHeaders: fields.strings('exposeHeaders'),
    maxAgeSeconds: maxAgeMs === undefined ? undefined : Math.floor(maxAgeMs / 1000),
    allowCredentials: fields.boolean('allowCredentials'),
  };
  fields.finish();
  return policy;
}
