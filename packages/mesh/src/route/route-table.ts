/** Which VirtualService rules govern a host, for sidecars and for a gateway; answers are cached until routes change. */

import type { MeshService } from '../model/service.ts';
import { hostSpecificity, meshGateway } from '../model/hosts.ts';
import type { GatewayModel, GatewayServer } from '../model/gateway.ts';
import { matchesRequest, type HttpMatch, type MatchSite, type RequestView } from '../model/http-match.ts';
import type { TcpMatch, TcpRule } from '../model/tcp-rule.ts';
import type { HttpRule, VirtualServiceModel } from '../model/virtual-service.ts';
import type { World } from '../model/world.ts';

/** A rule that took a request; `match` is the alternative that held, absent for a catch-all. */
export interface MatchedRule {
  readonly rule: HttpRule;
  readonly match: HttpMatch | undefined;
}

/** Gateway names and the rules of one host. */
interface HostRules {
  readonly gateways: readonly string[];
  readonly http: readonly HttpRule[];
  readonly tcp: readonly TcpRule[];
}

/** A Gateway server that listens on the port and takes the host. */
export interface TakenServer {
  readonly gateway: string;
  readonly server: GatewayServer;
}

/** Cached answers that stay; hosts come from requests, so their number is not ours to decide. */
const cachedHosts = 4096;

/** Looks rules up in a World. One per World: the cache follows its version. */
export class RouteTable {
  readonly #world: World;
  #cache = new Map<string, HostRules | undefined>();
  #version = -1;

  constructor(world: World) {
    this.#world = world;
  }

  /** The rules of the oldest VirtualService for a host in the mesh; undefined when none governs it. */
  meshRules(host: string, namespace: string): HostRules | undefined {
    return this.#cached(`mesh|${namespace}|${host}`, () => {
      const found = this.#bestForHost(host, namespace, (service) => service.gateways.includes(meshGateway))[0];
      return found && { gateways: [meshGateway], http: found.http, tcp: found.tcp };
    });
  }

  /** The servers of `gateways` that take `host` on `port`. */
  takenServers(gateways: readonly GatewayModel[], port: number, host: string): TakenServer[] {
    return gateways.flatMap((gateway) => {
      const name = `${gateway.key.namespace}/${gateway.key.name}`;
      return gateway.servers
        .filter((server) => server.port === port)
        .filter((server) => server.hosts.some(({ pattern }) => hostSpecificity(pattern, host) >= 0))
        .map((server) => ({ gateway: name, server }));
    });
  }

  /** The rules for a host at a gateway: several VirtualServices of one host merge, catch-alls last. */
  gatewayRules(servers: readonly TakenServer[], host: string): HostRules | undefined {
    const names = servers.map(({ gateway }) => gateway);
    return this.#cached(`gateway|${names.join(',')}|${host}`, () => {
      const bound = (service: VirtualServiceModel): boolean =>
        servers.some(({ gateway, server }) => {
          const namespaces = server.hosts
            .filter(({ pattern }) => hostSpecificity(pattern, host) >= 0)
            .map(({ namespace }) => namespace);
          const allowed = namespaces.some((name) => name === '*' || name === service.key.namespace);
          return allowed && usesGateway(service, gateway);
        });
      const found = this.#bestForHost(host, undefined, bound);
      if (found.length === 0) return undefined;
      const http = found.flatMap((service) => service.http);
      const ordered = [...http.filter((rule) => !isCatchAll(rule)), ...http.filter((rule) => isCatchAll(rule))];
      return { gateways: names, http: ordered, tcp: found.flatMap((service) => service.tcp) };
    });
  }

  /** The first rule that holds; a delegate's rules stand in the place of the rule that names it. */
  findRule(rules: readonly HttpRule[], request: RequestView, site: MatchSite): MatchedRule | undefined {
    for (const rule of rules) {
      const held = matchesRequest(rule.matches, request, site);
      if (held === undefined) continue;
      const match = held === 'all' ? undefined : held;
      if (rule.action.type !== 'delegate') return { rule, match };
      const inner = this.#world.virtualService(rule.action.to)?.http ?? [];
      // One level only, as Istio: a delegate of a delegate is left out.
      const flat = inner.filter(({ action }) => action.type !== 'delegate');
      const found = this.findRule(flat, request, site);
      if (found !== undefined) return { rule: found.rule, match: found.match ?? match };
    }
    return undefined;
  }

  /** VirtualServices whose best host pattern is the most specific one for `host`, oldest first. */
  #bestForHost(
    host: string,
    namespace: string | undefined,
    accepts: (service: VirtualServiceModel) => boolean,
  ): VirtualServiceModel[] {
    let best: VirtualServiceModel[] = [];
    let bestScore = -1;
    for (const service of this.#world.virtualServices()) {
      if (!accepts(service) || !isVisible(service, namespace)) continue;
      const score = Math.max(-1, ...service.hosts.map((pattern) => hostSpecificity(pattern, host)));
      if (score < 0 || score < bestScore) continue;
      if (score > bestScore) best = [];
      bestScore = score;
      best.push(service);
    }
    return best;
  }

  #cached(key: string, compute: () => HostRules | undefined): HostRules | undefined {
    if (this.#version !== this.#world.version || this.#cache.size > cachedHosts) {
      this.#cache = new Map();
      this.#version = this.#world.version;
    }
    if (this.#cache.has(key)) return this.#cache.get(key);
    const value = compute();
    this.#cache.set(key, value);
    return value;
  }
}

function usesGateway(service: VirtualServiceModel, gateway: string): boolean {
  if (service.gateways.includes(gateway)) return true;
  return service.http.some((rule) => rule.matches.some((match) => match.gateways.includes(gateway)));
}

function isVisible(service: VirtualServiceModel, namespace: string | undefined): boolean {
  return namespace === undefined || service.exportTo.includes('*') || service.exportTo.includes(namespace);
}

/** Rules without conditions, or that match every path, come last where rules are merged. */
function isCatchAll(rule: HttpRule): boolean {
  if (rule.matches.length === 0) return true;
  return rule.matches.some(
    ({ uri, headers, method, authority, scheme, queryParams, withoutHeaders }) =>
      uri?.type === 'prefix' &&
      uri.value === '/' &&
      headers.length + queryParams.length + withoutHeaders.length === 0 &&
      (method ?? authority ?? scheme) === undefined,
  );
}

/** The first TCP rule whose conditions hold. */
export function findTcpRule(rules: readonly TcpRule[], site: MatchSite): TcpRule | undefined {
  return rules.find((rule) => rule.matches.length === 0 || rule.matches.some((match) => tcpHolds(match, site)));
}

function tcpHolds(match: TcpMatch, site: MatchSite): boolean {
  if (match.broken) return false;
  if (match.port !== undefined && match.port !== site.port) return false;
  if (match.gateways.length > 0 && !match.gateways.some((name) => site.gateways.includes(name))) return false;
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== site.sourceNamespace) return false;
  return Object.entries(match.sourceLabels).every(([name, value]) => site.sourceLabels[name] === value);
}

/** The host a route is looked up under: the full name of a Service, else the name as it was asked for. */
export function routeHost(host: string, service: MeshService | undefined): string {
  return service?.fqdn ?? host;
}
