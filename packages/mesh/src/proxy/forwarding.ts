/** Turns a plan into a forward: the weighted choice, rewrites, policies and the servers to try. */

import type { Clock, Random } from '@towpath/kit';
import type { Destination, WeightedDestination } from '../model/destination.ts';
import type { HttpMatch } from '../model/http-match.ts';
import { defaultRetries, type HeaderChange } from '../model/http-policy.ts';
import { splitAuthority } from '../model/hosts.ts';
import type { MeshService } from '../model/service.ts';
import type { HttpRule } from '../model/virtual-service.ts';
import { createWeightedPicker, type WeightedPicker } from '../model/weighted.ts';
import type { Workload } from '../model/workload.ts';
import { reply, type HttpPlan, type LocalReply, type Site } from '../route/plan.ts';
import { changeHeaders, headerValue, rewritePath } from '../route/rewrite.ts';
import { address, resolveTarget, type Balancer, type PickedEndpoint, type Target } from '../route/target.ts';
import type { DestinationService } from '../telemetry/labels.ts';
import { corsHeaders, preflightReply } from './cors.ts';
import type { Forward, Leg } from './exchange.ts';
import { isGrpc, type RequestHead } from './messages.ts';
import type { Upstreams } from './upstreams.ts';

/** Whom a request went to, for its record. */
export interface Who {
  readonly workload: Workload | undefined;
  readonly service: DestinationService | undefined;
}

/** A server and the request as it is to be sent there. */
export interface Address {
  readonly endpoint: PickedEndpoint;
  readonly who: Who;
  readonly path: string;
  readonly authority: string;
}

/** Istio's name for what the mesh does not know. */
export const passthroughName = 'PassthroughCluster';

export interface ForwardingDeps {
  readonly upstreams: Upstreams;
  readonly balancer: Balancer;
  readonly random: Random;
  readonly clock: Clock;
}

/** Either an answer of the proxy (with whom it was meant for), or how to forward. */
export type Forwarding =
  | { readonly type: 'answer'; readonly local: LocalReply; readonly who: Who | undefined }
  | { readonly type: 'forward'; readonly forward: Forward<Who> };

/** Holds what lives longer than a request: the turn of each rule's weights. A changed rule starts anew. */
export class Forwarder {
  readonly #deps: ForwardingDeps;
  readonly #pickers = new WeakMap<readonly WeightedDestination[], WeightedPicker>();

  constructor(deps: ForwardingDeps) {
    this.#deps = deps;
  }

  /** Decides how `head` is served under `plan`. */
  decide(site: Site, plan: HttpPlan, head: RequestHead): Forwarding {
    switch (plan.type) {
      case 'reply':
        return { type: 'answer', local: plan, who: undefined };
      case 'rule':
        return this.#byRule(site, head, plan.rule, plan.match);
      case 'service':
        return this.#toService(site, head, plan.service);
      case 'passthrough':
        return this.#passThrough(site, head);
    }
  }

  /** One server for a connection that is handed over whole (an upgrade); undefined when there is none. */
  address(site: Site, plan: HttpPlan, head: RequestHead): Address | undefined {
    const { path, authority } = head;
    if (plan.type === 'reply') return undefined;
    if (plan.type === 'rule') {
      const { rule, match } = plan;
      const chosen = rule.action.type === 'route' ? this.choose(rule.action.destinations) : undefined;
      const target = chosen && this.#target(site, chosen);
      if (chosen === undefined || target === undefined) return undefined;
      const sent = this.#rewritten(head, rule, match, chosen, target);
      return this.#addressOf(site, target, sent.path, sent.authority);
    }
    const target =
      plan.type === 'service'
        ? this.#target(site, { host: plan.service.fqdn, port: site.port, subset: undefined })
        : undefined;
    if (target !== undefined) return this.#addressOf(site, target, path, authority);
    const workload = site.world.workloadByIP(site.host);
    return { endpoint: { ip: site.host, port: site.port, workload }, who: passthroughWho(site, head), path, authority };
  }

