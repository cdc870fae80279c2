/** VirtualServices as the proxies use them: names resolved, patterns compiled, every refusal named. */

import { keyOf, type AnyObject, type Key } from '@towpath/api';
import { Fields, type Problem } from './fields.ts';
import { gatewayName, meshGateway, resolveShortName } from './hosts.ts';
import { readDestination, readDestinations, type Destination, type WeightedDestination } from './destination.ts';
import { readHttpMatch, type HttpMatch } from './http-match.ts';
import {
  readCors,
  readDirectResponse,
  readFault,
  readHeaderOperations,
  readRedirect,
  readRetries,
  readRewrite,
  type CorsPolicy,
  type DirectResponse,
  type Fault,
  type HeaderOperations,
  type Redirect,
  type RetryPolicy,
  type Rewrite,
} from './http-policy.ts';
import { readTcpRule, type TcpRule } from './tcp-rule.ts';

interface Mirror {
  readonly destination: Destination;
  readonly percent: number;
}

type HttpAction =
  | { readonly type: 'route'; readonly destinations: readonly WeightedDestination[] }
  | { readonly type: 'redirect'; readonly redirect: Redirect }
  | { readonly type: 'directResponse'; readonly response: DirectResponse }
  | { readonly type: 'delegate'; readonly to: Key }
  | { readonly type: 'none' };

/** One rule. An empty `matches` is a catch-all. */
export interface HttpRule {
  readonly name: string | undefined;
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  readonly rewrite: Rewrite | undefined;
  /** Absent: no limit. */
  readonly timeoutMs: number | undefined;
  readonly retries: RetryPolicy | undefined;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[];
  readonly headers: HeaderOperations;
  readonly cors: CorsPolicy | undefined;
}

export interface VirtualServiceModel {
  readonly key: Key;
  readonly hosts: readonly string[];
  /** `mesh` or `namespace/name`. */
  readonly gateways: readonly string[];
  /** Namespaces that see it; `*` is all. */
  readonly exportTo: readonly string[];
  readonly createdAt: string;
  readonly http: readonly HttpRule[];
  readonly tcp: readonly TcpRule[];
  readonly problems: readonly Problem[];
}

/** Reads a VirtualService. Source: istio/api networking/v1alpha3/virtual_service.proto. */
export function readVirtualService(object: AnyObject): VirtualServiceModel {
  const problems: Problem[] = [];
  const spec = new Fields(object['spec'], { path: 'spec', problems });
  const namespace = object.metadata.namespace ?? 'default';
  const gateways = spec.strings('gateways').map((name) => gatewayName(name, namespace));
  const hosts = spec.strings('hosts').map((host) => resolveShortName(host.toLowerCase(), namespace));
  const http = spec.records('http').map((rule) => readHttpRule(rule, namespace));
  const tcp = spec.records('tcp').map((rule) => readTcpRule(rule, namespace));
  const exportTo = spec.strings('exportTo').map((name) => (name === '.' ? namespace : name));
  spec.finish();
  return {
    key: keyOf(object),
    hosts,
    gateways: gateways.length === 0 ? [meshGateway] : gateways,
    exportTo: exportTo.length === 0 ? ['*'] : exportTo,
    createdAt: object.metadata.creationTimestamp ?? '',
    http,
    tcp,
    problems,
  };
}

function readHttpRule(fields: Fields, namespace: string): HttpRule {
  const name = fields.string('name');
  const matches = fields.records('match').map((match) => readHttpMatch(match, namespace));
  const mirrors = readMirrors(fields, namespace);
  const rule = {
    name,
    matches,
    action: readAction(fields, namespace),
    rewrite: optional(fields.record('rewrite'), readRewrite),
    timeoutMs: positive(fields.durationMs('timeout')),
    retries: optional(fields.record('retries'), readRetries),
    fault: optional(fields.record('fault'), readFault),
    mirrors,
    headers: readHeaderOperations(fields.record('headers')),
    cors: optional(fields.record('corsPolicy'), readCors),
  };
  fields.finish();
  return rule;
}

function readAction(fields: Fields, namespace: string): HttpAction {
  const redirect = fields.record('redirect');
  const direct = fields.record('directResponse');
  const delegate = fields.record('delegate');
  const destinations = readDestinations(fields, namespace);
  if (redirect !== undefined) return { type: 'redirect', redirect: readRedirect(redirect) };
  if (direct !== undefined) return { type: 'directResponse', response: readDirectResponse(direct) };
  if (delegate !== undefined) {
    const to = { name: delegate.string('name') ?? '', namespace: delegate.string('namespace') ?? namespace };
    delegate.finish();
    return { type: 'delegate', to };
  }
  if (destinations.length > 0) return { type: 'route', destinations };
  fields.report('', 'has no route, redirect, directResponse or delegate');
  return { type: 'none' };
}

function readMirrors(fields: Fields, namespace: string): Mirror[] {
  const percent = fields.record('mirrorPercentage');
  const single = fields.raw('mirror') === undefined ? undefined : fields.record('mirror');
  const mirrors: Mirror[] = [];
  if (single !== undefined) {
    mirrors.push({ destination: readDestination(single, namespace), percent: percent?.number('value') ?? 100 });
  }
  percent?.finish();
  for (const entry of fields.records('mirrors')) {
    const share = entry.record('percentage');
    mirrors.push({
      destination: readDestination(entry.record('destination'), namespace),
      percent: share?.number('value') ?? 100,
    });
    entry.finish();
  }
  return mirrors;
}

function optional<Value>(fields: Fields | undefined, read: (fields: Fields) => Value): Value | undefined {
  return fields === undefined ? undefined : read(fields);
}

function positive(value: number | undefined): number | undefined {
  return value === undefined || value <= 0 ? undefined : value;
}
