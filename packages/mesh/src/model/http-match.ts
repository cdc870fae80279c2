/** The conditions of an HTTP rule: fields of one match are all required, matches of a rule are alternatives. */

import type { Fields } from './fields.ts';
import { gatewayName } from './hosts.ts';
import { matchesString, readStringMatch, type StringMatch } from './string-match.ts';

type NamedMatches = readonly (readonly [name: string, match: StringMatch])[];

export interface HttpMatch {
  readonly uri: StringMatch | undefined;
  readonly scheme: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  readonly headers: NamedMatches;
  readonly withoutHeaders: NamedMatches;
  readonly queryParams: NamedMatches;
  readonly port: number | undefined;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  /** Overrides the gateways of the VirtualService; empty means it does not. */
  readonly gateways: readonly string[];
  /** A condition could not be read: the match holds for nothing, so that it never widens. */
  readonly broken: boolean;
}

/** What of a request the conditions look at. `path` carries the query. */
export interface RequestView {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** `name` is lower case. */
  header(name: string): string | undefined;
}

/** Where the request was met. */
export interface MatchSite {
  /** `mesh`, or the `namespace/name` of each Gateway that took the request. */
  readonly gateways: readonly string[];
  readonly port: number;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string;
}

/** Reads one match. Source: istio/api HTTPMatchRequest. */
export function readHttpMatch(fields: Fields, namespace: string): HttpMatch {
  const before = fields.problems.length;
  fields.string('name');
  const ignoreCase = fields.boolean('ignoreUriCase');
  const one = (name: string, fold = false): StringMatch | undefined => {
    const value = fields.record(name);
    return value === undefined ? undefined : readStringMatch(value, fold);
  };
  const match = {
    uri: one('uri', ignoreCase),
    scheme: one('scheme'),
    method: one('method'),
    authority: one('authority'),
    headers: readNamed(fields, 'headers', true),
    withoutHeaders: readNamed(fields, 'withoutHeaders', true),
    queryParams: readNamed(fields, 'queryParams', false),
    port: fields.number('port'),
    sourceLabels: fields.stringMap('sourceLabels'),
    sourceNamespace: fields.string('sourceNamespace'),
    gateways: fields.strings('gateways').map((name) => gatewayName(name, namespace)),
  };
  fields.finish();
  return { ...match, broken: fields.problems.length > before };
}

function readNamed(fields: Fields, name: string, lowerCase: boolean): NamedMatches {
  const record = fields.record(name);
  if (record === undefined) return [];
  return record.names().flatMap((key) => {
    const value = record.record(key);
    const match = value === undefined ? ({ type: 'present' } as const) : readStringMatch(value);
    return match === undefined ? [] : [[lowerCase ? key.toLowerCase() : key, match] as const];
  });
}

/** True when the rule's conditions hold; no conditions hold always. `gateways` are the VirtualService's. */
export function matchesRequest(
  matches: readonly HttpMatch[],
  request: RequestView,
  site: MatchSite,
): HttpMatch | undefined | 'all' {
  if (matches.length === 0) return 'all';
  return matches.find((match) => holds(match, request, site));
}

function holds(match: HttpMatch, request: RequestView, site: MatchSite): boolean {
  if (match.broken) return false;
  if (match.port !== undefined && match.port !== site.port) return false;
  if (match.gateways.length > 0 && !match.gateways.some((name) => site.gateways.includes(name))) return false;
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== site.sourceNamespace) return false;
  for (const [name, value] of Object.entries(match.sourceLabels)) {
    if (site.sourceLabels[name] !== value) return false;
  }
  if (match.uri !== undefined && !matchesString(match.uri, pathOnly(request.path))) return false;
  if (match.method !== undefined && !matchesString(match.method, request.method)) return false;
  if (match.scheme !== undefined && !matchesString(match.scheme, request.scheme)) return false;
  if (match.authority !== undefined && !matchesString(match.authority, request.authority)) return false;
  return (
    match.headers.every(([name, value]) => matchesString(value, request.header(name))) &&
    match.withoutHeaders.every(([name, value]) => !matchesAbsent(value, request.header(name))) &&
    matchesQuery(match.queryParams, request.path)
  );
}

/** A missing header counts as empty for a value, and as absent for `{}`. Source: istio/api withoutHeaders. */
function matchesAbsent(match: StringMatch, text: string | undefined): boolean {
  return match.type === 'present' ? text !== undefined : matchesString(match, text ?? '');
}

function matchesQuery(wanted: NamedMatches, path: string): boolean {
  if (wanted.length === 0) return true;
  const query = path.indexOf('?');
  const parameters = new URLSearchParams(query < 0 ? '' : path.slice(query + 1));
  return wanted.every(([name, match]) => matchesString(match, parameters.get(name) ?? undefined));
}

/** The path without query and fragment. */
export function pathOnly(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}
