/** Replication controllers, disruption budgets, mirrored endpoints and circles of owners on the real API server. */

import { ConfigMaps, Endpoints, EndpointSlices, keyOf, Pods, Services, type KubeObject } from '@towpath/api';
import { present } from '@towpath/kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serverTemplate, startFixture, type Fixture } from './testing/fixture.ts';
import { ReplicationControllerType } from './types.ts';

const namespace = 'default';
let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture({ nodes: 1 });
});

afterEach(() => fixture.dispose());

test('a replication controller keeps its pods, and a budget counts them', async () => {
  const { client } = fixture;
  const spec = { replicas: 3, selector: { app: 'web' }, template: serverTemplate('web:1') };
  const metadata = { name: 'web', namespace };
  const owner = await client.create(ReplicationControllerType, {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata,
    spec,
  });
  const type = present(await client.resourceFor({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }), 'the kind');
  const budget = { maxUnavailable: '34%', selector: { matchLabels: { app: 'web' } } };
  await client.create(type, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata,
    spec: budget,
  } as KubeObject);

  const status = await fixture.until(async () => {
    const found = (await client.get(type, keyOf(owner))) as { status?: Record<string, unknown> } | undefined;
    return found?.status?.['currentHealthy'] === 3 ? found.status : undefined;
  });

  expect(status).toMatchObject({ expectedPods: 3, desiredHealthy: 1, disruptionsAllowed: 2, observedGeneration: 1 });
  const pods = await fixture.pods();
  const answers: number[] = [];
  for (const pod of pods) {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod.metadata.name } };
    const path = `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}/eviction`;
    const headers = { 'content-type': 'application/json' };
    answers.push((await client.request({ method: 'POST', path, headers, body: JSON.stringify(eviction) })).status);
  }
  expect(answers).toEqual([201, 201, 429]);
  expect(pods.map((pod) => pod.metadata.ownerReferences?.[0]?.kind)).toEqual(Array(3).fill('ReplicationController'));
});

test('endpoints of a service without a selector become slices, until they go', async () => {
  const { client } = fixture;
  const metadata = { name: 'outside', namespace };
  await client.create(Services, { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } });
  const subsets = [
    { addresses: [{ ip: '192.0.2.1' }], notReadyAddresses: [{ ip: '192.0.2.2' }], ports: [{ port: 9 }] },
  ];
  await client.create(Endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets } as KubeObject);
  const slices = async () =>
    (await client.list(EndpointSlices, { namespace, labelSelector: 'kubernetes.io/service-name=outside' })).items;

  const [slice] = await fixture.until(async () => ((await slices()).length === 1 ? slices() : undefined));
  expect(slice?.endpoints.map(({ addresses, conditions }) => [addresses, conditions?.ready])).toEqual([
    [['192.0.2.1'], true],
    [['192.0.2.2'], false],
  ]);
  expect(slice?.ports).toEqual([{ name: '', port: 9, protocol: 'TCP' }]);

  await client.delete(Endpoints, metadata);
  await fixture.until(async () => (await slices()).length === 0);
});

test('a circle of owners goes when one is deleted in the foreground', async () => {
  const { client } = fixture;
  const names = ['a', 'b', 'c'];
  const made = await Promise.all(
    names.map((name) =>
      client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } }),
    ),
  );
  for (const [index, { metadata }] of made.entries()) {
    const owner = present(made[(index + 2) % 3], 'owner').metadata;
    const reference = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: owner.name,
      uid: owner.uid,
      blockOwnerDeletion: true,
    };
    const body = { metadata: { ownerReferences: [reference] } };
    await client.patch(ConfigMaps, { namespace, name: metadata.name }, body, { kind: 'merge' });
  }
  await fixture.settle();

  await client.delete(ConfigMaps, { namespace, name: 'a' }, { propagationPolicy: 'Foreground' });

  await fixture.until(async () => {
    const left = (await client.list(ConfigMaps, { namespace })).items.filter(({ metadata }) =>
      names.includes(metadata.name),
    );
    return left.length === 0;
  });
});

test('a pod with an unknown runtime class is refused, a known one adds its overhead', async () => {
  const { client } = fixture;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'sealed', namespace },
    spec: { runtimeClassName: 'vm', containers: [{ name: 'server', image: 'web:1' }] },
  };
  await expect(client.create(Pods, pod)).rejects.toThrow(
    'pods "sealed" is forbidden: pod rejected: RuntimeClass "vm" not found',
  );
  const type = present(await client.resourceFor({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass' }), 'the kind');
  const runtimeClass = { handler: 'vm', overhead: { podFixed: { cpu: '250m' } } };
  await client.create(type, {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'vm' },
    ...runtimeClass,
  } as KubeObject);

  const created = await client.create(Pods, pod);

  expect(created.spec['overhead']).toEqual({ cpu: '250m' });
});
