/** Deployments on the real API server: rollouts, events, conditions, history. */

import { Deployments, Events, findCondition, keyOf, type Deployment } from '@towpath/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serverTemplate, startFixture, type Fixture } from '../testing/fixture.ts';
import { ReplicaSetType } from '../types.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture();
});

afterEach(() => fixture.dispose());

const key = { namespace: 'default', name: 'web' };

function deployment(spec: Partial<Deployment['spec']> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: serverTemplate('web:1'), ...spec },
  };
}

async function rolledOut(replicas: number, image: string): Promise<Deployment> {
  return fixture.until(async () => {
    const live = await fixture.client.get(Deployments, key);
    const { status } = live ?? {};
    const seen = status?.observedGeneration === live?.metadata.generation;
    const count = status?.updatedReplicas === replicas && status.availableReplicas === replicas;
    const images = live?.spec.template.spec.containers.map((container) => container.image);
    const progressed = findCondition(status?.conditions, 'Progressing')?.reason === 'NewReplicaSetAvailable';
    return seen && count && status?.replicas === replicas && images?.[0] === image && progressed ? live : undefined;
  });
}

async function messages(reason: string): Promise<string[]> {
  await fixture.settle();
  const { items } = await fixture.client.list(Events, { namespace: 'default' });
  return items.filter((event) => event.reason === reason).map((event) => event.message ?? '');
}

describe('a new Deployment', () => {
  test('gets a ReplicaSet, a pod, events and conditions', async () => {
    await fixture.client.create(Deployments, deployment());

    const live = await rolledOut(1, 'web:1');
    const [set] = (await fixture.client.list(ReplicaSetType)).items;
    const [pod] = await fixture.pods();

    expect(set?.metadata.name).toMatch(/^web-[bcdf456789]{6,10}$/);
    expect(pod?.metadata.name).toMatch(new RegExp(`^${set?.metadata.name}-[bcdfghjklmnpqrstvwxz2456789]{5}$`));
    expect(live.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(await messages('ScalingReplicaSet')).toEqual([`Scaled up replica set ${set?.metadata.name} from 0 to 1`]);
    expect(await messages('SuccessfulCreate')).toEqual([`Created pod: ${pod?.metadata.name}`]);
    expect(await messages('Scheduled')).toEqual([
      `Successfully assigned default/${pod?.metadata.name} to ${pod?.spec.nodeName}`,
    ]);
    expect(findCondition(live.status?.conditions, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
      message: 'Deployment has minimum availability.',
    });
    expect(findCondition(live.status?.conditions, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
    });
  });

  test('has no observedGeneration until the controller has seen it', async () => {
    const created = await fixture.client.create(Deployments, deployment());

    expect(created.status?.observedGeneration ?? 0).toBe(0);
    expect(created.metadata.generation).toBe(1);
  });
});

describe('a new template', () => {
  test('replaces pods without going below the minimum, and keeps history for a rollback', async () => {
    await fixture.client.create(Deployments, deployment({ replicas: 4 }));
    await rolledOut(4, 'web:1');

    const template = serverTemplate('web:2');
    await fixture.client.patch(Deployments, key, { spec: { template } }, { kind: 'merge' });
    const second = await rolledOut(4, 'web:2');
    await fixture.client.patch(Deployments, key, { spec: { template: serverTemplate('web:1') } }, { kind: 'merge' });
    const third = await rolledOut(4, 'web:1');

    const sets = (await fixture.client.list(ReplicaSetType)).items;
    const annotations = sets.map(({ metadata }) => metadata.annotations);
    expect(second.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    expect(third.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    expect(annotations.map((each) => each?.['deployment.kubernetes.io/revision'] ?? '').toSorted()).toEqual(['2', '3']);
    expect(annotations.map((each) => each?.['deployment.kubernetes.io/revision-history'])).toContain('1');
    expect((await fixture.pods()).length).toBe(4);
  });

  test('that never becomes ready stops at the surge and runs into its deadline', async () => {
    await fixture.client.create(Deployments, deployment({ replicas: 2, progressDeadlineSeconds: 60 }));
    await rolledOut(2, 'web:1');
    const before = new Set((await fixture.pods()).map((pod) => pod.metadata.name));
    fixture.broken.add('web-');

    await fixture.client.patch(Deployments, key, { spec: { template: serverTemplate('bad:1') } }, { kind: 'merge' });
    await fixture.until(async () => (await fixture.pods()).length === 3);
    await fixture.clock.advance(70_000);
    const live = await fixture.until(async () => {
      const found = await fixture.client.get(Deployments, key);
      const condition = findCondition(found?.status?.conditions, 'Progressing');
      return condition?.reason === 'ProgressDeadlineExceeded' ? found : undefined;
    });

    const kept = (await fixture.pods()).filter((pod) => before.has(pod.metadata.name));
    expect(kept.length).toBe(2);
    expect(live.status?.unavailableReplicas).toBe(1);
    expect(findCondition(live.status?.conditions, 'Available')?.status).toBe('True');
  });

  test('with Recreate starts only after the old pods are gone', async () => {
    await fixture.client.create(Deployments, deployment({ replicas: 2, strategy: { type: 'Recreate' } }));
    await rolledOut(2, 'web:1');

    await fixture.client.patch(Deployments, key, { spec: { template: serverTemplate('web:2') } }, { kind: 'merge' });
    await rolledOut(2, 'web:2');

    const images = (await fixture.pods()).map((pod) => pod.spec.containers[0]?.image);
    expect(images).toEqual(['web:2', 'web:2']);
  });
});

describe('scaling', () => {
  test('up and down moves the one ReplicaSet', async () => {
    await fixture.client.create(Deployments, deployment({ replicas: 3 }));
    await rolledOut(3, 'web:1');

    await fixture.client.patch(Deployments, key, { spec: { replicas: 0 } }, { kind: 'merge' });
    await fixture.until(async () => (await fixture.pods()).length === 0);
    await fixture.client.patch(Deployments, key, { spec: { replicas: 2 } }, { kind: 'merge' });
    await rolledOut(2, 'web:1');

    expect((await fixture.client.list(ReplicaSetType)).items.length).toBe(1);
  });

  test('a paused Deployment keeps its old template', async () => {
    await fixture.client.create(Deployments, deployment());
    await rolledOut(1, 'web:1');

    const template = serverTemplate('web:2');
    await fixture.client.patch(Deployments, key, { spec: { paused: true, template } }, { kind: 'merge' });
    await fixture.until(async () => {
      const live = await fixture.client.get(Deployments, key);
      return findCondition(live?.status?.conditions, 'Progressing')?.reason === 'DeploymentPaused';
    });
    expect((await fixture.client.list(ReplicaSetType)).items.length).toBe(1);
    await fixture.client.patch(Deployments, key, { spec: { paused: false } }, { kind: 'merge' });
    await rolledOut(1, 'web:2');
  });

  test('deleting it takes ReplicaSets and pods along', async () => {
    const live = await fixture.client.create(Deployments, deployment({ replicas: 2 }));
    await rolledOut(2, 'web:1');

    await fixture.client.delete(Deployments, keyOf(live), { propagationPolicy: 'Background' });

    await fixture.until(async () => (await fixture.pods()).length === 0);
    expect((await fixture.client.list(ReplicaSetType)).items).toEqual([]);
  });
});
