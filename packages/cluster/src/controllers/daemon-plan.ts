/** What a DaemonSet should do next: pure, from its nodes and pods. */

import type { Pod, PodSpec } from '@towpath/api';
import type { EventInput } from '@towpath/runtime';
import { matchesNode, nodeAffinityOf, taintsOf, tolerationsOf, untolerated } from '../scheduler/placement.ts';
import { resolve } from './deployment/numbers.ts';
import { revisionHashLabel } from './history.ts';
import { isDeleting } from './ownership.ts';
import { isAvailable, isFinished, isReady, readySinceMs } from './pod-state.ts';
import type { DaemonSet, Node, Toleration } from './types.ts';

export interface DaemonObserved {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** The hash of the current template's revision. */
  readonly hash: string;
  readonly nowMs: number;
}

export interface DaemonPlan {
  /** Names of nodes that need a pod. */
  readonly creations: readonly string[];
  readonly deletions: readonly Pod[];
  readonly events: readonly EventInput[];
  readonly status: NonNullable<DaemonSet['status']>;
  /** When a pod that is ready becomes available. */
  readonly waitMs: number | undefined;
}

/** Source: Kubernetes pkg/controller/daemon, manage, rollingUpdate and updateDaemonSetStatus. */
export function planDaemonSet(set: DaemonSet, observed: DaemonObserved): DaemonPlan {
  const view = viewOf(set, observed);
  const managed = manage(view);
  const isBusy = managed.creations.length + managed.deletions.length > 0;
  const isRolling = set.spec.updateStrategy?.type !== 'OnDelete';
  // An update goes on when every node has what it should have.
  const change = isBusy || !isRolling ? managed : { ...(view.maxSurge > 0 ? surge(view) : replace(view)), events: [] };
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000;
  const waits = observed.pods
    .map((pod) => (readySinceMs(pod) ?? -Infinity) + minReadyMs - observed.nowMs)
    .filter((waitMs) => waitMs > 0);
  const waitMs = waits.length === 0 ? undefined : Math.min(...waits);
  return { ...change, status: statusOf(view), waitMs };
}

interface Place {
  readonly nodeName: string;
  /** A node that does not exist any more has none of both. */
  readonly shouldRun: boolean;
  readonly mayStay: boolean;
  /** Oldest first; those that are over and being deleted are left out. */
  readonly pods: readonly Pod[];
  /** The pods that are neither over nor being deleted. */
  readonly live: readonly Pod[];
}

interface DaemonView {
  readonly set: DaemonSet;
  readonly places: readonly Place[];
  readonly desired: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly isUpdated: (pod: Pod) => boolean;
  readonly isAvailable: (pod: Pod) => boolean;
}

type Change = Pick<DaemonPlan, 'creations' | 'deletions'>;

function viewOf(set: DaemonSet, { nodes, pods, hash, nowMs }: DaemonObserved): DaemonView {
  const spec = withDaemonTolerations(set.spec.template.spec);
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (isDeleting(pod) && isFinished(pod)) continue;
    byNode.set(nodeNameOf(pod), [...(byNode.get(nodeNameOf(pod)) ?? []), pod]);
  }
  const placeOf = (nodeName: string, shouldRun: boolean, mayStay: boolean): Place => {
    const here = (byNode.get(nodeName) ?? []).toSorted(byAge);
    byNode.delete(nodeName);
    const live = here.filter((pod) => !isFinished(pod) && !isDeleting(pod));
    return { nodeName, shouldRun, mayStay, pods: here, live };
  };
  const places = nodes.map((node) => {
    const { name } = node.metadata;
    const fits = matchesNode(spec, node) && (spec.nodeName ?? name) === name;
    const keptOut = (effects: string[]): boolean => untolerated(spec, taintsOf(node), effects) !== undefined;
    return placeOf(name, fits && !keptOut(['NoSchedule', 'NoExecute']), fits && !keptOut(['NoExecute']));
  });
  for (const [nodeName, left] of byNode) {
    // Pods that are bound go with their node; others would wait for ever.
    if (left.some((pod) => (pod.spec.nodeName ?? '') === '')) places.push(placeOf(nodeName, false, false));
  }
  const desired = places.filter(({ shouldRun }) => shouldRun).length;
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const surgeCount = resolve(maxSurge, desired, Math.ceil);
  const unavailableCount = resolve(maxUnavailable, desired, Math.ceil);
  return {
    set,
    places,
    desired,
    maxSurge: surgeCount,
    maxUnavailable: surgeCount === 0 ? Math.max(1, unavailableCount) : unavailableCount,
    isUpdated: (pod) => pod.metadata.labels?.[revisionHashLabel] === hash,
    isAvailable: (pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs),
  };
}

