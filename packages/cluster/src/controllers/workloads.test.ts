/** StatefulSets, DaemonSets, Jobs and CronJobs on the real API server. */

import { Events, findCondition, Pods, type AnyObject, type Pod, type ResourceType } from '@towpath/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serverTemplate, startFixture, type Fixture } from './testing/fixture.ts';
import {
  CronJobType,
  DaemonSetType,
  JobType,
  NodeType,
  ReplicaSetType,
  StatefulSetType,
  type CronJob,
  type DaemonSet,
  type Job,
  type ReplicaSet,
  type StatefulSet,
} from './types.ts';

const QuotaType: ResourceType<AnyObject & { spec: { hard: Record<string, string> } }> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
};

let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture({ nodes: 3 });
});

afterEach(() => fixture.dispose());

const namespace = 'default';
const names = (pods: readonly Pod[]): string[] => pods.map((pod) => pod.metadata.name).toSorted();

async function events(reason: string): Promise<string[]> {
  await fixture.settle();
  const { items } = await fixture.client.list(Events, { namespace });
  return items.filter((event) => event.reason === reason).map((event) => event.message ?? '');
}

describe('StatefulSet', () => {
  const set = (spec: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'web' } },
      template: serverTemplate('db:1'),
      ...spec,
    },
  });
  const key = { namespace, name: 'db' };
  const ready = (replicas: number, image: string): Promise<StatefulSet> =>
    fixture.until(async () => {
      const live = await fixture.client.get(StatefulSetType, key);
      const pods = await fixture.pods();
      const isSame = pods.length === replicas && pods.every((pod) => pod.spec.containers[0]?.image === image);
      return isSame && (live?.status?.availableReplicas ?? 0) === replicas ? live : undefined;
    });

  test('brings pods up in order, with names and host names', async () => {
    await fixture.client.create(StatefulSetType, set());

    const live = await ready(3, 'db:1');
    const pods = await fixture.pods();
    const created = (await events('SuccessfulCreate')).filter((message) => message.includes('Pod'));

    expect(names(pods)).toEqual(['db-0', 'db-1', 'db-2']);
    expect(created).toEqual([0, 1, 2].map((index) => `create Pod db-${index} in StatefulSet db successful`));
    expect(pods[0]?.spec['hostname']).toBe(pods[0]?.metadata.name);
    expect(pods[0]?.spec['subdomain']).toBe('db');
    expect(live.status?.updateRevision).toMatch(/^db-[bcdf456789]+$/);
  });

  test('waits at a pod that is not ready', async () => {
    fixture.broken.add('db-1');
    await fixture.client.create(StatefulSetType, set());

    await fixture.until(async () => (await fixture.pods()).length === 2);
    await fixture.settle();

    expect(names(await fixture.pods())).toEqual(['db-0', 'db-1']);
  });

  test('updates from the last to the partition, and scales down from the end', async () => {
    await fixture.client.create(StatefulSetType, set());
    await ready(3, 'db:1');
    const strategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
    const template = serverTemplate('db:2');
    await fixture.client.patch(
      StatefulSetType,
      key,
      { spec: { template, updateStrategy: strategy } },
      { kind: 'merge' },
    );
    const imagesOf = async (): Promise<string> =>
      (await fixture.pods())
        .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
        .map((pod) => pod.spec.containers[0]?.image)
        .join(' ');
    await fixture.until(async () => (await imagesOf()) === 'db:1 db:1 db:2');
    await fixture.settle();
    expect(await imagesOf()).toBe('db:1 db:1 db:2');

    await fixture.client.patch(
      StatefulSetType,
      key,
      { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } },
      { kind: 'merge' },
    );
    await ready(3, 'db:2');
    await fixture.client.patch(StatefulSetType, key, { spec: { replicas: 1 } }, { kind: 'merge' });
    await fixture.until(async () => names(await fixture.pods()).join() === 'db-0');
  });
});

