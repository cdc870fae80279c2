/** Names and addresses to destinations: the cluster's DNS and the choice of an endpoint, as pure reads of a view. */

import { isIP } from 'node:net';
import type { Service } from '@towpath/api';
import { clusterIpsOf, type Backend, type ClusterView } from './cluster-view.ts';

/** Where a service that runs on the host itself listens. */
export interface HostService {
  /** Defaults to 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
}

/** `name.namespace:port` → the host's own listener, e.g. `git.towpath-system:80`. */
export type HostServices = Readonly<Record<string, HostService>>;

/** Where a connection to `host:port` goes. */
export type Route =
  /** One of these; empty when nothing is ready. */
  | { readonly type: 'backends'; readonly backends: readonly Backend[]; readonly service: string | undefined }
  | { readonly type: 'host'; readonly host: string; readonly port: number }
  | { readonly type: 'outside'; readonly host: string; readonly port: number }
  | { readonly type: 'unknown'; readonly because: string };

/** What a name means to `dns.lookup`. */
type Lookup =
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  | { readonly type: 'outside'; readonly name: string }
  | { readonly type: 'unknown'; readonly because: string };

export interface Resolver {
  route(host: string, port: number, namespace: string): Route;
  lookup(host: string, namespace: string): Lookup;
  /** Addresses and ports where something answers: of services with ready endpoints first, then of the endpoints. */
  openings(): { host: string; port: number }[];
  /** The host's listener behind an in-cluster name and port. */
  hostService(host: string, port: number): HostService | undefined;
}

/** Names of host services without a Service object get addresses from here. */
const hostServiceNetwork = '10.97.0.';
const maxExternalNames = 8;
const clusterDomain = 'cluster.local';

type Meaning =
  | { readonly type: 'service'; readonly namespace: string; readonly name: string; readonly hostname?: string }
  | { readonly type: 'ip'; readonly ip: string }
  | { readonly type: 'outside' }
  | { readonly type: 'unknown' };

/** Cluster networks are 10.244/16 (pods), 10.96/16 (services) and 10.97.0/24 (host services). */
function isClusterIp(ip: string): boolean {
  return ip.startsWith('10.244.') || ip.startsWith('10.96.') || ip.startsWith(hostServiceNetwork);
}

export function createResolver(options: { view: ClusterView; hostServices: HostServices }): Resolver {
  return new ViewResolver(options);
}

class ViewResolver implements Resolver {
  readonly #view: ClusterView;
  readonly #hostServices: HostServices;
  /** `name.namespace`, in order: the position makes the address. */
  readonly #hostNames: readonly string[];

  constructor(options: { view: ClusterView; hostServices: HostServices }) {
    this.#view = options.view;
    this.#hostServices = options.hostServices;
    const names = Object.keys(options.hostServices).map((key) => key.slice(0, key.lastIndexOf(':')));
    this.#hostNames = [...new Set(names)].toSorted();
  }

  route(host: string, port: number, namespace: string): Route {
    return this.#route(host, port, namespace, 0);
  }

  lookup(host: string, namespace: string): Lookup {
    return this.#lookup(host, namespace, 0);
  }

