/** The endpoints of a Service, from its pods: pure. */

import type { EndpointSlice, Pod, Service, ServicePort } from '@towpath/api';
import { isFinished, isReady } from './pod-state.ts';
import type { EndpointAddress, EndpointSubset } from './types.ts';

type Endpoint = EndpointSlice['endpoints'][number];
type EndpointPort = NonNullable<EndpointSlice['ports']>[number];

/** Endpoints that share one set of port numbers; a named target port may differ from pod to pod. */
export interface EndpointGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** Source: Kubernetes pkg/controller/endpointslice, podToEndpoint. */
export function groupEndpoints(service: Service, pods: readonly Pod[]): EndpointGroup[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods.toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))) {
    if (pod.status?.podIP === undefined || pod.status.podIP === '' || isFinished(pod)) continue;
    const ports = portsFor(service, pod);
    const group = groups.get(JSON.stringify(ports)) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointFor(service, pod, pod.status.podIP));
    groups.set(JSON.stringify(ports), group);
  }
  return [...groups.values()];
}

function endpointFor(service: Service, pod: Pod, ip: string): Endpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const { name, namespace, uid } = pod.metadata;
  const publishAll = service.spec['publishNotReadyAddresses'] === true;
  return {
    addresses: [ip],
    conditions: { ready: publishAll || (serving && !terminating), serving, terminating },
    ...hostnameOf(service, pod),
    ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) },
  };
}

/** Pods of a StatefulSet are addressed by name under their governing Service. */
function hostnameOf(service: Service, pod: Pod): { hostname?: string } {
  const { hostname, subdomain } = pod.spec;
  return typeof hostname === 'string' && subdomain === service.metadata.name ? { hostname } : {};
}

function portsFor(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const { name, protocol = 'TCP', appProtocol } = port;
    return [{ name: name ?? '', port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
  });
}

/** The number behind a Service port on one pod; a name that the pod does not have gives none. */
function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const protocol = port.protocol ?? 'TCP';
  // A native sidecar may own the named port as well.
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...pod.spec.containers, ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .find((candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol)?.containerPort;
}

/** The subsets of the legacy Endpoints object. Pods on their way out are left off. */
export function endpointSubsets(groups: readonly EndpointGroup[]): EndpointSubset[] {
  return groups.flatMap((group) => {
    const staying = group.endpoints.filter((endpoint) => endpoint.conditions?.terminating !== true);
    const addresses = staying.filter((endpoint) => endpoint.conditions?.ready === true).map(addressOf);
    const notReadyAddresses = staying.filter((endpoint) => endpoint.conditions?.ready !== true).map(addressOf);
    if (staying.length === 0) return [];
    const ports = group.ports.map(({ name, port, protocol, appProtocol }) => ({
      ...(name !== undefined && name !== '' && { name }),
      port: port ?? 0,
      ...(protocol !== undefined && { protocol }),
      ...(appProtocol !== undefined && { appProtocol }),
    }));
    return [
      {
        ...(addresses.length > 0 && { addresses }),
        ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
        ...(ports.length > 0 && { ports }),
      },
    ];
  });
}

function addressOf(endpoint: Endpoint): EndpointAddress {
  const { nodeName, targetRef } = endpoint;
  return {
    ip: endpoint.addresses[0] ?? '',
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef !== undefined && { targetRef }),
  };
}
