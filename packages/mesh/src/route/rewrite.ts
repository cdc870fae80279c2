/** Changes a rule makes to a request's path, authority and headers. Headers are flat lists of names and values. */

import type { HeaderChange, Rewrite } from '../model/http-policy.ts';
import { pathOnly, type HttpMatch } from '../model/http-match.ts';

/** Name, value, name, value … in the order they came; names keep their case. */
export type FlatHeaders = string[];

/** The path after `rewrite`. A prefix match replaces the prefix, any other the whole path; the query stays. */
export function rewritePath(path: string, rewrite: Rewrite, match: HttpMatch | undefined): string {
  const plain = pathOnly(path);
  const query = path.slice(plain.length);
  if (rewrite.uriPattern !== undefined) {
    const { pattern, replacement } = rewrite.uriPattern;
    return pattern.matcher(plain).replaceAll(replacement) + query;
  }
  if (rewrite.uri === undefined) return path;
  const prefix = match === undefined ? '/' : match.uri?.type === 'prefix' ? match.uri.value : undefined;
  if (prefix === undefined) return rewrite.uri + query;
  return rewrite.uri + plain.slice(prefix.length) + query;
}

/** The first value of a header; `name` is lower case. */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    const candidate = headers[index];
    if (candidate !== undefined && candidate.length === name.length && candidate.toLowerCase() === name) {
      return headers[index + 1];
    }
  }
  return undefined;
}

/** The list without the headers that `drop` accepts (names come lower case). */
export function withoutHeaders(headers: readonly string[], drop: (name: string) => boolean): FlatHeaders {
  const kept: FlatHeaders = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (!drop(name.toLowerCase())) kept.push(name, headers[index + 1] ?? '');
  }
  return kept;
}

/** Applies `set`, `add` and `remove`; returns the same list when there is nothing to change. */
export function changeHeaders(headers: FlatHeaders, change: HeaderChange | undefined): FlatHeaders {
  if (change === undefined) return headers;
  const dropped = new Set([...change.remove, ...change.set.map(([name]) => name)]);
  const kept = dropped.size === 0 ? [...headers] : withoutHeaders(headers, (name) => dropped.has(name));
  for (const [name, value] of [...change.set, ...change.add]) kept.push(name, value);
  return kept;
}
