/** Which of the nodes that fit is best: the scores of kube-scheduler's plugins with their weights. Pure. */

import type { Pod } from '@towpath/api';
import { parseQuantity } from './quantity.ts';
import { matchesTerm, nodeAffinityOf, taintsOf, tolerates, tolerationsOf } from './placement.ts';
import { nearness } from './pod-affinity.ts';
import { requestsOf, reserved, reservedForScore, requestsForScore } from './resources.ts';
import { spreadScores } from './spread.ts';
import type { NodeState, SchedulingView } from './view.ts';

/** The highest sum wins; among equals the node with the fewest pods, then the first by name. */
export function bestOf(pod: Pod, fitting: readonly NodeState[], view: SchedulingView): NodeState | undefined {
  const totals = scoresOf(pod, fitting, view);
  const ranked = fitting.map((state, index) => ({ state, total: totals[index] ?? 0 }));
  ranked.sort((left, right) => {
    if (left.total !== right.total) return right.total - left.total;
    const byPods = left.state.pods.length - right.state.pods.length;
    return byPods !== 0 ? byPods : left.state.node.metadata.name < right.state.node.metadata.name ? -1 : 1;
  });
  return ranked[0]?.state;
}

/** Weighted sums, one per node. Source: pkg/scheduler/apis/config/v1/default_plugins.go. */
export function scoresOf(pod: Pod, fitting: readonly NodeState[], view: SchedulingView): number[] {
  const parts = [
    { weight: 3, scores: reversed(fitting.map((state) => disliked(pod, state))) },
    { weight: 2, scores: scaled(fitting.map((state) => preferredNode(pod, state))) },
    { weight: 2, scores: spreadScores(pod, fitting, view) },
    { weight: 2, scores: stretched(fitting.map(({ node }) => nearness(pod, node, view))) },
    { weight: 1, scores: fitting.map((state) => leastAllocated(pod, state)) },
    { weight: 1, scores: fitting.map((state) => balanced(pod, state)) },
  ];
  return fitting.map((_, index) => parts.reduce((sum, { weight, scores }) => sum + weight * (scores[index] ?? 0), 0));
}

/** Taints of the node that would rather not have the pod. */
function disliked(pod: Pod, { node }: NodeState): number {
  const tolerations = tolerationsOf(pod.spec).filter(
    ({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule',
  );
  const avoided = taintsOf(node).filter(({ effect }) => effect === 'PreferNoSchedule');
  return avoided.filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint))).length;
}

function preferredNode(pod: Pod, { node }: NodeState): number {
  const terms = nodeAffinityOf(pod.spec)?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0);
}

/** 0 to 100 by the highest. */
function scaled(raw: readonly number[]): number[] {
  const high = Math.max(0, ...raw);
  return raw.map((score) => (high === 0 ? 0 : Math.trunc((100 * score) / high)));
}

/** The fewest get 100. */
function reversed(raw: readonly number[]): number[] {
  return scaled(raw).map((score) => 100 - score);
}

/** 0 to 100 between the lowest and the highest. */
function stretched(raw: readonly number[]): number[] {
  const [low, high] = [Math.min(...raw), Math.max(...raw)];
  return raw.map((score) => (high === low ? 0 : Math.trunc((100 * (score - low)) / (high - low))));
}

const scoredResources = ['cpu', 'memory'] as const;

function leastAllocated(pod: Pod, { node, pods }: NodeState): number {
  const taken = reservedForScore(pods);
  const wanted = requestsForScore(pod);
  const scores = scoredResources.flatMap((name) => {
    const capacity = parseQuantity(node.status?.allocatable?.[name]);
    if (capacity === 0) return [];
    const left = capacity - (taken[name] ?? 0) - (wanted[name] ?? 0);
    return [left < 0 ? 0 : Math.trunc((left * 100) / capacity)];
  });
  return scores.length === 0 ? 0 : Math.trunc(scores.reduce((sum, score) => sum + score, 0) / scores.length);
}

/** Nodes whose cpu and memory are used in like parts are better; a pod that asks for nothing has no say. */
function balanced(pod: Pod, { node, pods }: NodeState): number {
  const wanted = requestsOf(pod);
  if (scoredResources.every((name) => (wanted[name] ?? 0) === 0)) return 0;
  const taken = reserved(pods);
  const [cpu, memory] = scoredResources.map((name) => {
    const capacity = parseQuantity(node.status?.allocatable?.[name]);
    return capacity === 0 ? undefined : Math.min(1, ((taken[name] ?? 0) + (wanted[name] ?? 0)) / capacity);
  });
  if (cpu === undefined || memory === undefined) return 100;
  return Math.trunc((1 - Math.abs((cpu - memory) / 2)) * 100);
}
