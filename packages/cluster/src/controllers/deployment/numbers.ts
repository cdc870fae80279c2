/** How many replicas each ReplicaSet of a Deployment should have: arithmetic only. */

import type { Deployment } from '@towpath/api';
import type { ReplicaSet } from '../types.ts';

export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';

/** The strategy with its defaults. Source: Kubernetes API reference, DeploymentStrategy. */
export interface Strategy {
  readonly type: 'RollingUpdate' | 'Recreate';
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export function replicasOf(set: { spec: { replicas?: number } }): number {
  return set.spec.replicas ?? 1;
}

export function sumReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0);
}

export function sumAvailable(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
}

/** Surge rounds up, unavailable rounds down; both zero would never move, so one pod may be missing. */
export function strategyOf(deployment: Deployment): Strategy {
  const strategy = deployment.spec['strategy'] as
    | { type?: string; rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string } }
    | undefined;
  if (strategy?.type === 'Recreate') return { type: 'Recreate', maxSurge: 0, maxUnavailable: 0 };
  const replicas = replicasOf(deployment);
  const maxSurge = resolve(strategy?.rollingUpdate?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = resolve(strategy?.rollingUpdate?.maxUnavailable ?? '25%', replicas, Math.floor);
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable;
  return { type: 'RollingUpdate', maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

/** A number, or a percentage of `total`. */
export function resolve(value: number | string, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value);
  return percent === null ? Number.parseInt(value, 10) || 0 : round((total * Number(percent[1])) / 100);
}

/** The size of the new ReplicaSet in this step. */
export function newSetReplicas(deployment: Deployment, all: readonly ReplicaSet[], current: number): number {
  const wanted = replicasOf(deployment);
  const strategy = strategyOf(deployment);
  if (strategy.type === 'Recreate' || current > wanted) return wanted;
  const room = wanted + strategy.maxSurge - sumReplicas(all);
  return room <= 0 ? current : current + Math.max(0, Math.min(room, wanted - current));
}

export interface Resize {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/**
 * Which old ReplicaSets shrink in this step of a rolling update: pods that are not healthy go first,
 * then healthy ones as far as the minimum availability allows.
 * Source: Kubernetes pkg/controller/deployment/rolling.go, reconcileOldReplicaSets.
 */
export function shrinkOld(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
): Resize[] {
  const all = newest === undefined ? old : [...old, newest];
  const minAvailable = replicasOf(deployment) - strategyOf(deployment).maxUnavailable;
  const newUnavailable = newest === undefined ? 0 : replicasOf(newest) - (newest.status?.availableReplicas ?? 0);
  const mayGo = sumReplicas(all) - minAvailable - newUnavailable;
  if (sumReplicas(old) === 0 || mayGo <= 0) return [];
  const sizes = new Map(byAge(old).map((set) => [set, replicasOf(set)]));
  let removed = 0;
  for (const [set, size] of sizes) {
    const unhealthy = Math.max(0, size - (set.status?.availableReplicas ?? 0));
    const step = Math.min(unhealthy, mayGo - removed);
    sizes.set(set, size - step);
    removed += step;
  }
  let healthy = Math.max(0, sumAvailable(all) - minAvailable);
  for (const [set, size] of sizes) {
    const step = Math.min(size, healthy);
    sizes.set(set, size - step);
    healthy -= step;
  }
  return [...sizes].filter(([set, size]) => size !== replicasOf(set)).map(([set, replicas]) => ({ set, replicas }));
}

/** Oldest first. */
export function byAge(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.toSorted((left, right) => {
    const leftMs = Date.parse(left.metadata.creationTimestamp ?? '') || 0;
    const rightMs = Date.parse(right.metadata.creationTimestamp ?? '') || 0;
    return leftMs - rightMs || (left.metadata.name < right.metadata.name ? -1 : 1);
  });
}

/**
 * Sizes after the Deployment itself was scaled (or while it is paused): one active set gets everything, a finished
 * rollout drops the old ones, and a rollout in progress shares the change in proportion to the sizes.
 * Source: Kubernetes pkg/controller/deployment/sync.go, scale.
 */
export function scaleSets(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Resize[] {
  const wanted = replicasOf(deployment);
  const all = newest === undefined ? [...old] : [...old, newest];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newest ?? byAge(old).at(-1);
    return only === undefined || replicasOf(only) === wanted ? [] : [{ set: only, replicas: wanted }];
  }
  if (newest !== undefined && isSaturated(newest, wanted)) {
    return old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
  }
  const strategy = strategyOf(deployment);
  if (strategy.type === 'Recreate') return [];
  return shareOut(active, wanted > 0 ? wanted + strategy.maxSurge : 0);
}

function isSaturated(newest: ReplicaSet, wanted: number): boolean {
  const seen = Number(newest.metadata.annotations?.[desiredReplicasAnnotation] ?? Number.NaN);
  return replicasOf(newest) === wanted && seen === wanted && (newest.status?.availableReplicas ?? 0) === wanted;
}

function shareOut(active: readonly ReplicaSet[], allowed: number): Resize[] {
  const total = sumReplicas(active);
  const toAdd = allowed - total;
  if (toAdd === 0) return [];
  const ordered = byAge(active).toSorted((left, right) => replicasOf(right) - replicasOf(left));
  let left = toAdd;
  const shares = ordered.map((set) => {
    const exact = Math.round((replicasOf(set) * allowed) / total) - replicasOf(set);
    const share = toAdd > 0 ? Math.min(Math.max(exact, 0), left) : Math.max(Math.min(exact, 0), left);
    left -= share;
    return { set, replicas: replicasOf(set) + share };
  });
  return shares.map(({ set, replicas }, index) => ({
    set,
    replicas: index === 0 ? Math.max(0, replicas + left) : replicas,
  }));
}
