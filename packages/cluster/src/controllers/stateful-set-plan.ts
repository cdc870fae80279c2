/** What a StatefulSet should do next: pure, from its pods and revisions. */

import type { Pod } from '@towpath/api';
import { revisionHashLabel } from './history.ts';
import { isAvailable, isReady, podPhase } from './pod-state.ts';
import type { StatefulSet, StatefulSetStatus } from './types.ts';

export type StatefulAction =
  | { readonly type: 'create'; readonly ordinal: number; readonly revision: 'current' | 'update' }
  | { readonly type: 'delete'; readonly pod: Pod; readonly because: 'finished' | 'surplus' | 'outdated' };

export interface StatefulObserved {
  readonly pods: readonly Pod[];
  /** Names of the ControllerRevisions. */
  readonly currentRevision: string;
  readonly updateRevision: string;
  readonly nowMs: number;
}

export interface StatefulPlan {
  readonly actions: readonly StatefulAction[];
  readonly status: StatefulSetStatus;
}

/** The ordinal of a pod of the set, or undefined when its name is none of the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const { name } = pod.metadata;
  const prefix = `${set.metadata.name}-`;
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}

/** Source: Kubernetes pkg/controller/statefulset/stateful_set_control.go, updateStatefulSet. */
export function planStatefulSet(set: StatefulSet, observed: StatefulObserved): StatefulPlan {
  const actions = planActions(set, observed);
  const leaving = new Set(actions.flatMap((action) => (action.type === 'delete' ? [action.pod] : [])));
  return { actions, status: planStatus(set, observed, leaving) };
}

function planActions(set: StatefulSet, observed: StatefulObserved): StatefulAction[] {
  const ordered = set.spec.podManagementPolicy !== 'Parallel';
  const { wanted, surplus } = slots(set, observed.pods);
  const actions: StatefulAction[] = [];
  for (const { ordinal, pod } of wanted) {
    if (pod === undefined) {
      actions.push({ type: 'create', ordinal, revision: revisionFor(set, observed, ordinal) });
    } else if (isFinishedPod(pod) && !isTerminating(pod)) {
      actions.push({ type: 'delete', pod, because: 'finished' });
    } else if (!ordered || isHealthy(set, pod, observed.nowMs)) continue;
    // In order: the next pod waits until this one is there and available.
    if (ordered) return actions;
  }
  for (const pod of surplus) {
    if (!isTerminating(pod)) actions.push({ type: 'delete', pod, because: 'surplus' });
    if (ordered) return actions;
  }
  if (actions.length > 0 || set.spec.updateStrategy?.type === 'OnDelete') return actions;
  return planUpdate(set, observed, wanted);
}

/** From the highest ordinal down to the partition, one at a time, each only when those above are available. */
function planUpdate(set: StatefulSet, observed: StatefulObserved, wanted: readonly Slot[]): StatefulAction[] {
  const start = set.spec.ordinals?.start ?? 0;
  const partition = start + (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (const { ordinal, pod } of wanted.toReversed()) {
    if (ordinal < partition || pod === undefined) break;
    if (isTerminating(pod)) return [];
    if (revisionLabel(pod) !== observed.updateRevision) return [{ type: 'delete', pod, because: 'outdated' }];
    if (!isHealthy(set, pod, observed.nowMs)) return [];
  }
  return [];
}

interface Slot {
  readonly ordinal: number;
  readonly pod: Pod | undefined;
}

/** Pods by ordinal, and those beyond the size, highest first. */
function slots(set: StatefulSet, pods: readonly Pod[]): { wanted: Slot[]; surplus: Pod[] } {
  const start = set.spec.ordinals?.start ?? 0;
  const replicas = set.spec.replicas ?? 1;
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  const wanted = Array.from({ length: replicas }, (_, index) => {
    return { ordinal: start + index, pod: byOrdinal.get(start + index) };
  });
  const surplus = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= start + replicas)
    .sort(([left], [right]) => right - left)
    .map(([, pod]) => pod);
  return { wanted, surplus };
}

/** Below the partition, and during an update where the old ones still stand, pods come back as they were. */
function revisionFor(set: StatefulSet, observed: StatefulObserved, ordinal: number): 'current' | 'update' {
  if (observed.currentRevision === observed.updateRevision) return 'update';
  const start = set.spec.ordinals?.start ?? 0;
  const rolling = set.spec.updateStrategy?.rollingUpdate;
  if (set.spec.updateStrategy?.type === 'OnDelete') return 'update';
  if (rolling?.partition === undefined || rolling.partition === 0) {
    return ordinal < start + (set.status?.currentReplicas ?? 0) ? 'current' : 'update';
  }
  return ordinal < start + rolling.partition ? 'current' : 'update';
}

/** Pods that leave in this round count no more: a new one must not take their old revision for granted. */
function planStatus(set: StatefulSet, observed: StatefulObserved, leaving: ReadonlySet<Pod>): StatefulSetStatus {
  const { pods, updateRevision, nowMs } = observed;
  const replicas = set.spec.replicas ?? 1;
  const minReady = set.spec.minReadySeconds ?? 0;
  const live = pods.filter((pod) => !isTerminating(pod) && !leaving.has(pod));
  const withHash = (name: string): number => live.filter((pod) => revisionLabel(pod) === name).length;
  const ready = pods.filter((pod) => isRunningReady(pod)).length;
  const updated = withHash(updateRevision);
  const complete =
    set.spec.updateStrategy?.type !== 'OnDelete' &&
    updated === replicas &&
    ready === replicas &&
    pods.length === replicas;
  const currentRevision = complete ? updateRevision : observed.currentRevision;
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    availableReplicas: pods.filter((pod) => isRunningReady(pod) && isAvailable(pod, minReady, nowMs)).length,
    currentRevision,
    updateRevision,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  if (ready > 0) status.readyReplicas = ready;
  const current = withHash(currentRevision);
  if (current > 0) status.currentReplicas = current;
  if (updated > 0) status.updatedReplicas = updated;
  return status;
}

/** A StatefulSet labels its pods with the whole name of the revision. */
function revisionLabel(pod: Pod): string {
  return pod.metadata.labels?.[revisionHashLabel] ?? '';
}

function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

function isFinishedPod(pod: Pod): boolean {
  const phase = podPhase(pod);
  return phase === 'Failed' || phase === 'Succeeded';
}

function isRunningReady(pod: Pod): boolean {
  return podPhase(pod) === 'Running' && isReady(pod);
}

function isHealthy(set: StatefulSet, pod: Pod, nowMs: number): boolean {
  if (isTerminating(pod)) return false;
  return isRunningReady(pod) && isAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
}
