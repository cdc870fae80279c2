import { ConfigMaps, Deployments, type AnyObject, type Deployment } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { systemClock } from '@towpath/kit';
import { FakeClock, settle } from '@towpath/kit/testing';
import { describe, expect, test } from 'vitest';
import { Client, objectStatus, waitForObjects, type ObjectTarget } from './index.ts';

const nowMs = Date.UTC(2026, 0, 1);

function object(type: string, spec: unknown, status?: unknown, metadata: object = {}): AnyObject {
  const [, apiVersion = '', kind = ''] = /^(.*)\/([^/]+)$/.exec(type) ?? [];
  return { apiVersion, kind, metadata: { name: 'x', namespace: 'shop', ...metadata }, spec, status };
}

function conditions(...list: [type: string, status: string, reason?: string, message?: string][]): object {
  return { conditions: list.map(([type, status, reason, message]) => ({ type, status, reason, message })) };
}

const full = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const available = conditions(['Available', 'True'], ['Progressing', 'True', 'NewReplicaSetAvailable']);
const restart = { state: { waiting: { reason: 'CrashLoopBackOff' } } };
const pending = { phase: 'Pending', ...conditions(['PodScheduled', 'False', 'Unschedulable']) };

/** Rows follow the rules of kstatus, in the order of its source. */
const rows: [name: string, object: AnyObject | undefined, expected: string][] = [
  ['nothing', undefined, 'NotFound||Resource not found'],
  [
    'being deleted',
    object('v1/ConfigMap', {}, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    'Terminating||Resource scheduled for deletion',
  ],
  [
    'generation not observed',
    object('acme.io/v1/Widget', {}, { observedGeneration: 1 }, { generation: 2 }),
    'InProgress|LatestGenerationNotObserved|Widget generation is 2, but latest observed generation is 1',
  ],
  ['reconciling', object('acme.io/v1/Widget', {}, conditions(['Reconciling', 'True', 'R', 'm'])), 'InProgress|R|m'],
  ['stalled', object('acme.io/v1/Widget', {}, conditions(['Stalled', 'True', 'S', 'm'])), 'Failed|S|m'],
  ['custom, ready', object('acme.io/v1/Widget', {}, conditions(['Ready', 'True'])), 'Current||Resource is Ready'],
  ['custom, not ready', object('acme.io/v1/Widget', {}, conditions(['Ready', 'False', 'R', 'm'])), 'InProgress|R|m'],
  ['custom, silent', object('acme.io/v1/Widget', {}), 'Current||Resource is current'],
  ['config map', object('v1/ConfigMap', {}), 'Current||Resource is always ready'],
  ['deployment, new', object('apps/v1/Deployment', { replicas: 2 }), 'InProgress|LessReplicas|Replicas: 0/2'],
  [
    'deployment, some not available',
    object('apps/v1/Deployment', { replicas: 2 }, { ...full, availableReplicas: 1 }),
    'InProgress|LessAvailable|Available: 1/2',
  ],
  [
    'deployment, old pods left',
    object('apps/v1/Deployment', { replicas: 2 }, { ...full, replicas: 3 }),
    'InProgress|ExtraPods|Pending termination: 1',
  ],
  [
    'deployment, deadline set and no new replica set',
    object('apps/v1/Deployment', { replicas: 2, progressDeadlineSeconds: 600 }, full),
    'InProgress|ReplicaSetNotAvailable|ReplicaSet not Available',
  ],
  [
    'deployment, available',
    object('apps/v1/Deployment', { replicas: 2, progressDeadlineSeconds: 600 }, { ...full, ...available }),
    'Current||Deployment is available. Replicas: 2',
  ],
  [
    'deployment, deadline exceeded',
    object('apps/v1/Deployment', {}, conditions(['Progressing', 'False', 'ProgressDeadlineExceeded'])),
    'Failed|ProgressDeadlineExceeded|Progress deadline exceeded',
  ],
  [
    'replica set, quota',
    object('apps/v1/ReplicaSet', {}, conditions(['ReplicaFailure', 'True'])),
    'InProgress|ReplicaFailure|Replica Failure condition. Check Pods',
  ],
  [
    'stateful set, by hand',
    object('apps/v1/StatefulSet', { updateStrategy: { type: 'OnDelete' } }),
    'Current||StatefulSet is using the ondelete update strategy',
  ],
  [
    'stateful set, partition',
    object(
      'apps/v1/StatefulSet',
      { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } },
      { replicas: 2, readyReplicas: 2, updatedReplicas: 0 },
    ),
    'InProgress|PartitionRollout|updated: 0/1',
  ],
  [
    'stateful set, revisions differ',
    object(
      'apps/v1/StatefulSet',
      {},
      { ...full, replicas: 1, currentReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
    ),
    'InProgress|RevisionMismatch|Waiting for updated revision to match current',
  ],
  [
    'daemon set, not observed',
    object('apps/v1/DaemonSet', {}, {}, { generation: 1 }),
    'InProgress|NoObservedGeneration|DaemonSet status.observedGeneration not found',
  ],
  [
    'daemon set, no node wants it',
    object('apps/v1/DaemonSet', {}, { observedGeneration: 1, desiredNumberScheduled: 0 }, { generation: 1 }),
    'Current||All replicas scheduled as expected. Replicas: 0',
  ],
  [
    'claim',
    object('v1/PersistentVolumeClaim', {}, { phase: 'Pending' }),
    'InProgress|NotBound|PVC is not Bound. phase: Pending',
  ],
  ['pod, done', object('v1/Pod', {}, { phase: 'Succeeded' }), 'Current||Pod has completed successfully'],
  [
    'pod, crashing',
    object('v1/Pod', {}, { phase: 'Running', containerStatuses: [{ name: 'a', ...restart }] }),
    'Failed|ContainerCrashLooping|Containers in CrashLoop state: a',
  ],
  [
    'pod, not scheduled yet',
    object('v1/Pod', {}, pending, { creationTimestamp: new Date(nowMs - 1_000).toISOString() }),
    'InProgress|PodNotScheduled|Pod has not been scheduled',
  ],
  [
    'pod, not scheduled for long',
    object('v1/Pod', {}, pending, { creationTimestamp: new Date(nowMs - 60_000).toISOString() }),
    'Failed|PodUnschedulable|Pod could not be scheduled',
  ],
  ['job, new', object('batch/v1/Job', {}), 'InProgress|JobNotStarted|Job not started. active: 0/1'],
  [
    'job, running',
    object('batch/v1/Job', {}, { startTime: 'x', active: 1 }),
    'InProgress|JobInProgress|Job in progress. success:0, active: 1, failed: 0',
  ],
  [
    'job, failed',
    object('batch/v1/Job', {}, { failed: 1, ...conditions(['Failed', 'True']) }),
    'Failed|JobFailed|Job Failed. failed: 1/1',
  ],
  [
    'service, balancer without address',
    object('v1/Service', { type: 'LoadBalancer' }),
    'InProgress|NoIPAssigned|ClusterIP not set. Service type: LoadBalancer',
  ],
  [
    'definition, new',
    object('apiextensions.k8s.io/v1/CustomResourceDefinition', {}),
    'InProgress|Installing|Install in progress',
  ],
  [
    'definition, established',
    object(
      'apiextensions.k8s.io/v1/CustomResourceDefinition',
      {},
      conditions(['NamesAccepted', 'True'], ['Established', 'True']),
    ),
    'Current||CRD is established',
  ],
  ['budget', object('policy/v1/PodDisruptionBudget', {}), 'Current||AllowedDisruptions has been computed.'],
];

describe('objectStatus', () => {
  test.each(rows)('%s', (_name, given, expected) => {
    const { state, reason, message } = objectStatus(given, nowMs);

    expect(`${state}|${reason}|${message}`).toBe(expected);
  });
});

const web: ObjectTarget = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web' };
const settings: ObjectTarget = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'settings' };
const deployment: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'a' }] } },
  },
};

