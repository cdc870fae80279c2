/** Endpoints, namespaces, garbage, node health and the scheduler on the real API server. */

import {
  ConfigMaps,
  Deployments,
  Endpoints,
  EndpointSlices,
  Events,
  findCondition,
  keyOf,
  Namespaces,
  Pods,
  ServiceAccounts,
  Services,
  type AnyObject,
  type Pod,
  type Service,
} from '@towpath/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serverTemplate, startFixture, type Fixture } from './testing/fixture.ts';
import { NodeType, ReplicaSetType, type ReplicaSet } from './types.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture({ nodes: 2 });
});

afterEach(() => fixture.dispose());

const namespace = 'default';
const pod = (
  name: string,
  spec: Record<string, unknown> = {},
  labels: Record<string, string> = { app: 'web' },
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: { containers: [{ name: 'server', image: 'web:1', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
});
const replicaSet = (replicas: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web', namespace },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: serverTemplate('web:1') },
});
const bound = (name: string): Promise<Pod> =>
  fixture.until(async () => {
    const live = await fixture.client.get(Pods, { namespace, name });
    return (live?.spec.nodeName ?? '') === '' ? undefined : live;
  });

describe('endpoints', () => {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };

  test('follow the readiness of pods', async () => {
    fixture.broken.add('slow');
    await fixture.client.create(Services, service);
    await fixture.client.create(Pods, pod('fast'));
    await fixture.client.create(Pods, pod('slow'));

    const slice = await fixture.until(async () => {
      const [found] = (
        await fixture.client.list(EndpointSlices, { namespace, labelSelector: 'kubernetes.io/service-name=web' })
      ).items;
      return found?.endpoints?.length === 2 ? found : undefined;
    });
    const legacy = await fixture.until(async () => {
      const found = await fixture.client.get(Endpoints, { namespace, name: 'web' });
      const [subset] = (found?.['subsets'] ?? []) as Record<string, unknown[]>[];
      return subset?.['addresses']?.length === 1 && subset['notReadyAddresses']?.length === 1 ? subset : undefined;
    });

    expect(slice.metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
    expect(slice.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
    expect(slice.endpoints.map(({ targetRef, conditions }) => [targetRef?.name, conditions?.ready])).toEqual([
      ['fast', true],
      ['slow', false],
    ]);
    expect(legacy['ports']).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
  });

  test('change with the selector and go with the Service', async () => {
    await fixture.client.create(Services, service);
    await fixture.client.create(Pods, pod('one'));
    await fixture.client.create(Pods, pod('two', {}, { app: 'web-primary' }));
    const targets = async (): Promise<string> => {
      const { items } = await fixture.client.list(EndpointSlices, { namespace });
      return items
        .flatMap((slice) => slice.endpoints ?? [])
        .map(({ targetRef }) => targetRef?.name)
        .join();
    };
    await fixture.until(async () => (await targets()) === 'one');

    await fixture.client.patch(
      Services,
      { namespace, name: 'web' },
      { spec: { selector: { app: 'web-primary' } } },
      { kind: 'merge' },
    );
    await fixture.until(async () => (await targets()) === 'two');
    await fixture.client.delete(Services, { namespace, name: 'web' });

    await fixture.until(async () => (await fixture.client.list(EndpointSlices, { namespace })).items.length === 0);
    await fixture.until(async () => (await fixture.client.get(Endpoints, { namespace, name: 'web' })) === undefined);
  });
});

describe('namespaces', () => {
  const object: AnyObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };

  test('get an account and the root certificate, again when they are deleted', async () => {
    await fixture.client.create(Namespaces, object as never);
    const account = { namespace: 'shop', name: 'default' };
    const root = { namespace: 'shop', name: 'kube-root-ca.crt' };
    await fixture.until(() => fixture.client.get(ServiceAccounts, account));
    await fixture.until(async () => (await fixture.client.get(ConfigMaps, root))?.data?.['ca.crt'] === 'test root');

    await fixture.client.delete(ConfigMaps, root);

    await fixture.until(() => fixture.client.get(ConfigMaps, root));
  });

  test('are emptied before they go', async () => {
    await fixture.client.create(Namespaces, object as never);
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: serverTemplate('web:1') },
    };
    await fixture.client.create(Deployments, deployment);
    await fixture.until(
      async () => (await fixture.pods()).filter(({ status }) => status?.phase === 'Running').length === 2,
    );

    await fixture.client.delete(Namespaces, { name: 'shop' });

    await fixture.until(async () => (await fixture.client.get(Namespaces, { name: 'shop' })) === undefined);
    expect(await fixture.pods()).toEqual([]);
  });
});

