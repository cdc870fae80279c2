/** Everything the proxies know about the cluster: what istiod would send them over xDS. */

import { keyOf, keyText, type AnyObject, type EndpointSlice, type Key, type Pod, type Service } from '@towpath/api';
import { readDestinationRule, type DestinationRuleModel } from './destination-rule.ts';
import { readGateway, type GatewayModel } from './gateway.ts';
import { clusterDomain, hostSpecificity } from './hosts.ts';
import {
  readEndpoints,
  readService,
  serviceNameLabel,
  type MeshEndpoint,
  type MeshService,
  type MeshServicePort,
} from './service.ts';
import { readVirtualService, type VirtualServiceModel } from './virtual-service.ts';
import { workloadOfPod, type Workload } from './workload.ts';

/** Written by istiod's informers, read by every proxy. Lookups are by the names proxies meet. */
export class World {
  readonly #services = new Map<string, MeshService>();
  readonly #serviceByIP = new Map<string, MeshService>();
  /** service key → slice name → port name → endpoints */
  readonly #slices = new Map<string, Map<string, Map<string, MeshEndpoint[]>>>();
  readonly #workloads = new Map<string, Workload>();
  readonly #workloadByIP = new Map<string, Workload>();
  readonly #virtualServices = new Map<string, VirtualServiceModel>();
  readonly #destinationRules = new Map<string, DestinationRuleModel>();
  readonly #gateways = new Map<string, GatewayModel>();
  readonly #endpointCache = new Map<string, readonly MeshEndpoint[]>();
  readonly #selectCache = new Map<string, readonly MeshService[]>();
  #orderedVirtualServices: readonly VirtualServiceModel[] | undefined;
  #version = 0;

  /** Grows with every change of routes; route caches key on it. */
  get version(): number {
    return this.#version;
  }

  setService(object: Service): void {
    this.removeService(keyOf(object));
    const service = readService(object);
    this.#services.set(keyText(service.key), service);
    if (service.clusterIP !== undefined) this.#serviceByIP.set(service.clusterIP, service);
    this.#changed();
  }

  removeService(key: Key): void {
    const known = this.#services.get(keyText(key));
    if (known === undefined) return;
    this.#services.delete(keyText(key));
    if (known.clusterIP !== undefined) this.#serviceByIP.delete(known.clusterIP);
    this.#changed();
  }

  setSlice(slice: EndpointSlice): void {
    const owner = sliceOwner(slice);
    const slices = this.#slices.get(owner) ?? new Map<string, Map<string, MeshEndpoint[]>>();
    slices.set(slice.metadata.name, readEndpoints(slice));
    this.#slices.set(owner, slices);
    this.#endpointCache.clear();
  }

  removeSlice(slice: EndpointSlice): void {
    this.#slices.get(sliceOwner(slice))?.delete(slice.metadata.name);
    this.#endpointCache.clear();
  }

  setPod(pod: Pod): void {
    const key = keyText(keyOf(pod));
    this.removePod(keyOf(pod));
    const workload = workloadOfPod(pod);
    this.#workloads.set(key, workload);
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (workload.ip !== undefined && !ended) this.#workloadByIP.set(workload.ip, workload);
  }