function byAge(left: Pod, right: Pod): number {
  const [isBound, otherIsBound] = [left, right].map((pod) => (pod.spec.nodeName ?? '') !== '');
  if (isBound !== otherIsBound) return isBound === true ? -1 : 1;
  const age = (pod: Pod): number => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return age(left) - age(right) || (left.metadata.name < right.metadata.name ? -1 : 1);
}

/** One pod where one should run, none elsewhere, and none that has ended. */
function manage(view: DaemonView): Change & Pick<DaemonPlan, 'events'> {
  const creations: string[] = [];
  const deletions: Pod[] = [];
  const events: EventInput[] = [];
  for (const { nodeName, shouldRun, mayStay, pods, live } of view.places) {
    if (shouldRun && pods.length === 0) {
      creations.push(nodeName);
      continue;
    }
    if (!mayStay) {
      deletions.push(...pods.filter((pod) => !isDeleting(pod)));
      continue;
    }
    for (const pod of pods.filter((each) => isFinished(each) && !isDeleting(each))) {
      deletions.push(pod);
      events.push(endedEvent(pod, nodeName));
    }
    if (!mayHaveTwo(view.set)) deletions.push(...live.slice(1));
    else if (live.length === 0 && shouldRun) creations.push(nodeName);
    else deletions.push(...surplusOfTwo(view, live));
  }
  return { creations, deletions, events };
}

function endedEvent(pod: Pod, nodeName: string): EventInput {
  const name = `${pod.metadata.namespace}/${pod.metadata.name} on node ${nodeName}`;
  return pod.status?.phase === 'Failed'
    ? { type: 'Warning', reason: 'FailedDaemonPod', message: `Found failed daemon pod ${name}, will try to kill it` }
    : {
        type: 'Normal',
        reason: 'SucceededDaemonPod',
        message: `Found succeeded daemon pod ${name}, will try to delete it`,
      };
}

function mayHaveTwo(set: DaemonSet): boolean {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  return type !== 'OnDelete' && resolve(rollingUpdate?.maxSurge ?? 0, 1, Math.ceil) > 0;
}

/** Two pods stay only while the old one is ready and the new one not yet available. */
function surplusOfTwo(view: DaemonView, live: readonly Pod[]): Pod[] {
  if (live.length <= 1) return [];
  const newest = live.find(view.isUpdated);
  const oldest = live.find((pod) => !view.isUpdated(pod));
  const extra = live.filter((pod) => pod !== newest && pod !== oldest);
  if (newest === undefined || oldest === undefined) return extra;
  return !isReady(oldest) || view.isAvailable(newest) ? [...extra, oldest] : extra;
}

interface Pair {
  readonly updated: Pod | undefined;
  readonly outdated: Pod | undefined;
}

/** The pods of a node as an update sees them; undefined when there are too many of one kind. */
function pairOf(view: DaemonView, { pods }: Place): Pair | undefined {
  const standing = pods.filter((pod) => !isDeleting(pod));
  const updated = standing.filter(view.isUpdated);
  const outdated = standing.filter((pod) => !view.isUpdated(pod));
  return updated.length > 1 || outdated.length > 1 ? undefined : { updated: updated[0], outdated: outdated[0] };
}

