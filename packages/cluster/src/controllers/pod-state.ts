/** What a pod's status means to its controllers. */

import { findCondition, type Pod } from '@towpath/api';

export function podPhase(pod: Pod): string {
  return pod.status?.phase ?? 'Pending';
}

/** Neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isFinished(pod: Pod): boolean {
  const phase = podPhase(pod);
  return phase === 'Succeeded' || phase === 'Failed';
}

export function isReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Since when the pod is ready, in milliseconds since the epoch; undefined when it is not. */
export function readySinceMs(pod: Pod): number | undefined {
  const condition = findCondition(pod.status?.conditions, 'Ready');
  if (condition?.status !== 'True') return undefined;
  return condition.lastTransitionTime === undefined ? 0 : Date.parse(condition.lastTransitionTime);
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const since = readySinceMs(pod);
  if (since === undefined) return false;
  return minReadySeconds === 0 || since + minReadySeconds * 1000 <= nowMs;
}

function restartCount(pod: Pod): number {
  const counts = (pod.status?.containerStatuses ?? []).map((status) => status.restartCount);
  return Math.max(0, ...counts);
}

const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };
const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * Orders pods so that those to delete first come first: unassigned, pending, not ready, cheap, crowded on one
 * node, ready for a short time, restarted often, young.
 * Source: Kubernetes pkg/controller/controller_utils.go, ActivePodsWithRanks.
 */
export function sortForDeletion(pods: readonly Pod[]): Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of pods) perNode.set(nodeOf(pod), (perNode.get(nodeOf(pod)) ?? 0) + 1);
  const rank = (pod: Pod): number[] => [
    nodeOf(pod) === '' ? 0 : 1,
    phaseRank[podPhase(pod)] ?? 2,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.[deletionCostAnnotation] ?? 0),
    -(perNode.get(nodeOf(pod)) ?? 0),
    -(readySinceMs(pod) ?? Number.MAX_SAFE_INTEGER),
    -restartCount(pod),
    -Date.parse(pod.metadata.creationTimestamp ?? ''),
  ];
  const ranked = pods.map((pod) => ({ pod, rank: rank(pod) }));
  ranked.sort((left, right) => {
    const at = left.rank.findIndex((value, index) => value !== right.rank[index]);
    if (at < 0) return left.pod.metadata.name < right.pod.metadata.name ? -1 : 1;
    return (left.rank[at] ?? 0) - (right.rank[at] ?? 0);
  });
  return ranked.map(({ pod }) => pod);
}

function nodeOf(pod: Pod): string {
  return pod.spec.nodeName ?? '';
}