describe('DaemonSet', () => {
  const set: DaemonSet = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent', namespace },
    spec: { selector: { matchLabels: { app: 'web' } }, template: serverTemplate('agent:1') },
  };
  const key = { namespace, name: 'agent' };

  test('runs once on every node, new ones included, and updates one at a time', async () => {
    await fixture.client.create(DaemonSetType, set);
    await fixture.until(async () => (await fixture.client.get(DaemonSetType, key))?.status?.numberAvailable === 3);
    const nodes = (await fixture.pods()).map((pod) => pod.spec.nodeName ?? '').toSorted();

    await fixture.client.patch(
      DaemonSetType,
      key,
      { spec: { template: serverTemplate('agent:2') } },
      { kind: 'merge' },
    );
    await fixture.until(async () => {
      const status = (await fixture.client.get(DaemonSetType, key))?.status;
      const images = (await fixture.pods()).map((pod) => pod.spec.containers[0]?.image);
      return status?.numberAvailable === 3 && images.length === 3 && images.every((image) => image === 'agent:2');
    });

    expect(nodes).toEqual(['node-1', 'node-2', 'node-3']);
  });

  test('leaves a node that it does not tolerate', async () => {
    await fixture.client.patch(
      NodeType,
      { name: 'node-2' },
      { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } },
      { kind: 'merge' },
    );
    await fixture.client.create(DaemonSetType, set);

    const live = await fixture.until(async () => {
      const found = await fixture.client.get(DaemonSetType, key);
      return found?.status?.numberAvailable === 2 ? found : undefined;
    });

    expect(live.status?.desiredNumberScheduled).toBe(2);
  });
});