describe('garbage', () => {
  test('an orphaned ReplicaSet keeps its pods, a deleted one takes them along', async () => {
    const set = await fixture.client.create(ReplicaSetType, replicaSet(2));
    await fixture.until(async () => (await fixture.pods()).length === 2);

    await fixture.client.delete(ReplicaSetType, keyOf(set), { propagationPolicy: 'Orphan' });
    await fixture.until(async () => (await fixture.client.get(ReplicaSetType, keyOf(set))) === undefined);
    await fixture.settle();
    const orphans = await fixture.pods();
    const again = await fixture.client.create(ReplicaSetType, replicaSet(2));
    await fixture.until(async () =>
      (await fixture.pods()).every((each) => each.metadata.ownerReferences?.[0]?.uid === again.metadata.uid),
    );
    await fixture.client.delete(ReplicaSetType, keyOf(again), { propagationPolicy: 'Foreground' });

    await fixture.until(async () => (await fixture.pods()).length === 0);
    await fixture.until(async () => (await fixture.client.get(ReplicaSetType, keyOf(again))) === undefined);
    expect(orphans.length).toBe(2);
  });

  test('an object whose owner never existed goes', async () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'no-such-uid' }];
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'left', namespace, ownerReferences } };
    await fixture.client.create(ConfigMaps, object);

    await fixture.until(async () => (await fixture.client.get(ConfigMaps, { namespace, name: 'left' })) === undefined);
  });
});

describe('nodes', () => {
  test('that fall silent become NotReady; pods move after their toleration', async () => {
    await fixture.client.create(ReplicaSetType, replicaSet(2));
    await fixture.until(
      async () => (await fixture.pods()).filter((each) => each.status?.phase === 'Running').length === 2,
    );

    fixture.silent.add('node-1');
    await fixture.clock.advance(110_000);
    const node = await fixture.until(async () => {
      const found = await fixture.client.get(NodeType, { name: 'node-1' });
      return findCondition(found?.status?.conditions, 'Ready')?.status === 'Unknown' ? found : undefined;
    });
    expect(findCondition(node.status?.conditions, 'Ready')?.message).toBe('Kubelet stopped posting node status.');
    await fixture.until(async () => {
      const taints = (await fixture.client.get(NodeType, { name: 'node-1' }))?.spec?.taints ?? [];
      return (
        taints
          .map(({ effect }) => effect)
          .toSorted()
          .join() === 'NoExecute,NoSchedule'
      );
    });
    await fixture.clock.advance(310_000);

    await fixture.until(async () => {
      const pods = await fixture.pods();
      return pods.length === 2 && pods.every((each) => each.spec.nodeName === 'node-2');
    });
    fixture.silent.delete('node-1');
  });
});

describe('the scheduler', () => {
  test('spreads, honours selectors and says why a pod waits', async () => {
    await fixture.client.patch(
      NodeType,
      { name: 'node-2' },
      { metadata: { labels: { disk: 'ssd' } } },
      { kind: 'merge' },
    );
    await fixture.client.create(Pods, pod('a'));
    await bound('a');
    await fixture.client.create(Pods, pod('b'));
    const second = await bound('b');
    await fixture.client.create(Pods, pod('picky', { nodeSelector: { disk: 'ssd' } }));
    const picky = await bound('picky');
    const resources = { requests: { cpu: '64', memory: '1Ti' } };
    await fixture.client.create(Pods, pod('huge', { containers: [{ name: 'x', image: 'y', resources }] }));

    const event = await fixture.until(async () => {
      const { items } = await fixture.client.list(Events, { namespace });
      return items.find(({ reason }) => reason === 'FailedScheduling');
    });
    const huge = await fixture.until(async () => {
      const live = await fixture.client.get(Pods, { namespace, name: 'huge' });
      return findCondition(live?.status?.conditions, 'PodScheduled');
    });

    expect(second.spec.nodeName).not.toBe((await bound('a')).spec.nodeName);
    expect(picky.spec.nodeName).toBe('node-2');
    expect(event.message).toBe(
      '0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    );
    expect(huge).toMatchObject({ status: 'False', reason: 'Unschedulable' });
  });

  test('uses a node as soon as it has room or loses its taint', async () => {
    for (const name of ['node-1', 'node-2']) {
      await fixture.client.patch(NodeType, { name }, { spec: { unschedulable: true } }, { kind: 'merge' });
    }
    await fixture.client.create(Pods, pod('waits'));
    await fixture.until(async () => {
      const { items } = await fixture.client.list(Events, { namespace });
      return items.find(({ message }) => message?.includes('2 node(s) were unschedulable'));
    });

    await fixture.client.patch(NodeType, { name: 'node-2' }, { spec: { unschedulable: false } }, { kind: 'merge' });

    expect((await bound('waits')).spec.nodeName).toBe('node-2');
  });
});
