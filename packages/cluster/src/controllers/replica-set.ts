/** ReplicaSets and ReplicationControllers: keeps the asked number of pods alive. */

import {
  findCondition,
  keyOf,
  matchesSelector,
  Pods,
  setCondition,
  type Condition,
  type Key,
  type LabelSelector,
  type Pod,
  type ResourceType,
} from '@towpath/api';
import { jsonEqual, messageOf } from '@towpath/kit';
import { createController, done, requeue, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { Expectations } from './expectations.ts';
import { claimDependents, controllerOf, isDeleting } from './ownership.ts';
import { createPodControl, podFromTemplate, slowStart, type PodControl } from './pod-control.ts';
import { isActive, isAvailable, isReady, readySinceMs, sortForDeletion } from './pod-state.ts';
import { ReplicaSetType, ReplicationControllerType, type ReplicaOwner } from './types.ts';

const burstReplicas = 500;

/** What differs between the kinds. */
interface Family<Owner extends ReplicaOwner> {
  readonly type: ResourceType<Owner>;
  readonly name: string;
  readonly component: string;
  readonly selectorOf: (set: Owner) => LabelSelector;
}

export function createReplicaSetController(deps: ControllerDeps): Controller {
  return createReplicaController(deps, {
    type: ReplicaSetType,
    name: 'replicaset',
    component: 'replicaset-controller',
    selectorOf: (set) => set.spec.selector,
  });
}

export function createReplicationController(deps: ControllerDeps): Controller {
  return createReplicaController(deps, {
    type: ReplicationControllerType,
    name: 'replicationcontroller',
    component: 'replication-controller',
    selectorOf: (set) => ({ matchLabels: set.spec.selector ?? {} }),
  });
}

/** Source: Kubernetes pkg/controller/replicaset/replica_set.go. */
function createReplicaController<Owner extends ReplicaOwner>(deps: ControllerDeps, family: Family<Owner>): Controller {
  const { type, selectorOf } = family;
  const client = deps.clientFor(family.component);
  const informer = deps.informers.of(type);
  const pods = deps.informers.of(Pods);
  const expectations = new Expectations({ informer: pods, clock: deps.clock });
  const control = createPodControl({ client, recorder: deps.recorderFor(family.component) });

  async function reconcile(key: Key): Promise<Result> {
    const set = informer.get(key);
    if (set === undefined) return done();
    const uid = set.metadata.uid ?? '';
    const candidates = [...deps.podsByOwner.get(uid), ...orphans(key)];
    const claimed = await claimDependents({ client, type: Pods, owner: set, selector: selectorOf(set), candidates });
    const active = claimed.filter(isActive);
    let failure: unknown;
    if (!isDeleting(set) && expectations.met(uid)) {
      try {
        await scale({ set, active, control, expectations });
      } catch (error) {
        failure = error;
      }
    }
    await writeStatus(set, active, failure);
    if (failure !== undefined) throw failure;
    return untilAvailable(set, active);
  }

  function orphans(key: Key): Pod[] {
    const set = informer.get(key);
    if (set === undefined) return [];
    const selector = selectorOf(set);
    return pods
      .list()
      .filter((pod) => pod.metadata.namespace === key.namespace && controllerOf(pod) === undefined)
      .filter((pod) => isActive(pod) && matchesSelector(selector, pod.metadata.labels));
  }

  async function writeStatus(set: Owner, active: readonly Pod[], failure: unknown): Promise<void> {
    const status = replicaSetStatus(set, active, failure, deps.clock.nowMs());
    if (jsonEqual(status, set.status ?? {})) return;
    await client.updateStatus(type, { ...set, status });
  }

  function untilAvailable(set: Owner, active: readonly Pod[]): Result {
    const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000;
    const nowMs = deps.clock.nowMs();
    const waits = active
      .map((pod) => readySinceMs(pod))
      .filter((since) => since !== undefined)
      .map((since) => since + minReadyMs - nowMs)
      .filter((waitMs) => waitMs > 0);
    return waits.length === 0 ? done() : requeue({ afterMs: Math.min(...waits) });
  }

  const controller = createController({ name: family.name, clock: deps.clock, log: deps.log, reconcile });
  controller.watch(informer, (set) => [keyOf(set)]);
  controller.watch(pods, (pod) => ownersOf(pod, informer.list(), family));
  return controller;
}

/** The controlling owner, or for an orphan those that would adopt it. */
function ownersOf<Owner extends ReplicaOwner>(pod: Pod, sets: readonly Owner[], family: Family<Owner>): Key[] {
  const owner = controllerOf(pod);
  const { namespace } = pod.metadata;
  if (owner !== undefined) {
    return owner.kind === family.type.kind && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
  }
  return sets
    .filter(
      (set) => set.metadata.namespace === namespace && matchesSelector(family.selectorOf(set), pod.metadata.labels),
    )
    .map(keyOf);
}

async function scale(options: {
  set: ReplicaOwner;
  active: readonly Pod[];
  control: PodControl;
  expectations: Expectations;
}): Promise<void> {
  const { set, active, control, expectations } = options;
  const uid = set.metadata.uid ?? '';
  const difference = active.length - (set.spec.replicas ?? 1);
  if (difference < 0) {
    const template = set.spec.template;
    await slowStart(Math.min(-difference, burstReplicas), async () => {
      expectations.created(uid, await control.create(set, podFromTemplate({ owner: set, template })));
    });
    return;
  }
  for (const pod of sortForDeletion(active).slice(0, Math.min(difference, burstReplicas))) {
    await control.delete(set, pod);
    expectations.deleted(uid, pod);
  }
}

/** The status that `active` pods and the last write amount to. */
function replicaSetStatus(
  set: ReplicaOwner,
  active: readonly Pod[],
  failure: unknown,
  nowMs: number,
): NonNullable<ReplicaOwner['status']> {
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const templateLabels = set.spec.template.metadata?.labels ?? {};
  const count = (matches: (pod: Pod) => boolean): number => active.filter(matches).length;
  const labeled = count((pod) => matchesSelector({ matchLabels: templateLabels }, pod.metadata.labels));
  const ready = count(isReady);
  const available = count((pod) => isAvailable(pod, minReadySeconds, nowMs));
  const conditions = failureCondition(set, active, failure, nowMs);
  return {
    replicas: active.length,
    ...(labeled > 0 && { fullyLabeledReplicas: labeled }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  };
}

function failureCondition(set: ReplicaOwner, active: readonly Pod[], failure: unknown, nowMs: number): Condition[] {
  const conditions = set.status?.conditions ?? [];
  if (failure === undefined) return conditions.filter(({ type }) => type !== 'ReplicaFailure');
  // The first failure stays: the name of the pod in its message is another one each time, and the write would lead to the next attempt.
  if (findCondition(conditions, 'ReplicaFailure') !== undefined) return [...conditions];
  const reason = active.length < (set.spec.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete';
  const message = messageOf(failure);
  return setCondition(conditions, { type: 'ReplicaFailure', status: 'True', reason, message }, nowMs);
}
