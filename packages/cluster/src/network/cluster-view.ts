/** What the dialer knows of Services and EndpointSlices, indexed by name and by cluster IP. */

import { keyText, type EndpointSlice, type Service } from '@towpath/api';
import type { Informer } from '@towpath/runtime';

const serviceNameLabel = 'kubernetes.io/service-name';

/** One address behind a Service. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** Reads of the current state; `dispose` ends the subscriptions, not the informers. */
export interface ClusterView {
  service(key: { namespace: string; name: string }): Service | undefined;
  serviceByIp(ip: string): Service | undefined;
  /** Ready backends of one port, in slice order; `hostname` picks one pod of a headless service. */
  backends(service: Service, port: number): Backend[];
  /** Ready addresses of a headless service, or of one of its pods. */
  addresses(service: Service, hostname?: string): string[];
  services(): readonly Service[];
  /** Every ready address with the ports of its slice. */
  endpoints(): Backend[];
  dispose(): void;
}

interface Endpoint {
  addresses: string[];
  conditions?: { ready?: boolean };
  hostname?: string;
}

export function createClusterView(sources: {
  services: Informer<Service>;
  slices: Informer<EndpointSlice>;
}): ClusterView {
  const byIp = new Map<string, Service>();
  const slicesOf = new Map<string, Map<string, EndpointSlice>>();
  const ends = [
    sources.services.onChange(({ type, object, previous }) => {
      for (const ip of clusterIpsOf(previous)) byIp.delete(ip);
      if (type !== 'delete') for (const ip of clusterIpsOf(object)) byIp.set(ip, object);
    }),
    sources.slices.onChange(({ type, object }) => {
      const name = object.metadata.labels?.[serviceNameLabel];
      if (name === undefined) return;
      const owner = `${object.metadata.namespace ?? ''}/${name}`;
      const slices = slicesOf.get(owner) ?? new Map<string, EndpointSlice>();
      if (type === 'delete') slices.delete(object.metadata.name);
      else slices.set(object.metadata.name, object);
      if (slices.size === 0) slicesOf.delete(owner);
      else slicesOf.set(owner, slices);
    }),
  ];
  const slices = (service: Service): EndpointSlice[] => [
    ...(slicesOf.get(keyText(keyOfService(service)))?.values() ?? []),
  ];
  const readyEndpoints = (slice: EndpointSlice): Endpoint[] =>
    ((slice.endpoints ?? []) as Endpoint[]).filter((endpoint) => endpoint.conditions?.ready !== false);

  return {
    service: (key) => sources.services.get(key),
    serviceByIp: (ip) => byIp.get(ip),
    backends(service, port) {
      const named = service.spec.ports?.find((candidate) => candidate.port === port);
      if (named === undefined) return [];
      return slices(service).flatMap((slice) => {
        const target = slice.ports?.find((candidate) => (candidate.name ?? '') === (named.name ?? ''));
        const targetPort = target?.port;
        if (targetPort === undefined) return [];
        return readyEndpoints(slice).flatMap(({ addresses }) => addresses.map((ip) => ({ ip, port: targetPort })));
      });
    },
    addresses: (service, hostname) =>
      slices(service)
        .flatMap(readyEndpoints)
        .filter((endpoint) => hostname === undefined || endpoint.hostname === hostname)
        .flatMap((endpoint) => endpoint.addresses),
    services: () => sources.services.list(),
    endpoints: () =>
      [...slicesOf.values()].flatMap((byName) =>
        [...byName.values()].flatMap((slice) =>
          readyEndpoints(slice).flatMap(({ addresses }) =>
            addresses.flatMap((ip) =>
              (slice.ports ?? []).flatMap(({ port }) => (port === undefined ? [] : [{ ip, port }])),
            ),
          ),
        ),
      ),
    dispose() {
      for (const end of ends) end();
    },
  };
}

function keyOfService(service: Service): { namespace: string; name: string } {
  return { namespace: service.metadata.namespace ?? '', name: service.metadata.name };
}

/** The cluster IPs of a service; none for a headless one. */
export function clusterIpsOf(service: Service | undefined): string[] {
  const { clusterIP, clusterIPs } = service?.spec ?? {};
  const all = clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]);
  return all.filter((ip) => ip !== '' && ip !== 'None');
}
