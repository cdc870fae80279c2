/** The scheduler: gives every pod without a node the one that fits best. */

import { findCondition, keyOf, Pods, setCondition, type Key, type Pod, type Transport } from '@towpath/api';
import { Disposer, type Clock, type Disposable, type Logger } from '@towpath/kit';
import {
  apiErrorFrom,
  Client,
  createController,
  createInformer,
  createRecorder,
  done,
  isConflict,
  isNotFound,
  requeue,
  type Informer,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import { createIndex, type Index } from '../controllers/index-by.ts';
import { isFinished } from '../controllers/pod-state.ts';
import { NamespaceType, NodeType, type Namespace, type Node } from '../controllers/types.ts';
import { chooseNode } from './fit.ts';
import type { SchedulingView } from './view.ts';

const schedulerName = 'default-scheduler';
/** A pod that fits nowhere is tried again this often, besides when nodes or pods change. */
const retryMs = 30_000;

export interface SchedulerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Scheduler extends Disposable {
  synced(): Promise<void>;
}

/** Starts it; pods that name another `schedulerName` are left alone. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const { transport, clock, log } = options;
  const client = new Client({ transport, fieldManager: 'kube-scheduler' });
  const nodes = createInformer({ client, type: NodeType, clock, log });
  const pods = createInformer({ client, type: Pods, clock, log });
  const namespaces = createInformer({ client, type: NamespaceType, clock, log });
  const podsByNode = createIndex(pods, (pod) => [pod.spec.nodeName ?? '']);
  const recorder = createRecorder({ client, component: schedulerName, clock, log });
  const worker = new Worker({ client, clock, nodes, pods, namespaces, podsByNode, recorder });
  const controller = createController({
    name: 'scheduler',
    clock,
    log,
    // One at a time: each decision must see the one before it.
    concurrency: 1,
    reconcile: (key) => worker.schedule(key),
  });
  controller.watch(pods, (pod) => (isWaiting(pod) ? [keyOf(pod)] : []));
  const retryAll = (): void => {
    for (const pod of podsByNode.get('')) if (isWaiting(pod)) controller.enqueue(keyOf(pod));
  };
  nodes.onChange(retryAll);
  // A pod that ends frees its node for those that wait.
  pods.onChange(({ type, object }) => {
    if (type === 'delete' || isFinished(object)) retryAll();
  });
  nodes.start();
  pods.start();
  namespaces.start();
  const ends = new Disposer();
  for (const end of [nodes, pods, namespaces, controller]) ends.own(end);
  let disposed = false;
  const synced = Promise.all([nodes.synced(), pods.synced(), namespaces.synced()]).then(() => {
    if (!disposed) controller.start();
  });
  return {
    synced: () => synced,
    dispose() {
      disposed = true;
      return ends.dispose();
    },
  };
}

function isWaiting(pod: Pod): boolean {
  const name = pod.spec['schedulerName'] ?? schedulerName;
  const isUnbound = pod.spec.nodeName === undefined || pod.spec.nodeName === '';
  const gates = (pod.spec['schedulingGates'] ?? []) as unknown[];
  const isLeft = !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
  return isUnbound && gates.length === 0 && name === schedulerName && isLeft;
}

interface WorkerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
  readonly podsByNode: Index<Pod>;
  readonly recorder: Recorder;
}

class Worker {
  readonly #deps: WorkerDeps;
  /** Bound by us, not yet seen bound: uid → the pod as it will be. */
  readonly #assumed = new Map<string, Pod>();

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
  }

  async schedule(key: Key): Promise<Result> {
    const { pods, recorder } = this.#deps;
    const pod = pods.get(key);
    const uid = pod?.metadata.uid ?? '';
    if (pod === undefined || !isWaiting(pod) || this.#assumed.has(uid)) return done();
    const choice = chooseNode(pod, this.#view());
    if (choice.type === 'none') {
      await this.#markUnschedulable(pod, choice.message);
      void recorder.event(pod, { type: 'Warning', reason: 'FailedScheduling', message: choice.message });
      return requeue({ afterMs: retryMs });
    }
    this.#assumed.set(uid, { ...pod, spec: { ...pod.spec, nodeName: choice.name } });
    try {
      await this.#bind(pod, choice.name);
    } catch (error) {
      this.#assumed.delete(uid);
      if (isConflict(error) || isNotFound(error)) return done();
      throw error;
    }
    const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${choice.name}`;
    void recorder.event(pod, { type: 'Normal', reason: 'Scheduled', message });
    return done();
  }

  #view(): SchedulingView {
    const { nodes, pods, namespaces, podsByNode } = this.#deps;
    const extra = new Map<string, Pod[]>();
    for (const [uid, pod] of this.#assumed) {
      const seen = pods.get(keyOf(pod));
      if (seen === undefined || seen.metadata.uid !== uid || (seen.spec.nodeName ?? '') !== '')
        this.#assumed.delete(uid);
      else extra.set(pod.spec.nodeName ?? '', [...(extra.get(pod.spec.nodeName ?? '') ?? []), pod]);
    }
    const states = nodes.list().map((node) => {
      const { name } = node.metadata;
      return { node, pods: [...podsByNode.get(name), ...(extra.get(name) ?? [])] };
    });
    return { states, namespaceLabels: (name) => namespaces.get({ name })?.metadata.labels };
  }

  async #bind(pod: Pod, nodeName: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    const response = await this.#deps.client.request({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/pods/${name}/binding`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(binding),
    });
    const text = await response.text();
    if (response.status >= 400) throw apiErrorFrom(response.status, text);
  }

  async #markUnschedulable(pod: Pod, message: string): Promise<void> {
    const current = findCondition(pod.status?.conditions, 'PodScheduled');
    if (current?.status === 'False' && current.message === message) return;
    const next = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
    const conditions = setCondition(pod.status?.conditions, next, this.#deps.clock.nowMs());
    await this.#deps.client.patch(
      Pods,
      keyOf(pod),
      { status: { conditions } },
      { kind: 'merge', subresource: 'status' },
    );
  }
}
