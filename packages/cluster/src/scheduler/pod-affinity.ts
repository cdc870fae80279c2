/** Pods that want to be near other pods, or apart from them. Source: pkg/scheduler/framework/plugins/interpodaffinity. */

import { matchesSelector, type LabelSelector, type Pod } from '@towpath/api';
import { isFinished } from '../controllers/pod-state.ts';
import type { Node } from '../controllers/types.ts';
import type { SchedulingView } from './view.ts';

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

type Member = 'podAffinity' | 'podAntiAffinity';

/** What a required affinity of a pod that is there adds to the score of the node. */
const requiredWeight = 1;

export const notNear = "node(s) didn't match pod affinity rules";

/** Why the pod may not run there; undefined when it may. */
export function whyNotNear(pod: Pod, node: Node, view: SchedulingView): string | undefined {
  if (!meetsAffinity(pod, node, view)) return notNear;
  const isNear = (term: PodAffinityTerm, at: Node): boolean => sameTopology(term.topologyKey, node, at);
  const others = standing(view);
  for (const term of required(pod, 'podAntiAffinity')) {
    if (others.some((other) => isNear(term, other.node) && selects(term, pod, other.pod, view))) {
      return "node(s) didn't match pod anti-affinity rules";
    }
  }
  const isKeptOff = others.some((other) =>
    required(other.pod, 'podAntiAffinity').some(
      (term) => isNear(term, other.node) && selects(term, other.pod, pod, view),
    ),
  );
  return isKeptOff ? "node(s) didn't satisfy existing pods anti-affinity rules" : undefined;
}

function meetsAffinity(pod: Pod, node: Node, view: SchedulingView): boolean {
  const terms = required(pod, 'podAffinity');
  if (terms.length === 0) return true;
  if (terms.some((term) => topologyOf(term.topologyKey, node) === undefined)) return false;
  const isMatch = (other: Pod): boolean => terms.every((term) => selects(term, pod, other, view));
  const matching = standing(view).filter((other) => isMatch(other.pod));
  // The first pod of a group that wants to be together may go anywhere.
  if (matching.length === 0) return isMatch(pod);
  return terms.every((term) => matching.some((other) => sameTopology(term.topologyKey, node, other.node)));
}

/** The sum of the weights of what is preferred, by the pod and by those that are there; may be negative. */
export function nearness(pod: Pod, node: Node, view: SchedulingView): number {
  let score = 0;
  for (const other of standing(view)) {
    const add = (owner: Pod, target: Pod, member: Member, sign: number): void => {
      for (const { weight, podAffinityTerm: term } of preferred(owner, member)) {
        const isNear = sameTopology(term.topologyKey, node, other.node);
        if (isNear && selects(term, owner, target, view)) score += sign * weight;
      }
    };
    for (const [owner, target] of [
      [pod, other.pod],
      [other.pod, pod],
    ] as const) {
      add(owner, target, 'podAffinity', 1);
      add(owner, target, 'podAntiAffinity', -1);
    }
    for (const term of required(other.pod, 'podAffinity')) {
      const isNear = sameTopology(term.topologyKey, node, other.node);
      if (isNear && selects(term, other.pod, pod, view)) score += requiredWeight;
    }
  }
  return score;
}

export function topologyOf(key: string, node: Node): string | undefined {
  return node.metadata.labels?.[key] ?? (key === 'kubernetes.io/hostname' ? node.metadata.name : undefined);
}

function sameTopology(key: string, left: Node, right: Node): boolean {
  const value = topologyOf(key, left);
  return value !== undefined && value === topologyOf(key, right);
}

function standing({ states }: SchedulingView): { pod: Pod; node: Node }[] {
  return states.flatMap(({ node, pods }) => pods.filter((pod) => !isFinished(pod)).map((pod) => ({ pod, node })));
}

function affinityOf(pod: Pod, member: Member): PodAffinity | undefined {
  return (pod.spec['affinity'] as Record<string, PodAffinity | undefined> | undefined)?.[member];
}

function required(pod: Pod, member: Member): PodAffinityTerm[] {
  return affinityOf(pod, member)?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function preferred(pod: Pod, member: Member): { weight: number; podAffinityTerm: PodAffinityTerm }[] {
  return affinityOf(pod, member)?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** True when `term`, written in `owner`, selects `other`; a term without a selector selects nothing. */
function selects(term: PodAffinityTerm, owner: Pod, other: Pod, view: SchedulingView): boolean {
  const { namespaces = [], namespaceSelector, labelSelector } = term;
  const namespace = other.metadata.namespace ?? '';
  const isListed = namespaces.includes(namespace);
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined && namespace === owner.metadata.namespace;
  const isSelected =
    namespaceSelector !== undefined && matchesSelector(namespaceSelector, view.namespaceLabels(namespace));
  return (
    (isListed || isOwn || isSelected) &&
    labelSelector !== undefined &&
    matchesSelector(labelSelector, other.metadata.labels)
  );
}
