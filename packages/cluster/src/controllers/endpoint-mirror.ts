/** EndpointSlices for Endpoints that somebody else keeps: those of Services without a selector. */

import { EndpointSlices, keyOf, ownerReference, Services, type EndpointSlice, type Key } from '@towpath/api';
import { createController, done, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { managedByLabel, serviceNameLabel, writeSlices } from './endpoints.ts';
import { createIndex } from './index-by.ts';
import { isDeleting } from './ownership.ts';
import { templateHash } from './template-hash.ts';
import { EndpointsType, type EndpointAddress, type Endpoints, type EndpointSubset } from './types.ts';

const manager = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';

/** Source: Kubernetes pkg/controller/endpointslicemirroring. */
export function createEndpointMirrorController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('endpointslicemirroring-controller');
  const services = deps.informers.of(Services);
  const endpoints = deps.informers.of(EndpointsType);
  const slices = deps.informers.of(EndpointSlices);
  const mirrored = createIndex(slices, (slice) =>
    keyOfMirror(slice).map(({ namespace, name }) => `${namespace}/${name}`),
  );

  async function reconcile(key: Key): Promise<Result> {
    const known = mirrored.get(`${key.namespace}/${key.name}`);
    const source = endpoints.get(key);
    const service = services.get(key);
    if (source === undefined || isDeleting(source) || service === undefined || !isMirrored(source)) {
      for (const slice of known) await client.delete(EndpointSlices, keyOf(slice));
      return done();
    }
    if (service.spec.selector !== undefined) return done();
    await writeSlices(client, source, known, mirrorSlices(source));
    return done();
  }

  const controller = createController({ name: 'endpoint-mirror', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(endpoints, (object) => [keyOf(object)]);
  controller.watch(services, (service) => [keyOf(service)]);
  controller.watch(slices, keyOfMirror);
  return controller;
}

function keyOfMirror({ metadata }: EndpointSlice): Key[] {
  const { namespace, labels } = metadata;
  const name = labels?.[serviceNameLabel];
  if (labels?.[managedByLabel] !== manager || name === undefined || namespace === undefined) return [];
  return [{ namespace, name }];
}

function isMirrored({ metadata }: Endpoints): boolean {
  return metadata.labels?.[skipLabel] !== 'true' && metadata.annotations?.[leaderAnnotation] === undefined;
}

/** One slice for each subset and address family. */
function mirrorSlices(source: Endpoints): EndpointSlice[] {
  return (source.subsets ?? []).flatMap((subset, index) =>
    (['IPv4', 'IPv6'] as const).flatMap((family) => {
      const list = [
        ...endpointsOf(subset.addresses, family, true),
        ...endpointsOf(subset.notReadyAddresses, family, false),
      ];
      return list.length === 0 ? [] : [sliceOf(source, { subset, family, index }, list)];
    }),
  );
}

function endpointsOf(
  addresses: readonly EndpointAddress[] | undefined,
  family: 'IPv4' | 'IPv6',
  ready: boolean,
): EndpointSlice['endpoints'] {
  return (addresses ?? [])
    .filter(({ ip }) => ip.includes(':') === (family === 'IPv6'))
    .map(({ ip, ...rest }) => ({ addresses: [ip], conditions: { ready }, ...rest }));
}

function sliceOf(
  source: Endpoints,
  { subset, family, index }: { subset: EndpointSubset; family: string; index: number },
  endpoints: EndpointSlice['endpoints'],
): EndpointSlice {
  const { name, namespace, uid, labels } = source.metadata;
  const suffix = templateHash([uid, family, index]).slice(0, 5);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${suffix}`,
      generateName: `${name}-`,
      ...(namespace !== undefined && { namespace }),
      labels: { ...labels, [managedByLabel]: manager, [serviceNameLabel]: name },
      ownerReferences: [ownerReference(source)],
    },
    addressType: family,
    endpoints,
    ports: (subset.ports ?? []).map((port) => ({ name: '', protocol: 'TCP', ...port })),
  };
}
