/** Deployments: brings up a ReplicaSet of the current template and takes the old ones down. */

import {
  Deployments,
  findCondition,
  keyOf,
  matchesSelector,
  Pods,
  type Condition,
  type Deployment,
  type Key,
  type Pod,
} from '@towpath/api';
import { jsonEqual, messageOf } from '@towpath/kit';
import {
  createController,
  done,
  isAlreadyExists,
  requeue,
  type Client,
  type Controller,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from '../deps.ts';
import { createIndex, type Index } from '../index-by.ts';
import { claimDependents, controllerOf, isControlledBy, isDeleting } from '../ownership.ts';
import { isFinished } from '../pod-state.ts';
import { sameTemplate } from '../template-hash.ts';
import { ReplicaSetType, type ReplicaSet } from '../types.ts';
import {
  desiredReplicasAnnotation,
  newSetReplicas,
  replicasOf,
  scaleSets,
  shrinkOld,
  strategyOf,
  type Resize,
} from './numbers.ts';
import {
  newestAnnotations,
  newReplicaSet,
  nextRevision,
  revisionAnnotation,
  sizeAnnotations,
  splitSets,
  surplusSets,
  type Split,
} from './revisions.ts';
import {
  condition,
  countStatus,
  hasTimedOut,
  isComplete,
  progressDeadlineSeconds,
  rolloutStatus,
  updateCondition,
  type DeploymentStatus,
} from './status.ts';

/** Source: Kubernetes pkg/controller/deployment. */
export function createDeploymentController(deps: ControllerDeps): Controller {
  const informer = deps.informers.of(Deployments);
  const sets = deps.informers.of(ReplicaSetType);
  const worker = new DeploymentWorker(deps);
  const controller = createController({
    name: 'deployment',
    clock: deps.clock,
    log: deps.log,
    reconcile: (key) => worker.reconcile(key),
  });
  controller.watch(informer, (deployment) => [keyOf(deployment)]);
  controller.watch(sets, (set) => {
    const owner = controllerOf(set);
    const { namespace } = set.metadata;
    if (owner?.kind === 'Deployment' && namespace !== undefined) return [{ namespace, name: owner.name }];
    if (owner !== undefined) return [];
    return informer
      .list()
      .filter((deployment) => deployment.metadata.namespace === namespace)
      .filter((deployment) => matchesSelector(deployment.spec.selector, set.metadata.labels))
      .map(keyOf);
  });
  worker.watchLastPods((key) => controller.enqueue(key));
  return controller;
}

interface Work extends Split {
  readonly deployment: Deployment;
  readonly sets: readonly ReplicaSet[];
}

class DeploymentWorker {
  readonly #deps: ControllerDeps;
  readonly #client: Client;
  readonly #recorder: Recorder;
  readonly #setsByNamespace: Index<ReplicaSet>;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#client = deps.clientFor('deployment-controller');
    this.#recorder = deps.recorderFor('deployment-controller');
    this.#setsByNamespace = createIndex(deps.informers.of(ReplicaSetType), ({ metadata }) => [
      metadata.namespace ?? '',
    ]);
  }

  /** A Recreate rollout waits until the last old pod is gone. */
  watchLastPods(enqueue: (key: Key) => void): void {
    const { informers } = this.#deps;
    const deployments = informers.of(Deployments);
    informers.of(Pods).onChange((event) => {
      if (event.type !== 'delete' && !isFinished(event.object)) return;
      const owner = controllerOf(event.object);
      const namespace = event.object.metadata.namespace ?? '';
      if (owner?.kind !== 'ReplicaSet') return;
      const set = this.#setsByNamespace.get(namespace).find(({ metadata }) => metadata.uid === owner.uid);
      const name = set === undefined ? undefined : controllerOf(set)?.name;
      if (name === undefined) return;
      const deployment = deployments.get({ namespace, name });
      if (deployment !== undefined && strategyOf(deployment).type === 'Recreate') enqueue({ namespace, name });
    });
  }

  async reconcile(key: Key): Promise<Result> {
    const deployment = this.#deps.informers.of(Deployments).get(key);
    if (deployment === undefined) return done();
    const candidates = this.#setsByNamespace
      .get(key.namespace ?? '')
      .filter((set) => controllerOf(set) === undefined || isControlledBy(set, deployment));
    const { selector } = deployment.spec;
    const claim = { client: this.#client, type: ReplicaSetType, owner: deployment, selector, candidates };
    const sets = await claimDependents(claim);
    const work: Work = { deployment, sets, ...splitSets(deployment, sets) };
    if (isDeleting(deployment))
      return this.#writeStatus(work, countStatus(deployment, sets, work.newest, this.#nowMs()));
    const conditions = pauseConditions(deployment, this.#nowMs());
    if (conditions !== undefined) {
      await this.#update(deployment, { ...deployment.status, conditions });
      return done();
    }
    if (deployment.spec['paused'] === true || wasScaled(deployment, sets)) return this.#resizeOnly(work);
    return strategyOf(deployment).type === 'Recreate' ? this.#recreate(work) : this.#roll(work);
  }

  #nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  /** Paused, or the Deployment's own size changed: no new ReplicaSet in this round. */
  async #resizeOnly(work: Work): Promise<Result> {
    const { deployment, newest, old } = work;
    const changes = scaleSets(deployment, newest, old);
    for (const change of changes) await this.#resize(deployment, change);
    const untouched = work.sets.filter((set) => !changes.some((change) => change.set === set));
    // Every set must know the new size, or the next round would again take it for a scaling event.
    for (const set of untouched) if (replicasOf(set) > 0) await this.#annotateSize(deployment, set);
    if (deployment.spec['paused'] === true) await this.#cleanUp(work);
    return this.#writeStatus(work, countStatus(deployment, work.sets, newest, this.#nowMs()));
  }

  async #roll(before: Work): Promise<Result> {
    const work = await this.#ensureNewest(before);
    if (work === undefined) return done();
    const { deployment, newest, old } = work;
    if (newest !== undefined) {
      const replicas = newSetReplicas(deployment, work.sets, replicasOf(newest));
      if (await this.#resize(deployment, { set: newest, replicas })) return this.#finishRound(work);
    }
    const shrinking = shrinkOld(deployment, old, newest);
    for (const change of shrinking) await this.#resize(deployment, change);
    if (shrinking.length === 0 && isComplete(deployment, deployment.status ?? {})) await this.#cleanUp(work);
    return this.#finishRound(work);
  }

  async #recreate(before: Work): Promise<Result> {
    const { deployment, old } = before;
    const running = old.filter((set) => replicasOf(set) > 0);
    for (const set of running) await this.#resize(deployment, { set, replicas: 0 });
    if (running.length > 0 || this.#hasRunningPods(old)) return this.#finishRound(before);
    const work = await this.#ensureNewest(before);
    if (work === undefined) return done();
    if (work.newest !== undefined) {
      await this.#resize(deployment, { set: work.newest, replicas: replicasOf(deployment) });
    }
    if (isComplete(deployment, deployment.status ?? {})) await this.#cleanUp(work);
    return this.#finishRound(work);
  }

  #hasRunningPods(old: readonly ReplicaSet[]): boolean {
    const pods = old.flatMap((set): Pod[] => this.#deps.podsByOwner.get(set.metadata.uid ?? ''));
    return pods.some((pod) => !isFinished(pod));
  }

  #finishRound(work: Work): Promise<Result> {
    return this.#writeStatus(work, rolloutStatus(work.deployment, work.sets, work.newest, this.#nowMs()));
  }

  /** Makes or refreshes the ReplicaSet of the current template. Undefined: come back when the watch shows it. */
  async #ensureNewest(work: Work): Promise<Work | undefined> {
    const { deployment, newest, old } = work;
    const revision = nextRevision(old);
    if (newest === undefined) {
      await this.#createNewest(work, revision);
      return undefined;
    }
    const existing = newest.metadata.annotations ?? {};
    const annotations = newestAnnotations(deployment, existing, revision);
    let current = newest;
    if (!jsonEqual(annotations, existing)) {
      current = await this.#client.patch(
        ReplicaSetType,
        keyOf(newest),
        { metadata: { annotations } },
        { kind: 'merge' },
      );
    }
    await this.#numberDeployment(deployment, annotations[revisionAnnotation]);
    if (findCondition(deployment.status?.conditions, 'Progressing') === undefined && hasDeadline(deployment)) {
      const message = `Found new replica set "${newest.metadata.name}"`;
      await this.#setProgress(deployment, condition('Progressing', 'True', 'FoundNewReplicaSet', message));
      return undefined;
    }
    const sets = work.sets.map((set) => (set === newest ? current : set));
    return { ...work, newest: current, sets };
  }

  async #createNewest(work: Work, revision: number): Promise<void> {
    const { deployment, sets } = work;
    const collisionCount = Number(deployment.status?.['collisionCount'] ?? 0);
    const replicas = newSetReplicas(deployment, sets, 0);
    const wanted = newReplicaSet({ deployment, replicas, revision, collisionCount });
    try {
      await this.#client.create(ReplicaSetType, wanted);
    } catch (error) {
      if (!isAlreadyExists(error)) return this.#reportCreateFailure(deployment, wanted, error);
      return this.#resolveCollision(deployment, wanted, collisionCount);
    }
    await this.#numberDeployment(deployment, String(revision));
    if (replicas > 0) this.#scaledEvent(deployment, wanted.metadata.name, 0, replicas);
    const message = `Created new replica set "${wanted.metadata.name}"`;
    if (hasDeadline(deployment)) {
      await this.#setProgress(deployment, condition('Progressing', 'True', 'NewReplicaSetCreated', message));
    }
  }

  async #reportCreateFailure(deployment: Deployment, wanted: ReplicaSet, error: unknown): Promise<void> {
    const message = `Failed to create new replica set "${wanted.metadata.name}": ${messageOf(error)}`;
    void this.#recorder.event(deployment, { type: 'Warning', reason: 'ReplicaSetCreateError', message });
    if (hasDeadline(deployment)) {
      await this.#setProgress(deployment, condition('Progressing', 'False', 'ReplicaSetCreateError', message));
    }
    throw error;
  }

  /** The name is taken: by our own set that the watch has not shown yet, or by another template of the same hash. */
  async #resolveCollision(deployment: Deployment, wanted: ReplicaSet, collisionCount: number): Promise<void> {
    const live = await this.#client.get(ReplicaSetType, keyOf(wanted));
    if (live === undefined) return;
    if (isControlledBy(live, deployment) && sameTemplate(live.spec.template, wanted.spec.template)) return;
    await this.#update(deployment, { ...deployment.status, collisionCount: collisionCount + 1 });
  }

  async #numberDeployment(deployment: Deployment, revision: string | undefined): Promise<void> {
    if (revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === revision) return;
    const annotations = { [revisionAnnotation]: revision };
    await this.#client.patch(Deployments, keyOf(deployment), { metadata: { annotations } }, { kind: 'merge' });
  }

  async #setProgress(deployment: Deployment, next: Condition): Promise<void> {
    const conditions = updateCondition(deployment.status?.conditions ?? [], next, this.#nowMs());
    const live = await this.#client.get(Deployments, keyOf(deployment));
    if (live === undefined) return;
    // Only the condition: the spec has not been acted on yet, so observedGeneration stays behind.
    await this.#update(live, { ...live.status, conditions });
  }

  /** True when the size was changed. */
  async #resize(deployment: Deployment, change: Resize): Promise<boolean> {
    const { set, replicas } = change;
    const from = replicasOf(set);
    if (from === replicas) return false;
    const annotations = sizeAnnotations(deployment);
    // The resourceVersion makes the write fail when somebody else resized the set meanwhile.
    const { resourceVersion } = set.metadata;
    const body = {
      metadata: { annotations, ...(resourceVersion !== undefined && { resourceVersion }) },
      spec: { replicas },
    };
    await this.#client.patch(ReplicaSetType, keyOf(set), body, { kind: 'merge' });
    this.#scaledEvent(deployment, set.metadata.name, from, replicas);
    return true;
  }

  async #annotateSize(deployment: Deployment, set: ReplicaSet): Promise<void> {
    const annotations = sizeAnnotations(deployment);
    const known = set.metadata.annotations ?? {};
    if (Object.entries(annotations).every(([name, value]) => known[name] === value)) return;
    await this.#client.patch(ReplicaSetType, keyOf(set), { metadata: { annotations } }, { kind: 'merge' });
  }

  #scaledEvent(deployment: Deployment, name: string, from: number, to: number): void {
    const direction = to > from ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`;
    void this.#recorder.event(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message });
  }

  async #cleanUp(work: Work): Promise<void> {
    for (const set of surplusSets(work.deployment, work.old)) {
      await this.#client.delete(ReplicaSetType, keyOf(set), { propagationPolicy: 'Background' });
    }
  }

  async #writeStatus(work: Work, status: DeploymentStatus): Promise<Result> {
    const { deployment } = work;
    if (!jsonEqual(status, deployment.status ?? {})) await this.#update(deployment, status);
    return this.#untilDeadline(deployment, status);
  }

  async #update(deployment: Deployment, status: DeploymentStatus): Promise<void> {
    await this.#client.updateStatus(Deployments, { ...deployment, status });
  }

  /** A rollout that is stuck must be looked at again when its deadline passes. */
  #untilDeadline(deployment: Deployment, status: DeploymentStatus): Result {
    const deadline = progressDeadlineSeconds(deployment);
    const current = findCondition(status.conditions, 'Progressing');
    if (deadline === undefined || current === undefined || isComplete(deployment, status)) return done();
    if (current.reason === 'NewReplicaSetAvailable' || hasTimedOut(current, deadline, this.#nowMs())) return done();
    const untilMs = Date.parse(current.lastUpdateTime ?? '') + deadline * 1000 - this.#nowMs();
    return requeue({ afterMs: Math.max(0, untilMs) + 1000 });
  }
}

function hasDeadline(deployment: Deployment): boolean {
  return progressDeadlineSeconds(deployment) !== undefined;
}

/** True when the Deployment's size differs from the one its active sets were planned for. */
function wasScaled(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets
    .filter((set) => replicasOf(set) > 0)
    .map((set) => set.metadata.annotations?.[desiredReplicasAnnotation])
    .some((planned) => planned !== undefined && Number(planned) !== replicasOf(deployment));
}

/** The conditions after pausing or resuming; undefined when neither just happened. */
function pauseConditions(deployment: Deployment, nowMs: number): Condition[] | undefined {
  if (!hasDeadline(deployment)) return undefined;
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return undefined;
  const paused = deployment.spec['paused'] === true;
  const conditions = deployment.status?.conditions ?? [];
  if (paused && current?.reason !== 'DeploymentPaused') {
    const next = condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused');
    return updateCondition(conditions, next, nowMs);
  }
  if (!paused && current?.reason === 'DeploymentPaused') {
    const next = condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed');
    return updateCondition(conditions, next, nowMs);
  }
  return undefined;
}
