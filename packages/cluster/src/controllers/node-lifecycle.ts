/** Nodes that stop reporting become NotReady and tainted; their pods are marked and, in time, evicted. */

import { findCondition, keyOf, Pods, setCondition, type Key, type Pod } from '@towpath/api';
import { jsonEqual, toTimestamp } from '@towpath/kit';
import {
  createController,
  done,
  requeue,
  type Client,
  type Controller,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { markDisrupted } from './disruption-target.ts';
import { createIndex, type Index } from './index-by.ts';
import { evictionDueMs, isNodeReady, unknownConditions, wantedTaints } from './node-health.ts';
import { LeaseType, NodeType, type Node, type Taint } from './types.ts';

const leaseNamespace = 'kube-node-lease';
/** No renewal for this long makes a node's state unknown. Source: --node-monitor-grace-period. */
const graceMs = 40_000;
/** How long after the node was first seen a missing lease is forgiven. */
const startGraceMs = 60_000;

const disruption = {
  reason: 'DeletionByTaintManager',
  message: 'Taint manager: deleting due to NoExecute taint',
};

/** Source: Kubernetes pkg/controller/nodelifecycle and tainteviction. */
export function createNodeLifecycleController(deps: ControllerDeps): Controller {
  const worker = new NodeWorker(deps);
  const { clock, log } = deps;
  const controller = createController({
    name: 'node-lifecycle',
    clock,
    log,
    reconcile: (key) => worker.reconcile(key),
  });
  const nodes = deps.informers.of(NodeType);
  // Whether a node that is gone is tainted depends on whether any other is there.
  controller.watch(nodes, (node) => [
    keyOf(node),
    ...nodes
      .list()
      .filter((each) => !isNodeReady(each))
      .map(keyOf),
  ]);
  controller.watch(deps.informers.of(LeaseType), ({ metadata }) => {
    return metadata.namespace === leaseNamespace ? [{ name: metadata.name }] : [];
  });
  return controller;
}

interface LastSeen {
  readonly renewTime: string;
  readonly atMs: number;
  readonly isFirst: boolean;
}

class NodeWorker {
  readonly #deps: ControllerDeps;
  readonly #client: Client;
  readonly #recorder: Recorder;
  readonly #podsByNode: Index<Pod>;
  /** Our own clock decides, from when a renewal was seen: node clocks and restarts of ours do not matter. */
  readonly #lastSeen = new Map<string, LastSeen>();

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#client = deps.clientFor('node-controller');
    this.#recorder = deps.recorderFor('node-controller');
    this.#podsByNode = createIndex(deps.informers.of(Pods), (pod) => [pod.spec.nodeName ?? '']);
  }

  #silentForMs(node: Node): number {
    const { name } = node.metadata;
    const renewTime =
      this.#deps.informers.of(LeaseType).get({ namespace: leaseNamespace, name })?.spec?.renewTime ?? '';
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#lastSeen.get(name);
    if (known === undefined) this.#lastSeen.set(name, { renewTime, atMs: nowMs, isFirst: true });
    else if (known.renewTime !== renewTime) this.#lastSeen.set(name, { renewTime, atMs: nowMs, isFirst: false });
    const seen = this.#lastSeen.get(name);
    const allowance = seen?.isFirst === true ? startGraceMs - graceMs : 0;
    return nowMs - (seen?.atMs ?? nowMs) - allowance;
  }

  async reconcile(key: Key): Promise<Result> {
    const node = this.#deps.informers.of(NodeType).get(key);
    if (node === undefined) {
      this.#lastSeen.delete(key.name);
      return done();
    }
    const silentMs = this.#silentForMs(node);
    const isSilent = silentMs >= graceMs;
    const current = isSilent ? await this.#markUnknown(node) : node;
    const ready = findCondition(current.status?.conditions, 'Ready')?.status;
    const others = this.#deps.informers.of(NodeType).list();
    const isOutage = ready !== 'True' && !others.some(isNodeReady);
    await this.#writeTaints(current, wantedTaints(current, { now: toTimestamp(this.#deps.clock.nowMs()), isOutage }));
    if (ready !== 'True' && ready !== undefined) await this.#markPodsNotReady(node.metadata.name);
    const evictionMs = await this.#evict(current);
    const waitMs = isSilent ? graceMs : graceMs - silentMs;
    return requeue({ afterMs: Math.max(100, Math.min(waitMs, evictionMs ?? Infinity)) });
  }

  async #markUnknown(node: Node): Promise<Node> {
    const conditions = unknownConditions(node, this.#deps.clock.nowMs());
    if (jsonEqual(conditions, node.status?.conditions)) return node;
    const message = `Node ${node.metadata.name} status is now: NodeNotReady`;
    void this.#recorder.event(node, { type: 'Normal', reason: 'NodeNotReady', message });
    return this.#client.updateStatus(NodeType, { ...node, status: { ...node.status, conditions } });
  }

  async #writeTaints(node: Node, taints: Taint[]): Promise<void> {
    if (jsonEqual(taints, node.spec?.taints ?? [])) return;
    const { resourceVersion } = node.metadata;
    const metadata = resourceVersion === undefined ? {} : { resourceVersion };
    const spec = { taints: taints.length === 0 ? null : taints };
    await this.#client.patch(NodeType, keyOf(node), { metadata, spec }, { kind: 'merge' });
  }

  async #markPodsNotReady(nodeName: string): Promise<void> {
    for (const pod of this.#podsByNode.get(nodeName)) {
      if (findCondition(pod.status?.conditions, 'Ready')?.status !== 'True') continue;
      const conditions = setCondition(
        pod.status?.conditions,
        { type: 'Ready', status: 'False' },
        this.#deps.clock.nowMs(),
      );
      await this.#client.updateStatus(Pods, { ...pod, status: { ...pod.status, conditions } });
      void this.#recorder.event(pod, { type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' });
    }
  }

  /** Deletes pods that do not tolerate the node's NoExecute taints; answers when the next one is due. */
  async #evict(node: Node): Promise<number | undefined> {
    const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
    if (taints.length === 0) return undefined;
    let nextMs = Infinity;
    for (const pod of this.#podsByNode.get(node.metadata.name)) {
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      const dueMs = evictionDueMs(pod, taints, this.#deps.clock.nowMs());
      if (dueMs > 0) {
        nextMs = Math.min(nextMs, dueMs);
        continue;
      }
      const message = `Marking for deletion Pod ${pod.metadata.namespace}/${pod.metadata.name}`;
      void this.#recorder.event(pod, { type: 'Normal', reason: 'TaintManagerEviction', message });
      await markDisrupted(this.#client, pod, disruption, this.#deps.clock.nowMs());
      await this.#client.delete(Pods, keyOf(pod), pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid });
    }
    return nextMs === Infinity ? undefined : nextMs;
  }
}
