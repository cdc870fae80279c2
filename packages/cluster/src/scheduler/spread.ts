/** Pods spread over zones, hosts and other domains. Source: pkg/scheduler/framework/plugins/podtopologyspread. */

import { matchesSelector, type LabelSelector, type Pod } from '@towpath/api';
import { controllerOf } from '../controllers/ownership.ts';
import { isFinished } from '../controllers/pod-state.ts';
import type { Node } from '../controllers/types.ts';
import { matchesNode, untolerated } from './placement.ts';
import { topologyOf } from './pod-affinity.ts';
import type { NodeState, SchedulingView } from './view.ts';

interface SpreadConstraint {
  maxSkew: number;
  topologyKey: string;
  whenUnsatisfiable?: string;
  labelSelector?: LabelSelector;
  matchLabelKeys?: string[];
  minDomains?: number;
  nodeAffinityPolicy?: string;
  nodeTaintsPolicy?: string;
}

const hostname = 'kubernetes.io/hostname';
const notMet = "node(s) didn't match pod topology spread constraints";
export const missingTopology = `${notMet} (missing required label)`;

/** Why the pod may not run there; undefined when it may. */
export function whyNotSpread(pod: Pod, node: Node, view: SchedulingView): string | undefined {
  const constraints = constraintsOf(pod).filter(({ whenUnsatisfiable }) => whenUnsatisfiable !== 'ScheduleAnyway');
  for (const constraint of constraints) {
    const domain = topologyOf(constraint.topologyKey, node);
    if (domain === undefined) return missingTopology;
    const counts = countByDomain(pod, constraint, domainsFor(pod, constraint, constraints, view));
    const isFew = counts.size < (constraint.minDomains ?? 1);
    const smallest = isFew ? 0 : Math.min(...counts.values());
    const own = selects(constraint, pod, pod) ? 1 : 0;
    if ((counts.get(domain) ?? 0) + own - smallest > constraint.maxSkew) return notMet;
  }
  return undefined;
}

/** The nodes whose pods count: with every topology key, and as the policies of the constraint say. */
function domainsFor(
  pod: Pod,
  constraint: SpreadConstraint,
  all: readonly SpreadConstraint[],
  { states }: SchedulingView,
): NodeState[] {
  return states.filter(({ node }) => {
    if (all.some(({ topologyKey }) => topologyOf(topologyKey, node) === undefined)) return false;
    if (constraint.nodeAffinityPolicy !== 'Ignore' && !matchesNode(pod.spec, node)) return false;
    const isHonored = constraint.nodeTaintsPolicy === 'Honor';
    return !isHonored || untolerated(pod.spec, node.spec?.taints ?? [], ['NoSchedule', 'NoExecute']) === undefined;
  });
}

function countByDomain(pod: Pod, constraint: SpreadConstraint, states: readonly NodeState[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const state of states) {
    const domain = topologyOf(constraint.topologyKey, state.node) ?? '';
    counts.set(domain, (counts.get(domain) ?? 0) + countOn(pod, constraint, state));
  }
  return counts;
}

function countOn(pod: Pod, constraint: SpreadConstraint, { pods }: NodeState): number {
  return pods.filter(
    (other) =>
      !isFinished(other) &&
      other.metadata.deletionTimestamp === undefined &&
      other.metadata.namespace === pod.metadata.namespace &&
      selects(constraint, pod, other),
  ).length;
}

function selects({ labelSelector, matchLabelKeys = [] }: SpreadConstraint, pod: Pod, other: Pod): boolean {
  if (labelSelector === undefined || !matchesSelector(labelSelector, other.metadata.labels)) return false;
  return matchLabelKeys.every((key) => {
    const value = pod.metadata.labels?.[key];
    return value === undefined || other.metadata.labels?.[key] === value;
  });
}

function constraintsOf(pod: Pod): SpreadConstraint[] {
  return (pod.spec['topologySpreadConstraints'] ?? []) as SpreadConstraint[];
}

/**
 * How well each of the nodes spreads the pod, 0 to 100, by the constraints that need not be met. A pod without any
 * constraint is spread over hosts and zones among the pods of its controller.
 */
export function spreadScores(pod: Pod, fitting: readonly NodeState[], view: SchedulingView): number[] {
  const own = constraintsOf(pod);
  const soft = own.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway');
  if (own.length > 0 && soft.length === 0) return fitting.map(() => 0);
  const isDefault = own.length === 0;
  const constraints = isDefault ? defaultConstraints : soft;
  const lacksKey = ({ node }: NodeState): boolean =>
    !isDefault && constraints.some(({ topologyKey }) => topologyOf(topologyKey, node) === undefined);
  const placed = fitting.filter((state) => !lacksKey(state));
  const scored = constraints.map((constraint) =>
    scoreOf(pod, constraint, { placed, isDefault, all: constraints, view }),
  );
  const raw = fitting.map((state) =>
    lacksKey(state) ? undefined : Math.round(scored.reduce((sum, score) => sum + score(state), 0)),
  );
  const known = raw.filter((score): score is number => score !== undefined);
  const [low, high] = [Math.min(...known), Math.max(0, ...known)];
  return raw.map((score) => {
    if (score === undefined) return 0;
    return high === 0 ? 100 : Math.trunc((100 * (high + low - score)) / high);
  });
}

const defaultConstraints: readonly SpreadConstraint[] = [
  { topologyKey: hostname, maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

interface Scoring {
  readonly placed: readonly NodeState[];
  readonly isDefault: boolean;
  readonly all: readonly SpreadConstraint[];
  readonly view: SchedulingView;
}

/** More pods in a domain are worse, and more so where there are many domains. */
function scoreOf(pod: Pod, constraint: SpreadConstraint, scoring: Scoring): (state: NodeState) => number {
  const { placed, isDefault, all, view } = scoring;
  const { topologyKey, maxSkew } = constraint;
  const count = (state: NodeState): number => (isDefault ? siblingsOn(pod, state) : countOn(pod, constraint, state));
  const domains = new Set(
    placed.map(({ node }) => topologyOf(topologyKey, node)).filter((value) => value !== undefined),
  );
  const weight = Math.log((topologyKey === hostname ? placed.length : domains.size) + 2);
  const counts = new Map<string, number>();
  for (const state of isDefault ? view.states : domainsFor(pod, constraint, all, view)) {
    const domain = topologyOf(topologyKey, state.node) ?? '';
    counts.set(domain, (counts.get(domain) ?? 0) + count(state));
  }
  return (state) => {
    const domain = topologyOf(topologyKey, state.node);
    if (domain === undefined) return 0;
    const pods = topologyKey === hostname ? count(state) : (counts.get(domain) ?? 0);
    return pods * weight + (maxSkew - 1);
  };
}

function siblingsOn(pod: Pod, { pods }: NodeState): number {
  const owner = controllerOf(pod)?.uid;
  if (owner === undefined) return 0;
  const isStanding = (other: Pod): boolean => !isFinished(other) && other.metadata.deletionTimestamp === undefined;
  return pods.filter((other) => isStanding(other) && controllerOf(other)?.uid === owner).length;
}
