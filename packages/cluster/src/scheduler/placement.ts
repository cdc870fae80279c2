/** Which nodes a pod may run on by selector, affinity and taints. */

import { matchesRequirements, type PodSpec, type SelectorRequirement } from '@towpath/api';
import type { Node, Taint, Toleration } from '../controllers/types.ts';

interface NodeSelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}

export interface NodeSelectorTerm {
  matchExpressions?: NodeSelectorRequirement[];
  matchFields?: NodeSelectorRequirement[];
}

export interface NodeAffinity {
  requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: NodeSelectorTerm[] };
  preferredDuringSchedulingIgnoredDuringExecution?: { weight: number; preference: NodeSelectorTerm }[];
}

export function nodeAffinityOf(spec: PodSpec): NodeAffinity | undefined {
  return (spec['affinity'] as { nodeAffinity?: NodeAffinity } | undefined)?.nodeAffinity;
}

/** nodeSelector and the required node affinity. */
export function matchesNode(spec: PodSpec, node: Node): boolean {
  const selector = (spec['nodeSelector'] ?? {}) as Record<string, string>;
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(selector).every(([name, value]) => labels[name] === value)) return false;
  const terms = nodeAffinityOf(spec)?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** A term without requirements matches no node. Source: Kubernetes API reference, NodeSelectorTerm. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    matchesRequirements(expressions.map(requirement), node.metadata.labels) &&
    matchesRequirements(fields.map(requirement), { 'metadata.name': node.metadata.name })
  );
}

function requirement(source: NodeSelectorRequirement): SelectorRequirement {
  const operators: Record<string, SelectorRequirement['operator']> = {
    In: 'In',
    NotIn: 'NotIn',
    Exists: 'Exists',
    DoesNotExist: 'DoesNotExist',
    Gt: 'GreaterThan',
    Lt: 'LessThan',
  };
  return { key: source.key, operator: operators[source.operator] ?? 'In', values: source.values ?? [] };
}

/** Taints that keep a pod away from a node; `unschedulable` counts as one. */
export function taintsOf(node: Node): Taint[] {
  const taints = node.spec?.taints ?? [];
  const key = 'node.kubernetes.io/unschedulable';
  if (node.spec?.unschedulable !== true || taints.some((taint) => taint.key === key)) return taints;
  return [...taints, { key, effect: 'NoSchedule' }];
}

/** The first taint with one of `effects` that the pod does not tolerate. */
export function untolerated(spec: PodSpec, taints: readonly Taint[], effects: readonly string[]): Taint | undefined {
  const tolerations = tolerationsOf(spec);
  return taints
    .filter((taint) => effects.includes(taint.effect))
    .find((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)));
}

export function tolerationsOf(spec: PodSpec): Toleration[] {
  return (spec['tolerations'] ?? []) as Toleration[];
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  const exists = toleration.operator === 'Exists';
  if (toleration.key === undefined || toleration.key === '') return exists;
  if (toleration.key !== taint.key) return false;
  return exists || (toleration.value ?? '') === (taint.value ?? '');
}