async function start() {
  const cluster = await startTestCluster({ clock: systemClock });
  const clock = new FakeClock();
  const client = new Client({ transport: cluster.transport() });
  const status = (value: Record<string, unknown>) =>
    client.patch(
      Deployments,
      web,
      { status: { observedGeneration: 1, ...value } },
      { kind: 'merge', subresource: 'status' },
    );
  return { cluster, clock, client, status };
}

describe('waitForObjects', () => {
  test('ends when the last object is current', async () => {
    const { cluster, clock, client, status } = await start();
    await client.create(Deployments, deployment);
    const waiting = waitForObjects({ client, clock, targets: [web, settings], timeoutMs: 60_000 });

    await status(available as Record<string, unknown>);
    await client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...settings } });

    expect(await waiting).toMatchObject({ type: 'reached', message: '' });
    await cluster.dispose();
  });

  test('a failed object ends it early, with the words of Flux', async () => {
    const { cluster, clock, client, status } = await start();
    await client.create(Deployments, deployment);
    const waiting = waitForObjects({ client, clock, targets: [web, settings], timeoutMs: 60_000 });

    await status(conditions(['Progressing', 'False', 'ProgressDeadlineExceeded']) as Record<string, unknown>);

    const message = "failed early due to stalled resources: [Deployment/default/web status: 'Failed']";
    expect(await waiting).toMatchObject({ type: 'failed', message });
    await cluster.dispose();
  });

  test('the time is over: what is missing is named; a Job that removed itself is not', async () => {
    const { cluster, clock, client } = await start();
    const job: ObjectTarget = { apiVersion: 'batch/v1', kind: 'Job', namespace: 'default', name: 'once' };
    const selfRemoving = new Set(['Job/default/once']);
    const waiting = waitForObjects({ client, clock, targets: [web, job], selfRemoving, timeoutMs: 60_000 });

    await settle(50);
    await clock.advance(60_000);

    const message = "timeout waiting for: [Deployment/default/web status: 'NotFound']";
    expect(await waiting).toMatchObject({ type: 'timeout', message });
    await cluster.dispose();
  });

  test('waits until all are gone', async () => {
    const { cluster, clock, client } = await start();
    await client.create(Deployments, deployment);
    const waiting = waitForObjects({ client, clock, targets: [web], until: 'NotFound', timeoutMs: 60_000 });

    await client.delete(Deployments, web);

    expect(await waiting).toMatchObject({ type: 'reached' });
    await cluster.dispose();
  });

  test('a signal ends it with its reason', async () => {
    const { cluster, clock, client } = await start();
    const stop = new AbortController();
    const waiting = waitForObjects({ client, clock, targets: [web], timeoutMs: 60_000, signal: stop.signal });

    stop.abort(new Error('a newer revision'));

    await expect(waiting).rejects.toThrow('a newer revision');
    await cluster.dispose();
  });
});