  #addressOf(site: Site, target: Target, path: string, authority: string): Address | undefined {
    const endpoint = this.#deps.balancer.pick(site.world, target);
    return endpoint && { endpoint, who: whoOf(target.service, endpoint.workload), path, authority };
  }

  /** The destination whose turn it is. */
  choose(destinations: readonly WeightedDestination[]): WeightedDestination | undefined {
    if (destinations.length <= 1) return destinations[0];
    let picker = this.#pickers.get(destinations);
    if (picker === undefined) {
      picker = createWeightedPicker(destinations.map(({ weight }) => weight));
      this.#pickers.set(destinations, picker);
    }
    return destinations[picker.next()];
  }

  #byRule(site: Site, head: RequestHead, rule: HttpRule, match: HttpMatch | undefined): Forwarding {
    if (rule.action.type !== 'route') return { type: 'answer', local: reply(404, { flag: 'NR' }), who: undefined };
    const preflight = rule.cors === undefined ? undefined : preflightReply(rule.cors, head);
    if (preflight !== undefined) return { type: 'answer', local: preflight, who: undefined };
    const destination = this.choose(rule.action.destinations);
    const target = destination === undefined ? undefined : this.#target(site, destination);
    if (destination === undefined || target === undefined) {
      const body = `no service or subset answers to ${destination?.host ?? 'this route'}`;
      return { type: 'answer', local: reply(503, { flag: 'NC', body }), who: undefined };
    }
    const fault = this.#abortFault(rule);
    if (fault !== undefined) return { type: 'answer', local: fault, who: whoOf(target.service, undefined) };
    const sent = this.#rewritten(head, rule, match, destination, target);
    const mirrors = rule.mirrors
      .filter(({ percent }) => this.#isHit(percent))
      .flatMap((mirror) => this.#legOfDestination(site, mirror.destination) ?? []);
    return {
      type: 'forward',
      forward: {
        head: sent,
        next: this.#legs(site, target),
        timeoutMs: rule.timeoutMs,
        retries: rule.retries ?? defaultRetries,
        responseHeaders: [rule.headers.response, destination.headers.response, this.#cors(rule, head)],
        mirrors,
        marksUnreached: false,
        delayMs:
          rule.fault?.delay !== undefined && this.#isHit(rule.fault.delay.percent) ? rule.fault.delay.fixedMs : 0,
      },
    };
  }

  #toService(site: Site, head: RequestHead, service: MeshService): Forwarding {
    const target = this.#target(site, { host: service.fqdn, port: site.port, subset: undefined });
    if (target === undefined) return this.#passThrough(site, head);
    if (service.selector === undefined && site.world.endpoints(service, target.port).length === 0) {
      return this.#passThrough(site, head);
    }
    return { type: 'forward', forward: plainForward(withVersion(head, target), this.#legs(site, target)) };
  }

  /** To the very address the program asked for; the mesh only counts. */
  #passThrough(site: Site, head: RequestHead): Forwarding {
    const who = passthroughWho(site, head);
    const leg = this.#leg({ ip: site.host, port: site.port, workload: who.workload }, who);
    return { type: 'forward', forward: plainForward(head, () => leg) };
  }

  #target(site: Site, destination: Destination): Target | undefined {
    return resolveTarget(site.world, destination, { namespace: site.workload.namespace, port: site.port });
  }

  /** A source of servers to try that avoids those already tried. */
  #legs(site: Site, target: Target): () => Leg<Who> | undefined {
    const tried = new Set<string>();
    return () => {
      const endpoint = this.#deps.balancer.pick(site.world, target, tried);
      if (endpoint === undefined) return undefined;
      tried.add(address(endpoint));
      return this.#leg(endpoint, whoOf(target.service, endpoint.workload));
    };
  }

  #legOfDestination(site: Site, destination: Destination): Leg<Who> | undefined {
    const target = this.#target(site, destination);
    return target && this.#legs(site, target)();
  }

  #leg(endpoint: PickedEndpoint, who: Who): Leg<Who> {
    const { upstreams, balancer } = this.#deps;
    return {
      who,
      begin: () => balancer.begin(endpoint),
      open: (head, listener) => upstreams.call({ host: endpoint.ip, port: endpoint.port }, head, listener),
    };
  }

  #rewritten(
    head: RequestHead,
    rule: HttpRule,
    match: HttpMatch | undefined,
    destination: WeightedDestination,
    target: Target,
  ): RequestHead {
    const { rewrite } = rule;
    const changes: (HeaderChange | undefined)[] = [rule.headers.request, destination.headers.request];
    let headers = head.headers;
    for (const change of changes) headers = changeHeaders(headers, change);
    // `headers.request.set` may name the host, which is not among the headers here.
    const host = changes
      .flatMap((change) => change?.set ?? [])
      .findLast(([name]) => name === 'host' || name === ':authority');
    if (host !== undefined) headers = changeHeaders(headers, { set: [], add: [], remove: ['host', ':authority'] });
    return withVersion(
      {
        ...head,
        headers,
        authority: rewrite?.authority ?? host?.[1] ?? head.authority,
        path: rewrite === undefined ? head.path : rewritePath(head.path, rewrite, match),
      },
      target,
    );
  }

  #abortFault(rule: HttpRule): LocalReply | undefined {
    const abort = rule.fault?.abort;
    if (abort === undefined || !this.#isHit(abort.percent)) return undefined;
    const headers = abort.grpcStatus === undefined ? [] : ([['grpc-status', String(abort.grpcStatus)]] as const);
    return reply(abort.httpStatus, { flag: 'FI', headers, body: 'fault filter abort' });
  }

  #cors(rule: HttpRule, head: RequestHead): HeaderChange | undefined {
    return rule.cors === undefined ? undefined : corsHeaders(rule.cors, head);
  }

  /** `percent` of the calls; a hundredth of a percent is the finest share. */
  #isHit(percent: number): boolean {
    if (percent >= 100) return true;
    return percent > 0 && this.#deps.random.integer(10_000) < percent * 100;
  }
}

/** A forward without any policy of a route, with Istio's default retries. */
export function plainForward(head: RequestHead, next: () => Leg<Who> | undefined): Forward<Who> {
  return {
    head,
    next,
    timeoutMs: undefined,
    retries: defaultRetries,
    responseHeaders: [],
    mirrors: [],
    delayMs: 0,
    marksUnreached: false,
  };
}

function passthroughWho(site: Site, head: RequestHead): Who {
  const asked = splitAuthority(head.authority === '' ? site.host : head.authority).host;
  return {
    workload: site.world.workloadByIP(site.host),
    service: { host: asked, name: passthroughName, namespace: 'unknown' },
  };
}

/** How a Service is named in metrics. */
export function whoOf(service: MeshService | undefined, workload: Workload | undefined): Who {
  if (service === undefined) return { workload, service: undefined };
  const { fqdn, key } = service;
  return { workload, service: { host: fqdn, name: key.name, namespace: key.namespace ?? 'default' } };
}

/**
 * The server's version of HTTP: what its port declares; where that leaves it open, the client's. A gRPC client is
 * never taken down to HTTP/1.1.
 */
function withVersion(head: RequestHead, target: Target): RequestHead {
  const { protocol } = target.port;
  if (protocol === 'http2') return head.version === 'http2' ? head : { ...head, version: 'http2' };
  if (protocol !== 'http' || head.version === 'http1' || isGrpc(headerValue(head.headers, 'content-type'))) return head;
  return { ...head, version: 'http1' };
}
