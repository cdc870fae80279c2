/** What a node's conditions mean for its taints and pods. Pure. Source: Kubernetes pkg/controller/nodelifecycle. */

import { findCondition, type Condition, type Pod } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import { tolerates, tolerationsOf } from '../scheduler/placement.ts';
import type { Node, Taint } from './types.ts';

const unschedulable = 'node.kubernetes.io/unschedulable';
const unreachable = 'node.kubernetes.io/unreachable';
const notReady = 'node.kubernetes.io/not-ready';

/** Taint by condition and its status. */
const conditionTaints: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReady, Unknown: unreachable },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const ownNoSchedule = [unschedulable, ...Object.values(conditionTaints).flatMap((keys) => Object.values(keys))];

/** The conditions of a node that has stopped, or never begun, to report. */
export function unknownConditions(node: Node, nowMs: number): (Condition & { lastHeartbeatTime?: string })[] {
  const lastTransitionTime = toTimestamp(nowMs);
  const current = node.status?.conditions ?? [];
  const types = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
  const changed = current.map((condition) => {
    if (!types.includes(condition.type) || condition.status === 'Unknown') return condition;
    const [reason, message] = ['NodeStatusUnknown', 'Kubelet stopped posting node status.'];
    return { ...condition, status: 'Unknown' as const, reason, message, lastTransitionTime };
  });
  const missing = types.filter((type) => findCondition(current, type) === undefined);
  const added = missing.map((type) => ({
    type,
    status: 'Unknown' as const,
    reason: 'NodeStatusNeverUpdated',
    message: 'Kubelet never posted node status.',
    lastHeartbeatTime: node.metadata.creationTimestamp ?? lastTransitionTime,
    lastTransitionTime,
  }));
  return [...changed, ...added];
}

/**
 * The node's taints with those of its conditions added or removed; others are kept. When no node at all is ready it is
 * we who are cut off: `isOutage` keeps pods from being evicted.
 */
export function wantedTaints(node: Node, options: { now: string; isOutage: boolean }): Taint[] {
  const current = node.spec?.taints ?? [];
  const conditions = node.status?.conditions ?? [];
  const keys = conditions.flatMap(({ type, status }) => conditionTaints[type]?.[status] ?? []);
  if (node.spec?.unschedulable === true) keys.push(unschedulable);
  const ready = conditions.find(({ type }) => type === 'Ready')?.status ?? 'True';
  const evicting = options.isOutage ? undefined : conditionTaints['Ready']?.[ready];
  const wanted = [
    ...keys.map((key) => ({ key, effect: 'NoSchedule' })),
    ...(evicting === undefined ? [] : [{ key: evicting, effect: 'NoExecute' }]),
  ];
  const isOwn = ({ key, effect }: Taint): boolean =>
    effect === 'NoSchedule'
      ? ownNoSchedule.includes(key)
      : effect === 'NoExecute' && (key === notReady || key === unreachable);
  const isSame = (left: Taint, right: Taint): boolean => left.key === right.key && left.effect === right.effect;
  const kept = current.filter((taint) => !isOwn(taint) || wanted.some((each) => isSame(each, taint)));
  const added = wanted.filter((taint) => !current.some((each) => isSame(each, taint)));
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: options.now }))];
}

export function isNodeReady(node: Node): boolean {
  return findCondition(node.status?.conditions, 'Ready')?.status === 'True';
}

/** Milliseconds until the pod must leave; 0 or less is now, Infinity is never. Source: pkg/controller/tainteviction. */
export function evictionDueMs(pod: Pod, taints: readonly Taint[], nowMs: number): number {
  const waits = taints.map((taint) => {
    const matching = tolerationsOf(pod.spec).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    const seconds = matching.map(({ tolerationSeconds }) => tolerationSeconds ?? Infinity);
    const since = Date.parse(taint.timeAdded ?? '') || nowMs;
    return since + Math.min(...seconds) * 1000 - nowMs;
  });
  return Math.min(...waits);
}
