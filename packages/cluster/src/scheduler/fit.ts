/** Choosing a node for a pod: filters with Kubernetes' reasons, then a score. Pure. */

import { matchesSelector, type LabelSelector, type Pod } from '@towpath/api';
import { controllerOf } from '../controllers/ownership.ts';
import { isFinished } from '../controllers/pod-state.ts';
import type { Node } from '../controllers/types.ts';
import { matchesNode, matchesTerm, nodeAffinityOf, taintsOf, untolerated } from './placement.ts';
import { requestsOf, reserved, shortages } from './resources.ts';

export interface NodeState {
  readonly node: Node;
  /** Pods bound to the node, those just bound by us included. */
  readonly pods: readonly Pod[];
}

export type Choice =
  | { readonly type: 'node'; readonly name: string }
  | { readonly type: 'none'; readonly message: string };

interface PodAffinityTerm {
  labelSelector?: LabelSelector;
  topologyKey: string;
  namespaces?: string[];
  namespaceSelector?: LabelSelector;
}

interface PodAffinity {
  requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[];
  preferredDuringSchedulingIgnoredDuringExecution?: { weight: number; podAffinityTerm: PodAffinityTerm }[];
}

/** Filters run in this order and the first reason counts. Source: Kubernetes pkg/scheduler/framework/plugins. */
export function chooseNode(pod: Pod, states: readonly NodeState[]): Choice {
  const reasons = new Map<string, number>();
  const fitting: NodeState[] = [];
  for (const state of states) {
    const why = whyNot(pod, state, states);
    if (why.length === 0) fitting.push(state);
    for (const reason of why) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (fitting.length > 0) return { type: 'node', name: best(pod, fitting, states).node.metadata.name };
  const total = states.length;
  if (total === 0) return { type: 'none', message: 'no nodes available to schedule pods' };
  const listed = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  const preemption = `preemption: 0/${total} nodes are available: ${total} Preemption is not helpful for scheduling.`;
  return { type: 'none', message: `0/${total} nodes are available: ${listed.join(', ')}. ${preemption}` };
}

function whyNot(pod: Pod, state: NodeState, all: readonly NodeState[]): string[] {
  const { node } = state;
  const { spec } = pod;
  if (spec['schedulingGates'] !== undefined) return ['node(s) wait for scheduling gates'];
  const taint = untolerated(spec, taintsOf(node), ['NoSchedule', 'NoExecute']);
  if (taint?.key === 'node.kubernetes.io/unschedulable') return ['node(s) were unschedulable'];
  if (taint !== undefined) return [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`];
  if (!matchesNode(spec, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  if (hasPortConflict(pod, state.pods)) return ["node(s) didn't have free ports for the requested pod ports"];
  const lacking = shortages(node, reserved(state.pods), requestsOf(pod));
  if (lacking.length > 0) return lacking.map((name) => (name === 'pods' ? 'Too many pods' : `Insufficient ${name}`));
  if (!meetsAffinity(pod, state, all)) return ["node(s) didn't match pod affinity rules"];
  if (!meetsAntiAffinity(pod, state, all)) return ["node(s) didn't match pod anti-affinity rules"];
  if (!meetsSpread(pod, state, all)) return ["node(s) didn't match pod topology spread constraints"];
  return [];
}

/** Builtins and process pods bind nothing on the host, but two pods may still ask for one host port. */
function hasPortConflict(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod);
  return (
    wanted.length > 0 &&
    others.some((other) => !isFinished(other) && hostPorts(other).some((port) => wanted.includes(port)))
  );
}

function hostPorts(pod: Pod): string[] {
  return pod.spec.containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort !== undefined && port.hostPort > 0)
    .map((port) => `${port.protocol ?? 'TCP'}/${port.hostPort}`);
}

function affinityOf(pod: Pod, member: 'podAffinity' | 'podAntiAffinity'): PodAffinity | undefined {
  return (pod.spec['affinity'] as Record<string, PodAffinity | undefined> | undefined)?.[member];
}

function requiredTerms(pod: Pod, member: 'podAffinity' | 'podAntiAffinity'): PodAffinityTerm[] {
  return affinityOf(pod, member)?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function meetsAffinity(pod: Pod, state: NodeState, all: readonly NodeState[]): boolean {
  return requiredTerms(pod, 'podAffinity').every((term) => {
    if (podsInTopology(term, state, all).some((other) => selects(term, pod, other))) return true;
    // The first pod of a group that wants to be together may go anywhere.
    const isFirst = !all.some(({ pods }) => pods.some((other) => selects(term, pod, other)));
    return isFirst && selects(term, pod, pod) && topologyOf(term.topologyKey, state.node) !== undefined;
  });
}

function meetsAntiAffinity(pod: Pod, state: NodeState, all: readonly NodeState[]): boolean {
  const own = requiredTerms(pod, 'podAntiAffinity').every((term) => {
    return !podsInTopology(term, state, all).some((other) => selects(term, pod, other));
  });
  if (!own) return false;
  return all.every(({ pods }) =>
    pods.every((other) =>
      requiredTerms(other, 'podAntiAffinity').every((term) => {
        const together = podsInTopology(term, state, all).includes(other);
        return !together || !selects(term, other, pod);
      }),
    ),
  );
}

function podsInTopology(term: { topologyKey: string }, state: NodeState, all: readonly NodeState[]): Pod[] {
  const value = topologyOf(term.topologyKey, state.node);
  if (value === undefined) return [];
  return all
    .filter(({ node }) => topologyOf(term.topologyKey, node) === value)
    .flatMap(({ pods }) => pods.filter((pod) => !isFinished(pod)));
}

function topologyOf(key: string, node: Node): string | undefined {
  return node.metadata.labels?.[key] ?? (key === 'kubernetes.io/hostname' ? node.metadata.name : undefined);
}

/** True when `term`, written in `owner`, selects `other`. */
function selects(term: PodAffinityTerm, owner: Pod, other: Pod): boolean {
  const everywhere = term.namespaceSelector !== undefined;
  const namespaces = term.namespaces ?? [owner.metadata.namespace ?? ''];
  const inNamespace = everywhere || namespaces.includes(other.metadata.namespace ?? '');
  return inNamespace && matchesSelector(term.labelSelector, other.metadata.labels);
}

interface SpreadConstraint {
  maxSkew: number;
  topologyKey: string;
  whenUnsatisfiable?: string;
  labelSelector?: LabelSelector;
}

function meetsSpread(pod: Pod, state: NodeState, all: readonly NodeState[]): boolean {
  const constraints = (pod.spec['topologySpreadConstraints'] ?? []) as SpreadConstraint[];
  return constraints
    .filter((constraint) => constraint.whenUnsatisfiable !== 'ScheduleAnyway')
    .every((constraint) => {
      if (topologyOf(constraint.topologyKey, state.node) === undefined) return false;
      const countAt = (at: NodeState): number =>
        podsInTopology(constraint, at, all).filter(
          (other) =>
            other.metadata.namespace === pod.metadata.namespace &&
            matchesSelector(constraint.labelSelector, other.metadata.labels),
        ).length;
      const eligible = all.filter(
        ({ node }) => matchesNode(pod.spec, node) && topologyOf(constraint.topologyKey, node),
      );
      const smallest = Math.min(...eligible.map(countAt));
      return countAt(state) + 1 - smallest <= constraint.maxSkew;
    });
}

/** The best node: preferences first, then few pods of the same owner, then few pods, then the name. */
function best(pod: Pod, fitting: readonly NodeState[], all: readonly NodeState[]): NodeState {
  const ranked = fitting.map((state) => ({ state, rank: rankOf(pod, state, all) }));
  ranked.sort((left, right) => {
    const at = left.rank.findIndex((value, index) => value !== right.rank[index]);
    if (at >= 0) return (left.rank[at] ?? 0) - (right.rank[at] ?? 0);
    return left.state.node.metadata.name < right.state.node.metadata.name ? -1 : 1;
  });
  return ranked[0]?.state ?? (fitting[0] as NodeState);
}

function rankOf(pod: Pod, state: NodeState, all: readonly NodeState[]): number[] {
  const owner = controllerOf(pod)?.uid;
  const live = state.pods.filter((other) => !isFinished(other));
  const siblings = owner === undefined ? 0 : live.filter((other) => controllerOf(other)?.uid === owner).length;
  const avoid = taintsOf(state.node).filter((taint) => taint.effect === 'PreferNoSchedule');
  const disliked = untolerated(pod.spec, avoid, ['PreferNoSchedule']) === undefined ? 0 : 1;
  return [disliked, -preference(pod, state, all), siblings, live.length];
}

function preference(pod: Pod, state: NodeState, all: readonly NodeState[]): number {
  const nodes = nodeAffinityOf(pod.spec)?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  let score = 0;
  for (const { weight, preference: term } of nodes) if (matchesTerm(term, state.node)) score += weight;
  for (const [member, sign] of [
    ['podAffinity', 1],
    ['podAntiAffinity', -1],
  ] as const) {
    for (const entry of affinityOf(pod, member)?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      const term = entry.podAffinityTerm;
      const near = podsInTopology(term, state, all).filter((other) => selects(term, pod, other)).length;
      score += sign * entry.weight * near;
    }
  }
  return score;
}