  removePod(key: Key): void {
    const known = this.#workloads.get(keyText(key));
    if (known === undefined) return;
    this.#workloads.delete(keyText(key));
    if (known.ip !== undefined && this.#workloadByIP.get(known.ip) === known) this.#workloadByIP.delete(known.ip);
    this.#selectCache.clear();
  }

  /** Returns the model, whose problems the caller reports. */
  setVirtualService(object: AnyObject): VirtualServiceModel {
    const model = readVirtualService(object);
    this.#virtualServices.set(keyText(model.key), model);
    this.#changed();
    return model;
  }

  removeVirtualService(key: Key): void {
    if (this.#virtualServices.delete(keyText(key))) this.#changed();
  }

  setDestinationRule(object: AnyObject): DestinationRuleModel {
    const model = readDestinationRule(object);
    this.#destinationRules.set(keyText(model.key), model);
    this.#changed();
    return model;
  }

  removeDestinationRule(key: Key): void {
    if (this.#destinationRules.delete(keyText(key))) this.#changed();
  }

  setGateway(object: AnyObject): GatewayModel {
    const model = readGateway(object);
    this.#gateways.set(keyText(model.key), model);
    this.#changed();
    return model;
  }

  removeGateway(key: Key): void {
    if (this.#gateways.delete(keyText(key))) this.#changed();
  }

  /** The service a name means to a client in `namespace`: short, `name.ns`, `….svc`, the full name or a cluster IP. */
  findService(host: string, namespace: string): MeshService | undefined {
    const byIP = this.#serviceByIP.get(host);
    if (byIP !== undefined) return byIP;
    const parts = host.replace(/\.$/, '').split('.');
    const [name = '', other = namespace, ...rest] = parts;
    const suffix = rest.join('.');
    if (suffix !== '' && suffix !== 'svc' && suffix !== clusterDomain) return undefined;
    return this.#services.get(`${other}/${name}`);
  }

  /** The ready endpoints of a service port; `labels` restrict them to a subset. */
  endpoints(
    service: MeshService,
    port: MeshServicePort,
    subset?: Readonly<Record<string, string>>,
  ): readonly MeshEndpoint[] {
    const cacheKey = `${service.fqdn}|${port.name}`;
    let all = this.#endpointCache.get(cacheKey);
    if (all === undefined) {
      const slices = this.#slices.get(keyText(service.key));
      all = [...(slices?.values() ?? [])].flatMap((slice) => slice.get(port.name) ?? []);
      this.#endpointCache.set(cacheKey, all);
    }
    if (subset === undefined) return all;
    return all.filter(({ ip, pod }) => hasLabels(this.#workloadOfEndpoint(ip, pod)?.labels, subset));
  }

  workloadByIP(ip: string): Workload | undefined {
    return this.#workloadByIP.get(ip);
  }

  workloadOfPod(key: Key): Workload | undefined {
    return this.#workloads.get(keyText(key));
  }

  /** The services that select `workload` on its port, oldest first. */
  servicesSelecting(workload: Workload, port: number): readonly MeshService[] {
    const cacheKey = `${workload.namespace}/${workload.pod}|${port}`;
    const cached = this.#selectCache.get(cacheKey);
    if (cached !== undefined) return cached;
    const found = this.servicesOf(workload).filter(
      (service) => this.servicePort(service, workload, port) !== undefined,
    );
    this.#selectCache.set(cacheKey, found);
    return found;
  }

  /** The port of `service` that leads to `port` of a pod. */
  servicePort(service: MeshService, workload: Workload, port: number): MeshServicePort | undefined {
    // A sidecar knows itself before the informers do, and then without its pod's port names.
    const ports = this.workloadOfPod({ namespace: workload.namespace, name: workload.pod })?.ports ?? workload.ports;
    return service.ports.find(({ targetPort }) => {
      return typeof targetPort === 'number' ? targetPort === port : ports[targetPort] === port;
    });
  }

  /** The services that select `workload`, on any port. */
  servicesOf(workload: Workload): MeshService[] {
    return [...this.#services.values()]
      .filter(({ key, selector }) => key.namespace === workload.namespace && Object.keys(selector ?? {}).length > 0)
      .filter(({ selector }) => hasLabels(workload.labels, selector ?? {}))
      .toSorted((left, right) => compare(left.createdAt, right.createdAt) || compare(left.fqdn, right.fqdn));
  }

  /** Oldest first, as Istio orders what conflicts. */
  virtualServices(): readonly VirtualServiceModel[] {
    this.#orderedVirtualServices ??= [...this.#virtualServices.values()].toSorted(
      (left, right) => compare(left.createdAt, right.createdAt) || compare(keyText(left.key), keyText(right.key)),
    );
    return this.#orderedVirtualServices;
  }

  virtualService(key: Key): VirtualServiceModel | undefined {
    return this.#virtualServices.get(keyText(key));
  }

  /** The rule that fits `host` best and is visible from `namespace`. */
  destinationRule(host: string, namespace: string): DestinationRuleModel | undefined {
    let best: DestinationRuleModel | undefined;
    let bestScore = -1;
    for (const rule of this.#destinationRules.values()) {
      if (rule.exportTo.length > 0 && !rule.exportTo.includes('*') && !rule.exportTo.includes(namespace)) continue;
      const score = hostSpecificity(rule.host, host);
      if (score > bestScore) {
        best = rule;
        bestScore = score;
      }
    }
    return best;
  }

  /** The Gateways whose selector fits the labels of a gateway's pod. */
  gatewaysFor(labels: Readonly<Record<string, string>>): GatewayModel[] {
    return [...this.#gateways.values()].filter(({ selector }) => hasLabels(labels, selector));
  }

  #workloadOfEndpoint(ip: string, pod: Key | undefined): Workload | undefined {
    return (pod && this.workloadOfPod(pod)) ?? this.workloadByIP(ip);
  }

  #changed(): void {
    this.#version++;
    this.#orderedVirtualServices = undefined;
    this.#selectCache.clear();
    this.#endpointCache.clear();
  }
}

function sliceOwner(slice: EndpointSlice): string {
  return `${slice.metadata.namespace ?? 'default'}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`;
}

/** True when `labels` hold every wanted pair. */
function hasLabels(
  labels: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels?.[name] === value);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
