/** A cluster for controller tests: the real API server, our controllers, and nodes that run every pod at once. */

import { keyOf, Pods, setCondition, type KubeObject, type Pod } from '@towpath/api';
import { Disposer, seededRandom, silentLogger, toTimestamp } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { Client, createInformer, type Informer } from '@towpath/runtime';
import { startTestCluster } from '../../testing/index.ts';
import { startScheduler } from '../../scheduler/index.ts';
import { startControllers } from '../index.ts';
import { LeaseType, NodeType } from '../types.ts';

export interface Fixture {
  readonly client: Client;
  readonly clock: FakeClock;
  /** Pods whose name starts with one of these never become ready. */
  readonly broken: Set<string>;
  /** Nodes whose heartbeat has stopped. */
  readonly silent: Set<string>;
  /** Sets the phase of a pod, as a node does when its containers end. */
  finish(pod: Pod, phase: 'Succeeded' | 'Failed', exitCode?: number): Promise<void>;
  pods(): Promise<Pod[]>;
  /** Turns the event loop until `check` answers something; fails after many turns. */
  until<Value>(check: () => Promise<Value | undefined | false>): Promise<Value>;
  /** Lets everything that is under way settle. */
  settle(): Promise<void>;
  dispose(): Promise<void>;
}

const turnsMax = 3000;

export async function startFixture(options: { nodes?: number; start?: boolean } = {}): Promise<Fixture> {
  const clock = new FakeClock();
  const cluster = await startTestCluster({ clock });
  const client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  const ends = new Disposer();
  ends.add(cluster);
  const broken = new Set<string>();
  for (let index = 1; index <= (options.nodes ?? 2); index++) await addNode(client, `node-${index}`);
  const transport = cluster.transport();
  const log = silentLogger;
  if (options.start !== false) {
    const random = seededRandom(7);
    ends.own(startControllers({ transportFor: () => transport, clock, log, random, rootCa: 'test root' }));
    ends.own(startScheduler({ transport, clock, log }));
  }
  ends.own(startKubelet(client, clock, broken));
  const silent = new Set<string>();
  ends.add(renewLeases(client, clock, silent));
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const fixture: Fixture = {
    client,
    clock,
    broken,
    silent,
    async finish(pod, phase, exitCode) {
      const containerStatuses = pod.spec.containers.map(({ name, image = '' }) => {
        const terminated = { exitCode, finishedAt: toTimestamp(clock.nowMs()) };
        return { name, image, imageID: '', ready: false, restartCount: 0, state: { terminated } };
      });
      const status = { phase, ...(exitCode !== undefined && { containerStatuses }) };
      await client.patch(Pods, keyOf(pod), { status }, { kind: 'merge', subresource: 'status' });
    },
    pods: async () => (await client.list(Pods)).items,
    async until(check) {
      for (let turns = 0; turns < turnsMax; turns++) {
        const value = await check();
        if (value !== undefined && value !== false) return value;
        await turn();
        // Short timers (retries after a conflict) run as well.
        if (turns % 50 === 49) await clock.advance(120);
      }
      throw new Error(`not reached: ${check.toString()}`);
    },
    async settle() {
      for (let turns = 0; turns < 150; turns++) await turn();
    },
    dispose: () => ends.dispose(),
  };
  return fixture;
}

async function addNode(client: Client, name: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name };
  const capacity = { cpu: '4', memory: '4Gi', pods: '110' };
  const node = await client.create(NodeType, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
  });
  const status = { capacity, allocatable: capacity, conditions: [{ type: 'Ready', status: 'True' as const }] };
  await client.updateStatus(NodeType, { ...node, status });
  await client.create(LeaseType, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-node-lease' },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' },
  });
}

const renewMs = 10_000;

function renewLeases(client: Client, clock: FakeClock, silent: ReadonlySet<string>): () => void {
  let isStopped = false;
  const renew = async (): Promise<void> => {
    const renewTime = new Date(clock.nowMs()).toISOString().replace('Z', '000Z');
    for (const { metadata } of (await client.list(LeaseType, { namespace: 'kube-node-lease' })).items) {
      if (silent.has(metadata.name)) continue;
      await client.patch(LeaseType, keyOf({ metadata }), { spec: { renewTime } }, { kind: 'merge' });
    }
  };
  const schedule = (): void => {
    clock.startTimer(renewMs, () => {
      if (isStopped) return;
      void renew().catch(() => {});
      schedule();
    });
  };
  schedule();
  return () => {
    isStopped = true;
  };
}

/** Marks every bound pod running and ready, and ends those that are deleted. */
function startKubelet(client: Client, clock: FakeClock, broken: ReadonlySet<string>): Informer<Pod> {
  const informer = createInformer({ client, type: Pods, clock, log: silentLogger });
  let lastAddress = 1;
  informer.onChange(({ type, object: pod }) => {
    if (type === 'delete' || (pod.spec.nodeName ?? '') === '') return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      void client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0 }).catch(() => {});
    } else if ((pod.status?.phase ?? 'Pending') === 'Pending') {
      void run(client, pod, `10.244.0.${++lastAddress}`, isBroken(pod, broken), clock.nowMs()).catch(() => {});
    }
  });
  informer.start();
  return informer;
}

function isBroken(pod: KubeObject, broken: ReadonlySet<string>): boolean {
  return [...broken].some((prefix) => pod.metadata.name.startsWith(prefix));
}

async function run(client: Client, pod: Pod, podIP: string, isUnready: boolean, nowMs: number): Promise<void> {
  const ready = { type: 'Ready', status: isUnready ? 'False' : 'True' } as const;
  const conditions = setCondition(pod.status?.conditions, ready, nowMs);
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions };
  await client.patch(Pods, keyOf(pod), { status }, { kind: 'merge', subresource: 'status' });
}

/** A container of any image. */
export const serverTemplate = (image: string, labels: Record<string, string> = { app: 'web' }) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'server', image }] },
});
