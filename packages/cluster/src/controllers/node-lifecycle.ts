/** Nodes that stop reporting become NotReady and tainted; their pods are marked and, in time, evicted. */

import { findCondition, keyOf, Pods, setCondition, type Condition, type Key, type Pod } from '@towpath/api';
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
import { tolerates, tolerationsOf } from '../scheduler/placement.ts';
import type { ControllerDeps } from './deps.ts';
import { createIndex, type Index } from './index-by.ts';
import { LeaseType, NodeType, type Node, type Taint } from './types.ts';

const leaseNamespace = 'kube-node-lease';
/** No renewal for this long makes a node's state unknown. Source: --node-monitor-grace-period. */
const graceMs = 40_000;
/** How long after the node was first seen a missing lease is forgiven. */
const startGraceMs = 60_000;

const unreachable = 'node.kubernetes.io/unreachable';
const notReady = 'node.kubernetes.io/not-ready';
const unknownMessage = 'Kubelet stopped posting node status.';

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
  controller.watch(deps.informers.of(NodeType), (node) => [keyOf(node)]);
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
    await this.#writeTaints(current, wantedTaints(current, ready, toTimestamp(this.#deps.clock.nowMs())));
    if (ready !== 'True' && ready !== undefined) await this.#markPodsNotReady(node.metadata.name);
    const evictionMs = await this.#evict(current);
    const waitMs = isSilent ? graceMs : graceMs - silentMs;
    return requeue({ afterMs: Math.max(100, Math.min(waitMs, evictionMs ?? Infinity)) });
  }

  async #markUnknown(node: Node): Promise<Node> {
    const nowMs = this.#deps.clock.nowMs();
    let conditions: Condition[] = node.status?.conditions ?? [];
    const types = new Set(['Ready', ...conditions.map(({ type }) => type)]);
    for (const type of types) {
      if (findCondition(conditions, type)?.status === 'Unknown') continue;
      const next = { type, status: 'Unknown', reason: 'NodeStatusUnknown', message: unknownMessage } as const;
      conditions = setCondition(conditions, next, nowMs);
    }
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
      await this.#client.delete(Pods, keyOf(pod), pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid });
    }
    return nextMs === Infinity ? undefined : nextMs;
  }
}

/** The node's taints with those of its readiness added or removed; others are kept. */
function wantedTaints(node: Node, ready: string | undefined, now: string): Taint[] {
  const current = node.spec?.taints ?? [];
  const key = ready === 'True' || ready === undefined ? undefined : ready === 'Unknown' ? unreachable : notReady;
  const others = current.filter((taint) => taint.key !== unreachable && taint.key !== notReady);
  if (key === undefined) return others;
  const known = (effect: string): Taint | undefined =>
    current.find((taint) => taint.key === key && taint.effect === effect);
  return [
    ...others,
    known('NoSchedule') ?? { key, effect: 'NoSchedule', timeAdded: now },
    known('NoExecute') ?? { key, effect: 'NoExecute', timeAdded: now },
  ];
}

/** Milliseconds until the pod must leave; 0 or less is now, Infinity is never. */
function evictionDueMs(pod: Pod, taints: readonly Taint[], nowMs: number): number {
  const waits = taints.map((taint) => {
    const matching = tolerationsOf(pod.spec).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    const seconds = matching.map(({ tolerationSeconds }) => tolerationSeconds ?? Infinity);
    const since = Date.parse(taint.timeAdded ?? '') || nowMs;
    return since + Math.min(...seconds) * 1000 - nowMs;
  });
  return Math.min(...waits);
}
