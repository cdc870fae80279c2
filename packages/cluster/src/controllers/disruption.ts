/** PodDisruptionBudgets: counts the pods a budget is about and says how many may be evicted. */

import {
  keyOf,
  matchesSelector,
  Pods,
  setCondition,
  type Condition,
  type Key,
  type KubeObject,
  type LabelSelector,
  type Pod,
  type ResourceType,
} from '@towpath/api';
import { jsonEqual } from '@towpath/kit';
import { createController, done, requeue, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { controllerOf } from './ownership.ts';
import { isFinished, isReady } from './pod-state.ts';
import { ReplicaSetType, ReplicationControllerType, StatefulSetType } from './types.ts';

interface Budget extends KubeObject {
  spec: { minAvailable?: number | string; maxUnavailable?: number | string; selector?: LabelSelector };
  status?: BudgetStatus;
}

interface BudgetStatus {
  observedGeneration?: number;
  disruptedPods?: Record<string, string>;
  disruptionsAllowed: number;
  currentHealthy: number;
  desiredHealthy: number;
  expectedPods: number;
  conditions?: Condition[];
}

const BudgetType: ResourceType<Budget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
};
/** An evicted pod that is still there after this time is taken for healthy again. Source: DeletionTimeout. */
const evictionMs = 2 * 60_000;

/** Source: Kubernetes pkg/controller/disruption. Scales of custom owners are not asked for: their pods are counted. */
export function createDisruptionController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('disruption-controller');
  const budgets = deps.informers.of(BudgetType);
  const pods = deps.informers.of(Pods);
  const owners = [ReplicaSetType, ReplicationControllerType, StatefulSetType].map((type) => ({
    kind: type.kind,
    informer: deps.informers.of<KubeObject & { spec: { replicas?: number } }>(type),
  }));

  async function reconcile(key: Key): Promise<Result> {
    const budget = budgets.get(key);
    if (budget === undefined) return done();
    const nowMs = deps.clock.nowMs();
    const selected = pods
      .list()
      .filter(({ metadata }) => metadata.namespace === key.namespace)
      .filter((pod) => !isFinished(pod) && matchesSelector(budget.spec.selector, pod.metadata.labels));
    const status = budgetStatus(budget, { selected, scale: scaleOf(selected), nowMs });
    if (!jsonEqual(status, budget.status)) await client.updateStatus(BudgetType, { ...budget, status });
    const waiting = Object.keys(status.disruptedPods ?? {}).length > 0;
    return waiting ? requeue({ afterMs: evictionMs }) : done();
  }

  /** What the owners of the pods ask for together. */
  function scaleOf(selected: readonly Pod[]): number {
    const replicas = new Map<string, number>();
    for (const pod of selected) {
      const owner = controllerOf(pod);
      const known = owners.find(({ kind }) => kind === owner?.kind)?.informer;
      const { namespace = '' } = pod.metadata;
      const set = owner === undefined ? undefined : known?.get({ namespace, name: owner.name });
      if (set === undefined) replicas.set(pod.metadata.uid ?? pod.metadata.name, 1);
      else replicas.set(owner?.uid ?? '', set.spec.replicas ?? 1);
    }
    return [...replicas.values()].reduce((sum, count) => sum + count, 0);
  }

  const controller = createController({ name: 'disruption', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(budgets, (budget) => [keyOf(budget)]);
  controller.watch(pods, (pod) =>
    budgets
      .list()
      .filter(({ metadata }) => metadata.namespace === pod.metadata.namespace)
      .filter(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels))
      .map(keyOf),
  );
  return controller;
}

function budgetStatus(
  budget: Budget,
  { selected, scale, nowMs }: { selected: readonly Pod[]; scale: number; nowMs: number },
): BudgetStatus {
  const { spec, metadata } = budget;
  const disruptedPods = stillDisrupted(budget, selected, nowMs);
  const currentHealthy = selected.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined && disruptedPods[pod.metadata.name] === undefined && isReady(pod),
  ).length;
  const isCount = typeof spec.minAvailable === 'number';
  const expectedPods = isCount ? selected.length : scale;
  const desiredHealthy =
    spec.maxUnavailable === undefined
      ? amountOf(spec.minAvailable ?? 0, expectedPods)
      : Math.max(0, expectedPods - amountOf(spec.maxUnavailable, expectedPods));
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const isAllowed = disruptionsAllowed > 0;
  const condition = {
    type: 'DisruptionAllowed',
    status: isAllowed ? 'True' : 'False',
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: metadata.generation ?? 0,
  } as const;
  return {
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
    observedGeneration: metadata.generation ?? 0,
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: setCondition(budget.status?.conditions, condition, nowMs),
  };
}

/** A number, or a share of `total` rounded up. */
function amountOf(value: number | string, total: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseFloat(value) * total) / 100);
}

function stillDisrupted(budget: Budget, selected: readonly Pod[], nowMs: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, at]) => {
      const pod = selected.find(({ metadata }) => metadata.name === name);
      return pod !== undefined && pod.metadata.deletionTimestamp === undefined && Date.parse(at) + evictionMs > nowMs;
    }),
  );
}
