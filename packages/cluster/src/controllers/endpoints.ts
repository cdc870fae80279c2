/** EndpointSlices and Endpoints: the addresses behind every Service with a selector. */

import {
  EndpointSlices,
  keyOf,
  matchesSelector,
  ownerReference,
  Pods,
  Services,
  type EndpointSlice,
  type Key,
  type KubeObject,
  type Pod,
  type Service,
} from '@towpath/api';
import { jsonEqual, toTimestamp } from '@towpath/kit';
import { createController, done, isAlreadyExists, type Client, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { endpointSubsets, groupEndpoints, type EndpointGroup } from './endpoint-groups.ts';
import { createIndex, type Index } from './index-by.ts';
import { isDeleting } from './ownership.ts';
import { templateHash } from './template-hash.ts';
import { EndpointsType, type Endpoints } from './types.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const changeTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
/** Endpoints of one slice. Source: Kubernetes, --max-endpoints-per-slice. */
const endpointsPerSlice = 100;

/** Source: Kubernetes pkg/controller/endpointslice and pkg/controller/endpoint. */
export function createEndpointsController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('endpointslice-controller');
  const services = deps.informers.of(Services);
  const pods = deps.informers.of(Pods);
  const slices = deps.informers.of(EndpointSlices);
  const endpoints = deps.informers.of(EndpointsType);
  const podsByNamespace = createIndex(pods, ({ metadata }) => [metadata.namespace ?? '']);
  const servicesByNamespace = createIndex(services, ({ metadata }) => [metadata.namespace ?? '']);
  const slicesByService = createIndex(slices, (slice) => {
    const { namespace, labels } = slice.metadata;
    return labels?.[managedByLabel] === manager ? [`${namespace}/${labels[serviceNameLabel] ?? ''}`] : [];
  });

  async function reconcile(key: Key): Promise<Result> {
    const service = services.get(key);
    const known = slicesByService.get(`${key.namespace}/${key.name}`);
    if (service === undefined) {
      for (const slice of known) await client.delete(EndpointSlices, keyOf(slice));
      await client.delete(EndpointsType, key);
      return done();
    }
    // Without a selector somebody else keeps the endpoints.
    if (isDeleting(service) || service.spec.selector === undefined || service.spec.type === 'ExternalName')
      return done();
    const matchLabels = service.spec.selector;
    const selected = podsByNamespace
      .get(key.namespace ?? '')
      .filter((pod) => matchesSelector({ matchLabels }, pod.metadata.labels));
    const groups = groupEndpoints(service, selected);
    await writeSlices(client, service, known, wantedSlices(service, groups));
    const endpointsNow = endpoints.get(key);
    await writeEndpoints(client, service, endpointsNow, groups, toTimestamp(deps.clock.nowMs()));
    return done();
  }

  const controller = createController({ name: 'endpoints', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(services, (service) => [keyOf(service)]);
  controller.watch(slices, ownService);
  watchPods(deps, controller, servicesByNamespace);
  return controller;
}

function ownService(slice: EndpointSlice): Key[] {
  const { namespace, labels } = slice.metadata;
  const name = labels?.[serviceNameLabel];
  if (labels?.[managedByLabel] !== manager || name === undefined || namespace === undefined) return [];
  return [{ namespace, name }];
}

/** A pod concerns a Service when its labels match now or matched before, and something an endpoint shows changed. */
function watchPods(deps: ControllerDeps, controller: Controller, byNamespace: Index<Service>): void {
  deps.informers.of(Pods).onChange(({ type, object, previous }) => {
    if (type === 'update' && previous !== undefined && sameEndpoint(previous, object)) return;
    const labelSets = [object.metadata.labels, previous?.metadata.labels];
    for (const service of byNamespace.get(object.metadata.namespace ?? '')) {
      const matchLabels = service.spec.selector;
      if (matchLabels === undefined) continue;
      if (labelSets.some((labels) => matchesSelector({ matchLabels }, labels))) controller.enqueue(keyOf(service));
    }
  });
}

function sameEndpoint(left: Pod, right: Pod): boolean {
  const shown = (pod: Pod): unknown => [
    pod.metadata.labels,
    pod.metadata.deletionTimestamp,
    pod.spec.nodeName,
    pod.status?.podIP,
    pod.status?.phase,
    pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  ];
  return jsonEqual(shown(left), shown(right));
}

/** Names are fixed by the Service and the ports, so that writing twice never makes two slices. */
function wantedSlices(service: Service, groups: readonly EndpointGroup[]): EndpointSlice[] {
  const shown = groups.length === 0 ? [{ ports: [], endpoints: [] }] : groups;
  return shown.flatMap((group) => {
    const pages = Math.max(1, Math.ceil(group.endpoints.length / endpointsPerSlice));
    return Array.from({ length: pages }, (_, page) => {
      const endpoints = group.endpoints.slice(page * endpointsPerSlice, (page + 1) * endpointsPerSlice);
      return newSlice(service, { ports: group.ports, endpoints }, page);
    });
  });
}

function newSlice(service: Service, group: EndpointGroup, page: number): EndpointSlice {
  const { name, namespace, uid, labels } = service.metadata;
  const suffix = templateHash([uid, group.ports, page]).slice(0, 5);
  const headless = service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {};
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${suffix}`,
      generateName: `${name}-`,
      ...(namespace !== undefined && { namespace }),
      labels: { ...labels, [managedByLabel]: manager, [serviceNameLabel]: name, ...headless },
      ownerReferences: [ownerReference(service)],
    },
    addressType: 'IPv4',
    endpoints: [...group.endpoints],
    ports: [...group.ports],
  };
}

/** Makes the slices of `owner` the wanted ones. */
export async function writeSlices(
  client: Client,
  owner: KubeObject,
  known: readonly EndpointSlice[],
  wanted: readonly EndpointSlice[],
): Promise<void> {
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const slice of wanted) {
    const current = known.find(({ metadata }) => metadata.name === slice.metadata.name);
    if (current === undefined) await createOrTake(client, slice);
    else if (!sameSlice(current, slice)) {
      const { endpoints, ports } = slice;
      await client.update(EndpointSlices, { ...withMetadata(current, slice), endpoints, ...(ports && { ports }) });
    }
  }
  for (const slice of known) {
    const ownerUid = slice.metadata.ownerReferences?.[0]?.uid;
    const isOurs = ownerUid === undefined || ownerUid === owner.metadata.uid;
    if (!names.has(slice.metadata.name) && isOurs) await client.delete(EndpointSlices, keyOf(slice));
  }
}

/** The watch may be behind: a slice that exists is brought up to date instead. */
async function createOrTake(client: Client, slice: EndpointSlice): Promise<void> {
  try {
    await client.create(EndpointSlices, slice);
  } catch (error) {
    const live = isAlreadyExists(error) ? await client.get(EndpointSlices, keyOf(slice)) : undefined;
    if (live === undefined) throw error;
    const { endpoints, ports } = slice;
    if (!sameSlice(live, slice)) {
      await client.update(EndpointSlices, { ...withMetadata(live, slice), endpoints, ...(ports && { ports }) });
    }
  }
}

function sameSlice(left: EndpointSlice, right: EndpointSlice): boolean {
  return (
    jsonEqual(left.endpoints ?? [], right.endpoints) &&
    jsonEqual(left.ports ?? [], right.ports ?? []) &&
    jsonEqual(left.metadata.labels, right.metadata.labels)
  );
}

function withMetadata<Object extends KubeObject>(current: Object, wanted: Object): Object {
  const { labels, ownerReferences } = wanted.metadata;
  const metadata = { ...current.metadata, ...(labels && { labels }), ...(ownerReferences && { ownerReferences }) };
  return { ...current, metadata };
}

async function writeEndpoints(
  client: Client,
  service: Service,
  current: Endpoints | undefined,
  groups: readonly EndpointGroup[],
  now: string,
): Promise<void> {
  const subsets = endpointSubsets(groups);
  const { name, namespace } = service.metadata;
  const headless = service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {};
  const labels = { ...service.metadata.labels, ...headless };
  if (current !== undefined && jsonEqual(current.subsets ?? [], subsets)) {
    if (jsonEqual(current.metadata.labels ?? {}, labels)) return;
  }
  const metadata = {
    ...current?.metadata,
    name,
    ...(namespace !== undefined && { namespace }),
    labels,
    annotations: { ...current?.metadata.annotations, [changeTimeAnnotation]: now },
  };
  const next: Endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata, ...(subsets.length > 0 && { subsets }) };
  if (current !== undefined) {
    await client.update(EndpointsType, next);
    return;
  }
  try {
    await client.create(EndpointsType, next);
  } catch (error) {
    // The watch has not shown our own write yet.
    const live = isAlreadyExists(error) ? await client.get(EndpointsType, keyOf(next)) : undefined;
    if (live === undefined) throw error;
    await client.update(EndpointsType, { ...next, metadata: { ...live.metadata, ...next.metadata } });
  }
}
