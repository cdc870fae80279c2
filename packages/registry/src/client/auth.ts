/** Answers a registry's 401: Basic, or a Bearer token from the service it names. */

import { isRecord } from '@towpath/kit';
import { registryError } from '../errors.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: Readonly<Record<string, string>>;
}

/** Parses a WWW-Authenticate header; undefined for a scheme that is not spoken. Source: RFC 9110, 11.6.1. */
export function parseChallenge(header: string | null): Challenge | undefined {
  const match = /^\s*(basic|bearer)\b\s*(.*)$/is.exec(header ?? '');
  if (match === null) return undefined;
  const parameters: Record<string, string> = {};
  for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(/([a-z_]+)="([^"]*)"/gi)) {
    parameters[name.toLowerCase()] = value;
  }
  return { scheme: match[1]?.toLowerCase() === 'basic' ? 'basic' : 'bearer', parameters };
}

/** The header value of Basic credentials. */
export function basicHeader(credentials: Credentials): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

/**
 * A token for `scope`. Credentials go only to a token service of the registry's own domain: a registry that is
 * pulled through must not be able to name a stranger who then gets them.
 */
export async function fetchToken(options: {
  readonly challenge: Challenge;
  readonly registry: URL;
  readonly scope: string;
  readonly credentials: Credentials | undefined;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
}): Promise<string> {
  const { challenge, registry, credentials } = options;
  const realm = challenge.parameters['realm'] ?? '';
  if (!URL.canParse(realm)) throw denied(registry, 'it names no token service');
  const url = new URL(realm);
  if (url.protocol !== 'https:' && !isLoopback(url.hostname))
    throw denied(registry, `its token service ${url.host} is not https`);
  if (challenge.parameters['service'] !== undefined) url.searchParams.set('service', challenge.parameters['service']);
  if (options.scope !== '') url.searchParams.set('scope', options.scope);
  const trusted = credentials !== undefined && sameDomain(url.hostname, registry.hostname);
  const response = await options.fetch(url, {
    headers: trusted ? { authorization: basicHeader(credentials) } : {},
    signal: AbortSignal.timeout(options.timeoutMs),
    redirect: 'error',
  });
  const body: unknown = response.ok ? await response.json() : undefined;
  const token = isRecord(body) ? (body['token'] ?? body['access_token']) : undefined;
  if (typeof token === 'string') return token;
  throw denied(registry, `its token service ${url.host} answered ${response.status}`);
}

function denied(registry: URL, because: string): Error {
  return registryError('REGISTRY_DENIED', `the registry ${registry.host} gave no access: ${because}`, {
    next: 'log in with towpath docker login, or check the pull secret',
  });
}

/** True for names and addresses of this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function sameDomain(left: string, right: string): boolean {
  const last = (name: string): string => name.split('.').slice(-2).join('.');
  return left === right || (!/^[\d.]+$/.test(left) && last(left) === last(right));
}
