/** Decides what happens to one HTTP request, as data: the whole routing policy without any connection. */

import { pathOnly, type HttpMatch, type MatchSite, type RequestView } from '../model/http-match.ts';
import type { GatewayModel } from '../model/gateway.ts';
import { meshGateway, splitAuthority } from '../model/hosts.ts';
import type { MeshService } from '../model/service.ts';
import type { HttpRule } from '../model/virtual-service.ts';
import type { Workload } from '../model/workload.ts';
import type { World } from '../model/world.ts';
import { routeHost, type RouteTable } from './route-table.ts';

export type Headers = readonly (readonly [name: string, value: string])[];

/** What Envoy prints as response flags; only those the embedded mesh can cause. */
export type ResponseFlag = 'NR' | 'NC' | 'UH' | 'UF' | 'UC' | 'UT' | 'URX' | 'DC' | 'FI' | 'DI';

/** An answer of the proxy itself. */
export interface LocalReply {
  readonly type: 'reply';
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly flag: ResponseFlag | undefined;
}

export type HttpPlan =
  | LocalReply
  /** Forward by a rule of a VirtualService. */
  | { readonly type: 'rule'; readonly rule: HttpRule; readonly match: HttpMatch | undefined }
  /** Forward to the Service that was asked for. */
  | { readonly type: 'service'; readonly service: MeshService }
  /** Not known to the mesh: connect to what the program asked for. */
  | { readonly type: 'passthrough' };

/** Where requests come from: a sidecar's pod or a gateway. */
export interface Site {
  readonly world: World;
  readonly routes: RouteTable;
  readonly workload: Workload;
  /** Absent for a sidecar. */
  readonly gateways: readonly GatewayModel[] | undefined;
  /** The port that was asked for; at a gateway, the Gateway server's port. */
  readonly port: number;
  /** The host the connection was opened to, used where a request names none. */
  readonly host: string;
}

/** The plan for one request. */
export function planRequest(site: Site, request: RequestView): HttpPlan {
  return site.gateways === undefined ? planMesh(site, request) : planGateway(site, request, site.gateways);
}

function planMesh(site: Site, request: RequestView): HttpPlan {
  const { world, routes, workload, port } = site;
  const asked = splitAuthority(request.authority === '' ? site.host : request.authority).host;
  const service = world.findService(asked, workload.namespace) ?? world.findService(site.host, workload.namespace);
  const host = routeHost(asked, world.findService(asked, workload.namespace));
  const rules = routes.meshRules(host, workload.namespace);
  if (rules !== undefined && rules.http.length > 0) {
    const found = routes.findRule(rules.http, request, matchSite(site, [meshGateway]));
    return found === undefined ? notFound() : planRule(found.rule, found.match, request);
  }
  if (service?.ports.some((candidate) => candidate.port === port) === true) return { type: 'service', service };
  return { type: 'passthrough' };
}

function planGateway(site: Site, request: RequestView, gateways: readonly GatewayModel[]): HttpPlan {
  const { routes, port } = site;
  const { host } = splitAuthority(request.authority);
  const servers = routes.takenServers(gateways, port, host);
  if (servers.some(({ server }) => server.httpsRedirect)) {
    return reply(301, { headers: [['location', `https://${host}${request.path}`]] });
  }
  const rules = servers.length === 0 ? undefined : routes.gatewayRules(servers, host);
  if (rules === undefined) return notFound();
  const found = routes.findRule(rules.http, request, matchSite(site, rules.gateways));
  return found === undefined ? notFound() : planRule(found.rule, found.match, request);
}

function planRule(rule: HttpRule, match: HttpMatch | undefined, request: RequestView): HttpPlan {
  switch (rule.action.type) {
    case 'route':
      return { type: 'rule', rule, match };
    case 'redirect':
      return redirectReply(rule, match, request);
    case 'directResponse':
      return reply(rule.action.response.status, { body: rule.action.response.body });
    case 'delegate':
    case 'none':
      return notFound();
  }
}

function redirectReply(rule: HttpRule, match: HttpMatch | undefined, request: RequestView): HttpPlan {
  if (rule.action.type !== 'redirect') return notFound();
  const { uri, authority, port, scheme, code } = rule.action.redirect;
  const { host } = splitAuthority(request.authority);
  const at = authority ?? (port === undefined ? request.authority : `${host}:${port}`);
  const query = request.path.slice(pathOnly(request.path).length);
  const path = uri === undefined ? request.path : redirectPath(uri, match, request.path) + query;
  return reply(code, { headers: [['location', `${scheme ?? request.scheme}://${at}${path}`]] });
}

/** `%PREFIX()%` at the start keeps what follows the matched prefix. Source: istio/api HTTPRedirect.uri. */
function redirectPath(uri: string, match: HttpMatch | undefined, path: string): string {
  const marker = '%PREFIX()%';
  if (!uri.startsWith(marker)) return uri;
  const prefix = match?.uri?.type === 'prefix' ? match.uri.value : '/';
  return uri.slice(marker.length) + pathOnly(path).slice(prefix.length);
}

function matchSite(site: Site, gateways: readonly string[]): MatchSite {
  const { labels, namespace } = site.workload;
  return { gateways, port: site.port, sourceLabels: labels, sourceNamespace: namespace };
}

/** 404 without a body, flag NR: nothing governs the request. */
function notFound(): LocalReply {
  return reply(404, { flag: 'NR' });
}

/** An answer of the proxy itself. */
export function reply(
  status: number,
  options: { headers?: Headers; body?: string; flag?: ResponseFlag } = {},
): LocalReply {
  return { type: 'reply', status, headers: options.headers ?? [], body: options.body ?? '', flag: options.flag };
}
