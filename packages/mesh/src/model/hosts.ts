/** Host names of the mesh: short names become full names, and patterns match them. */

import type { Key } from '@towpath/api';

/** The suffix of every cluster name. */
export const clusterDomain = 'svc.cluster.local';

/** `name.namespace.svc.cluster.local`. */
export function fqdnOf(key: Key): string {
  return `${key.name}.${key.namespace ?? 'default'}.${clusterDomain}`;
}

/**
 * A short name (no dot) becomes the full name in `namespace`; wildcards, IPs and dotted names stay.
 * Source: istio/api VirtualService.hosts, "short names".
 */
export function resolveShortName(host: string, namespace: string): string {
  return host.includes('.') || host.includes('*') || host.includes(':') ? host : fqdnOf({ namespace, name: host });
}

/** Splits `host[:port]`; IPv6 stays in its brackets. */
export function splitAuthority(authority: string): { host: string; port: number | undefined } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(authority);
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  return { host: (match?.[1] ?? authority).toLowerCase(), port };
}

/**
 * How well `pattern` (`*`, `*.suffix` or an exact name) fits `host`: higher is more specific, -1 does not fit.
 * Source: Envoy virtual host domains: exact before the longest suffix before `*`.
 */
export function hostSpecificity(pattern: string, host: string): number {
  if (pattern === host) return Number.MAX_SAFE_INTEGER;
  if (pattern === '*') return 0;
  if (!pattern.startsWith('*')) return -1;
  const suffix = pattern.slice(1);
  return host.length > suffix.length && host.endsWith(suffix) ? suffix.length : -1;
}

/** `namespace/name` of a Gateway reference, which may be short. */
export function gatewayName(reference: string, namespace: string): string {
  return reference === meshGateway || reference.includes('/') ? reference : `${namespace}/${reference}`;
}

/** The reserved gateway that means every sidecar. */
export const meshGateway = 'mesh';