describe('Job', () => {
  const job = (spec: Partial<Job['spec']> = {}): Job => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'task', namespace },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'task:1' }] } }, ...spec },
  });
  const key = { namespace, name: 'task' };
  const running = (count: number): Promise<Pod[]> =>
    fixture.until(async () => {
      const pods = (await fixture.pods()).filter((pod) => pod.status?.phase === 'Running');
      return pods.length === count ? pods : undefined;
    });
  const finished = (type: string): Promise<Job> =>
    fixture.until(async () => {
      const live = await fixture.client.get(JobType, key);
      return findCondition(live?.status?.conditions, type)?.status === 'True' ? live : undefined;
    });

  test('completes when enough pods succeeded, as many at once as allowed', async () => {
    await fixture.client.create(JobType, job({ completions: 3, parallelism: 2 }));
    for (const pod of await running(2)) await fixture.finish(pod, 'Succeeded');
    for (const pod of await running(1)) await fixture.finish(pod, 'Succeeded');

    const live = await finished('Complete');

    expect(live.status).toMatchObject({ succeeded: 3 });
    expect(live.status?.completionTime).toBeDefined();
    expect(await events('Completed')).toEqual(['Job completed']);
    expect((await fixture.pods()).every((pod) => (pod.metadata.finalizers ?? []).length === 0)).toBe(true);
  });

  test('fails after backoffLimit failures, each later than the last', async () => {
    await fixture.client.create(JobType, job({ backoffLimit: 1 }));
    const [first] = await running(1);
    if (first !== undefined) await fixture.finish(first, 'Failed');
    await fixture.settle();
    expect((await fixture.pods()).length).toBe(1);
    await fixture.clock.advance(11_000);
    const [second] = await running(1);
    if (second !== undefined) await fixture.finish(second, 'Failed');

    const live = await finished('Failed');

    expect(live.status?.failed).toBe(2);
    expect(findCondition(live.status?.conditions, 'Failed')).toMatchObject({
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    });
  });

  test('ends at its deadline and goes when its time to live is over', async () => {
    await fixture.client.create(JobType, job({ activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 30 }));
    await running(1);
    await fixture.clock.advance(6_000);

    const live = await finished('Failed');
    expect(findCondition(live.status?.conditions, 'Failed')?.reason).toBe('DeadlineExceeded');
    await fixture.until(async () => (await fixture.pods()).length === 0);
  });

  test('gives every pod its index', async () => {
    await fixture.client.create(JobType, job({ completions: 2, parallelism: 2, completionMode: 'Indexed' }));
    const pods = await running(2);
    for (const pod of pods) await fixture.finish(pod, 'Succeeded');

    const live = await finished('Complete');

    const indexes = pods
      .map((pod) => pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'] ?? '')
      .toSorted();
    expect(indexes).toEqual(['0', '1']);
    expect(live.status?.completedIndexes).toBe('0,1');
  });

  test('fails by the exit code that its policy names, with what still runs', async () => {
    const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }];
    const spec = { completions: 2, parallelism: 2, podFailurePolicy: { rules } };
    await fixture.client.create(JobType, job(spec));
    const [first] = await running(2);
    if (first !== undefined) await fixture.finish(first, 'Failed', 42);

    const live = await finished('Failed');

    expect(findCondition(live.status?.conditions, 'Failed')).toMatchObject({
      reason: 'PodFailurePolicy',
      message: `Container main for pod default/${first?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    });
    expect(live.status).toMatchObject({ failed: 2, ready: 0, terminating: 0 });
  });

  test('gives up an index after its own limit and goes on with the others', async () => {
    const spec = { completions: 2, parallelism: 2, completionMode: 'Indexed', backoffLimitPerIndex: 0 };
    await fixture.client.create(JobType, job(spec));
    for (const pod of await running(2)) {
      const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
      await fixture.finish(pod, index === '0' ? 'Failed' : 'Succeeded', index === '0' ? 1 : 0);
    }

    const live = await finished('Failed');

    expect(findCondition(live.status?.conditions, 'Failed')?.reason).toBe('FailedIndexes');
    expect(live.status).toMatchObject({ failedIndexes: '0', completedIndexes: '1', succeeded: 1, failed: 1 });
  });

  test('leaves Jobs of other controllers alone', async () => {
    await fixture.client.create(JobType, job({ managedBy: 'example.com/queue' }));
    await fixture.settle();

    const live = await fixture.client.get(JobType, { namespace, name: 'task' });
    expect(live?.status).toEqual({});
    expect(await fixture.pods()).toEqual([]);
  });
});

describe('CronJob', () => {
  const cron = (spec: Partial<CronJob['spec']> = {}): CronJob => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace },
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: {
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'task:1' }] } } },
      },
      ...spec,
    },
  });
  const jobs = async (): Promise<Job[]> => (await fixture.client.list(JobType)).items;

  test('starts a Job at each time and keeps the last three', async () => {
    await fixture.client.create(CronJobType, cron());
    for (let round = 0; round < 5; round++) {
      await fixture.clock.advance(300_000);
      const pods = await fixture.until(async () => {
        const running = (await fixture.pods()).filter((pod) => pod.status?.phase === 'Running');
        return running.length === 1 ? running : undefined;
      });
      for (const pod of pods) await fixture.finish(pod, 'Succeeded');
      await fixture.until(async () => (await jobs()).every((job) => job.status?.succeeded === 1));
    }
    await fixture.clock.advance(60_000);

    const kept = await fixture.until(async () => ((await jobs()).length === 3 ? await jobs() : undefined));
    const base = Date.UTC(2026, 0, 1) / 60_000;
    expect(kept.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      [15, 20, 25].map((minute) => `tick-${base + minute}`),
    );
  });

  test('with Forbid does not start a second one beside the first', async () => {
    await fixture.client.create(CronJobType, cron({ concurrencyPolicy: 'Forbid' }));
    await fixture.clock.advance(300_000);
    await fixture.until(async () => (await jobs()).length === 1);

    await fixture.clock.advance(300_000);
    await fixture.settle();

    expect((await jobs()).length).toBe(1);
    expect(await events('JobAlreadyActive')).not.toEqual([]);
  });
});

test('a pod that nobody controls is left alone', async () => {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone', namespace },
    spec: { containers: [{ name: 'a', image: 'b' }] },
  };
  await fixture.client.create(Pods, pod);

  await fixture.until(async () => (await fixture.pods())[0]?.status?.phase === 'Running');
  await fixture.settle();

  expect(names(await fixture.pods())).toEqual(['alone']);
});

test('a ReplicaSet over the quota is written once, and tried again after growing pauses', async () => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none', namespace } };
  await fixture.client.create(QuotaType, { ...quota, spec: { hard: { pods: '0' } } });
  const spec = { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: serverTemplate('web:1') };
  await fixture.client.create(ReplicaSetType, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace },
    spec,
  });
  const failed = (): Promise<ReplicaSet> =>
    fixture.until(async () => {
      const live = await fixture.client.get(ReplicaSetType, { namespace, name: 'web' });
      return findCondition(live?.status?.conditions, 'ReplicaFailure')?.reason === 'FailedCreate' ? live : undefined;
    });
  const { resourceVersion } = (await failed()).metadata;

  await fixture.until(async () => ((await events('FailedCreate')).length >= 3 ? true : undefined));

  expect((await failed()).metadata.resourceVersion).toBe(resourceVersion);
});
