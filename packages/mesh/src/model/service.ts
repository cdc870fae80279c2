/** Services and their ready endpoints as the proxies use them. */

import type { EndpointSlice, Key, Service } from '@towpath/api';
import { fqdnOf } from './hosts.ts';

/** What a port speaks: `auto` is found out from the first bytes. */
type PortProtocol = 'http' | 'http2' | 'tcp' | 'auto';

export interface MeshServicePort {
  readonly name: string;
  readonly port: number;
  readonly targetPort: number | string;
  readonly protocol: PortProtocol;
}

export interface MeshService {
  readonly key: Key;
  readonly fqdn: string;
  readonly clusterIP: string | undefined;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly externalName: string | undefined;
  readonly createdAt: string;
  readonly ports: readonly MeshServicePort[];
}

export interface MeshEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly pod: Key | undefined;
}

const http = new Set(['http']);
const http2 = new Set(['http2', 'grpc', 'grpc-web', 'kubernetes.io/h2c']);
/** Protocols that Istio forwards as bytes; several let the server speak first. */
const bytes = new Set([
  'tcp',
  'tls',
  'https',
  'mongo',
  'mysql',
  'redis',
  'udp',
  'kubernetes.io/ws',
  'kubernetes.io/wss',
]);

/** The protocol a port declares: appProtocol first, then the name up to its first dash. Source: istio.io, "Protocol Selection". */
export function portProtocol(name: string | undefined, appProtocol: string | undefined): PortProtocol {
  const declared = (appProtocol ?? name?.replace(/-(?!web).*$/, '') ?? '').toLowerCase();
  if (http.has(declared)) return 'http';
  if (http2.has(declared)) return 'http2';
  if (declared === 'kubernetes.io/ws') return 'http';
  return bytes.has(declared) ? 'tcp' : 'auto';
}

/** Reads a Service. */
export function readService(service: Service): MeshService {
  const { spec, metadata } = service;
  const key = { namespace: metadata.namespace ?? 'default', name: metadata.name };
  const clusterIP = spec.clusterIP === undefined || spec.clusterIP === 'None' ? undefined : spec.clusterIP;
  return {
    key,
    fqdn: fqdnOf(key),
    clusterIP: clusterIP === '' ? undefined : clusterIP,
    selector: spec.selector,
    externalName: spec.type === 'ExternalName' ? spec.externalName : undefined,
    createdAt: metadata.creationTimestamp ?? '',
    ports: (spec.ports ?? [])
      .filter((port) => (port.protocol ?? 'TCP') === 'TCP')
      .map((port) => ({
        name: port.name ?? '',
        port: port.port,
        targetPort: port.targetPort ?? port.port,
        protocol: portProtocol(port.name, port.appProtocol),
      })),
  };
}

/** The ready endpoints of one slice, by port name. */
export function readEndpoints(slice: EndpointSlice): Map<string, MeshEndpoint[]> {
  const ready = (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false);
  const byPort = new Map<string, MeshEndpoint[]>();
  for (const { name, port } of slice.ports ?? []) {
    if (port === undefined) continue;
    const list = ready.flatMap((endpoint) => {
      const target = endpoint.targetRef;
      const pod = target?.kind === 'Pod' ? { namespace: target.namespace ?? '', name: target.name } : undefined;
      return endpoint.addresses.map((ip) => ({ ip, port, pod }));
    });
    byPort.set(name ?? '', list);
  }
  return byPort;
}

/** The label that ties a slice to its Service. */
export const serviceNameLabel = 'kubernetes.io/service-name';