function involved(view: DaemonView): Place[] {
  return view.places.filter(({ shouldRun, pods }) => shouldRun || pods.length > 0);
}

/** Without surge: all outdated pods that are unavailable go, then as many as maxUnavailable leaves. */
function replace(view: DaemonView): Change {
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const place of involved(view)) {
    const { updated, outdated } = pairOf(view, place) ?? {};
    const only = updated !== undefined && outdated !== undefined ? undefined : (updated ?? outdated);
    if (only === undefined || !view.isAvailable(only)) unavailable++;
    if (only === undefined || only !== outdated) continue;
    (view.isAvailable(only) ? candidates : broken).push(only);
  }
  const room = Math.max(0, view.maxUnavailable - unavailable);
  return { creations: [], deletions: [...broken, ...candidates.slice(0, room)] };
}

/** With surge: a second pod beside up to maxSurge available ones; the old pod goes when the new one is available. */
function surge(view: DaemonView): Change {
  const deletions: Pod[] = [];
  const leaving: Pod[] = [];
  const allowed: string[] = [];
  const candidates: string[] = [];
  let surging = 0;
  let available = 0;
  for (const place of involved(view)) {
    const pair = pairOf(view, place);
    if (pair === undefined) surging++;
    const { updated, outdated } = pair ?? {};
    const first = outdated ?? updated;
    const isStanding = first !== undefined && view.isAvailable(first);
    if (isStanding) available++;
    if (outdated === undefined) continue;
    if (updated !== undefined) {
      if (view.isAvailable(updated)) deletions.push(outdated);
      else surging++;
    } else if (!place.shouldRun) (isStanding ? leaving : deletions).push(outdated);
    else (isStanding ? candidates : allowed).push(place.nodeName);
  }
  deletions.push(...leaving.slice(0, Math.max(0, available - view.desired)));
  return { creations: [...allowed, ...candidates.slice(0, Math.max(0, view.maxSurge - surging))], deletions };
}

function statusOf(view: DaemonView): NonNullable<DaemonSet['status']> {
  const { set, places, desired } = view;
  const first = places.filter(({ shouldRun }) => shouldRun).flatMap(({ pods }) => pods.slice(0, 1));
  const available = first.filter((pod) => isReady(pod) && view.isAvailable(pod)).length;
  const updated = first.filter(view.isUpdated).length;
  return {
    currentNumberScheduled: first.length,
    numberMisscheduled: places.filter(({ shouldRun, pods }) => !shouldRun && pods.length > 0).length,
    desiredNumberScheduled: desired,
    numberReady: first.filter(isReady).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 && { updatedNumberScheduled: updated }),
    ...(available > 0 && { numberAvailable: available }),
    ...(desired > available && { numberUnavailable: desired - available }),
    ...(set.status?.collisionCount !== undefined && { collisionCount: set.status.collisionCount }),
  };
}

/** The node a pod runs on or, before it is bound, is meant for. */
function nodeNameOf(pod: Pod): string {
  if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== '') return pod.spec.nodeName;
  const terms = nodeAffinityOf(pod.spec)?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const fields = terms.flatMap(({ matchFields = [] }) => matchFields);
  return fields.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

/** Pods of a DaemonSet stay on a node in trouble. */
export function withDaemonTolerations(spec: PodSpec): PodSpec {
  const network = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };
  const added = spec['hostNetwork'] === true ? [...daemonTolerations, network] : daemonTolerations;
  const isAdded = ({ key, effect, operator }: Toleration): boolean =>
    added.some((each) => each.key === key && each.effect === effect && each.operator === operator);
  return { ...spec, tolerations: [...tolerationsOf(spec).filter((each) => !isAdded(each)), ...added] };
}