  openings(): { host: string; port: number }[] {
    const all = new Map<string, { host: string; port: number }>();
    const add = (host: string, port: number): void => void all.set(`${host}:${port}`, { host, port });
    for (const service of this.#view.services()) {
      const { namespace = '', name } = service.metadata;
      for (const ip of clusterIpsOf(service)) {
        for (const { port } of service.spec.ports ?? []) {
          const isLocal = this.#hostServices[`${name}.${namespace}:${port}`] !== undefined;
          if (isLocal || this.#view.backends(service, port).length > 0) add(ip, port);
        }
      }
    }
    for (const key of Object.keys(this.#hostServices)) {
      const at = key.lastIndexOf(':');
      const [name = '', namespace = ''] = key.slice(0, at).split('.');
      const found = this.#lookup(`${name}.${namespace}.svc.${clusterDomain}`, namespace, 0);
      if (found.type === 'addresses') for (const ip of found.addresses) add(ip, Number(key.slice(at + 1)));
    }
    for (const { ip, port } of this.#view.endpoints()) add(ip, port);
    return [...all.values()];
  }

  hostService(host: string, port: number): HostService | undefined {
    const meaning = this.#meaningOf(host, 'default');
    return meaning.type === 'service' ? this.#hostServices[`${meaning.name}.${meaning.namespace}:${port}`] : undefined;
  }

  #hostIp(name: string): string {
    return hostServiceNetwork + (this.#hostNames.indexOf(name) + 1);
  }

  #known(namespace: string, name: string): boolean {
    return this.#view.service({ namespace, name }) !== undefined || this.#hostNames.includes(`${name}.${namespace}`);
  }

  #meaningOf(text: string, namespace: string): Meaning {
    const host = text.replace(/\.$/, '').toLowerCase();
    if (isIP(host) !== 0) return { type: 'ip', ip: host };
    const labels = host.split('.');
    const inDomain = host.endsWith(`.${clusterDomain}`);
    const short = inDomain ? labels.slice(0, -2) : labels;
    const podIp = /^(\d+-\d+-\d+-\d+)\.[^.]+\.pod$/.exec(short.join('.'));
    if (podIp?.[1] !== undefined) return { type: 'ip', ip: podIp[1].replaceAll('-', '.') };
    const explicit = short.at(-1) === 'svc';
    if (inDomain && !explicit) return { type: 'unknown' };
    const parts = explicit ? short.slice(0, -1) : short;
    const found = candidatesOf(parts, namespace, explicit).find((one) => this.#known(one.namespace, one.name));
    if (found !== undefined) return { type: 'service', ...found };
    return explicit || labels.length === 1 ? { type: 'unknown' } : { type: 'outside' };
  }

  #routeService(service: Service, port: number, meaning: Meaning): readonly Backend[] {
    if (clusterIpsOf(service).length > 0) return this.#view.backends(service, port);
    const hostname = meaning.type === 'service' ? meaning.hostname : undefined;
    return this.#view.addresses(service, hostname).map((ip) => ({ ip, port }));
  }

  #route(host: string, port: number, namespace: string, depth: number): Route {
    const meaning = this.#meaningOf(host, namespace);
    if (meaning.type === 'unknown') return { type: 'unknown', because: 'no service has that name' };
    if (meaning.type === 'outside') return { type: 'outside', host, port };
    if (meaning.type === 'ip') return this.#routeIp(meaning.ip, port);
    const name = `${meaning.name}.${meaning.namespace}`;
    const local = this.#hostServices[`${name}:${port}`];
    if (local !== undefined) return { type: 'host', host: local.host ?? '127.0.0.1', port: local.port };
    const service = this.#view.service(meaning);
    if (service === undefined) return { type: 'backends', backends: [], service: name };
    if (service.spec.type !== 'ExternalName') {
      return { type: 'backends', backends: this.#routeService(service, port, meaning), service: name };
    }
    if (depth >= maxExternalNames) return { type: 'unknown', because: 'its external names form a circle' };
    return this.#route(service.spec.externalName ?? '', port, namespace, depth + 1);
  }

  #routeIp(ip: string, port: number): Route {
    if (ip.startsWith('10.244.')) return { type: 'backends', backends: [{ ip, port }], service: undefined };
    const service = this.#view.serviceByIp(ip);
    // Another cluster's services may have another network.
    if (service === undefined && !isClusterIp(ip)) return { type: 'outside', host: ip, port };
    const { namespace = '', name = '' } = service?.metadata ?? {};
    const full =
      service === undefined
        ? (this.#hostNames.find((candidate) => this.#hostIp(candidate) === ip) ?? ip)
        : `${name}.${namespace}`;
    const local = this.#hostServices[`${full}:${port}`];
    if (local !== undefined) return { type: 'host', host: local.host ?? '127.0.0.1', port: local.port };
    return {
      type: 'backends',
      backends: service === undefined ? [] : this.#view.backends(service, port),
      service: full,
    };
  }

  #lookup(host: string, namespace: string, depth: number): Lookup {
    const meaning = this.#meaningOf(host, namespace);
    if (meaning.type === 'unknown') return { type: 'unknown', because: 'no service has that name' };
    if (meaning.type === 'outside') return { type: 'outside', name: host };
    if (meaning.type === 'ip') return { type: 'addresses', addresses: [meaning.ip] };
    const service = this.#view.service(meaning);
    if (service?.spec.type === 'ExternalName') {
      if (depth >= maxExternalNames) return { type: 'unknown', because: 'its external names form a circle' };
      return this.#lookup(service.spec.externalName ?? '', namespace, depth + 1);
    }
    if (service === undefined)
      return { type: 'addresses', addresses: [this.#hostIp(`${meaning.name}.${meaning.namespace}`)] };
    const fixed = clusterIpsOf(service);
    const addresses = fixed.length > 0 ? fixed : this.#view.addresses(service, meaning.hostname);
    return addresses.length > 0
      ? { type: 'addresses', addresses }
      : { type: 'unknown', because: 'the headless service has no ready pod' };
  }
}

/** The services a name may mean, in the order of the search path. */
function candidatesOf(
  parts: readonly string[],
  namespace: string,
  explicit: boolean,
): { namespace: string; name: string; hostname?: string }[] {
  const [first = '', second = '', third = ''] = parts;
  if (parts.length === 1) return explicit ? [] : [{ namespace, name: first }];
  if (parts.length === 2) {
    const inNamespace = { namespace: second, name: first };
    return explicit ? [inNamespace] : [inNamespace, { namespace, name: second, hostname: first }];
  }
  return parts.length === 3 ? [{ namespace: third, name: second, hostname: first }] : [];
}
