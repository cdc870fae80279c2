/** From a destination to an endpoint: the Service, its port, a subset's labels, and the fair choice among them. */

import type { Destination } from '../model/destination.ts';
import type { LoadBalancing } from '../model/destination-rule.ts';
import type { MeshEndpoint, MeshService, MeshServicePort } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import type { World } from '../model/world.ts';

/** A Service port (and subset) that traffic goes to. */
export interface Target {
  readonly service: MeshService;
  readonly port: MeshServicePort;
  readonly subset: Readonly<Record<string, string>> | undefined;
  readonly balancing: LoadBalancing;
}

/** An endpoint and whom it belongs to, as far as the mesh knows. */
export interface PickedEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly workload: Workload | undefined;
}

/**
 * The Service port a destination means; undefined when there is no such Service, port or subset (Envoy's flag NC).
 * Without a port: the only one of the Service, else the one that was asked for. Source: route.go GetDestinationCluster.
 */
export function resolveTarget(
  world: World,
  destination: Destination,
  client: { readonly namespace: string; readonly port: number },
): Target | undefined {
  const service = world.findService(destination.host, client.namespace);
  if (service === undefined) return undefined;
  const only = service.ports.length === 1 ? service.ports[0]?.port : undefined;
  const number = destination.port ?? only ?? client.port;
  const port = service.ports.find((candidate) => candidate.port === number);
  if (port === undefined) return undefined;
  const rule = world.destinationRule(service.fqdn, client.namespace);
  const subset = destination.subset === undefined ? undefined : rule?.subsets.get(destination.subset);
  if (destination.subset !== undefined && subset === undefined) return undefined;
  return {
    service,
    port,
    subset: subset?.labels,
    balancing: subset?.balancing ?? rule?.balancing ?? 'LEAST_REQUEST',
  };
}

/** Chooses endpoints for one proxy: it knows how many requests each of them is serving for it. */
export class Balancer {
  readonly #random: (below: number) => number;
  readonly #turns = new Map<string, number>();
  readonly #active = new Map<string, number>();

  constructor(options: { random: (below: number) => number }) {
    this.#random = options.random;
  }

  /** An endpoint outside `tried` where there is one; undefined when none is ready. */
  pick(world: World, target: Target, tried?: ReadonlySet<string>): PickedEndpoint | undefined {
    const all = world.endpoints(target.service, target.port, target.subset);
    const fresh =
      tried === undefined || tried.size === 0 ? all : all.filter((endpoint) => !tried.has(address(endpoint)));
    const candidates = fresh.length === 0 ? all : fresh;
    const chosen = this.#choose(candidates, target);
    if (chosen === undefined) return undefined;
    const workload = (chosen.pod && world.workloadOfPod(chosen.pod)) ?? world.workloadByIP(chosen.ip);
    return { ip: chosen.ip, port: chosen.port, workload };
  }

  /** Counts a request at an endpoint until the returned function is called. */
  begin(endpoint: { readonly ip: string; readonly port: number }): () => void {
    const key = address(endpoint);
    this.#active.set(key, (this.#active.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#active.get(key) ?? 1) - 1;
      if (left > 0) this.#active.set(key, left);
      else this.#active.delete(key);
    };
  }

  #choose(candidates: readonly MeshEndpoint[], target: Target): MeshEndpoint | undefined {
    if (candidates.length <= 1) return candidates[0];
    if (target.balancing === 'RANDOM') return candidates[this.#random(candidates.length)];
    const key = `${target.service.fqdn}:${target.port.port}`;
    const turn = this.#turns.get(key) ?? 0;
    this.#turns.set(key, (turn + 1) % 0x7fffffff);
    if (target.balancing === 'ROUND_ROBIN') return candidates[turn % candidates.length];
    let best: MeshEndpoint | undefined;
    let least = Infinity;
    for (let step = 0; step < candidates.length; step++) {
      const candidate = candidates[(turn + step) % candidates.length];
      const active = candidate === undefined ? Infinity : (this.#active.get(address(candidate)) ?? 0);
      if (active < least) {
        least = active;
        best = candidate;
      }
    }
    return best;
  }
}

/** `ip:port`. */
export function address(endpoint: { readonly ip: string; readonly port: number }): string {
  return `${endpoint.ip}:${endpoint.port}`;
}
