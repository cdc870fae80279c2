/** Watches Kustomizations, their sources and what they depend on, and reconciles one when something is news to it. */

import {
  ConfigMaps,
  isConditionTrue,
  keyOf,
  keyText,
  reconcileRequestAnnotation,
  Secrets,
  type Key,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { background, Disposer, type Clock, type Disposable, type Logger } from '@towpath/kit';
import {
  createController,
  createInformer,
  type Client,
  type Controller,
  type Informer,
  type InformerEvent,
} from '@towpath/runtime';
import { Kustomizations, sourceKeyOf, sourceTypes, type Kustomization, type Source } from './kinds.ts';
import { reconcile } from './reconcile.ts';
import { NewerRevision, type ReconcileDeps } from './run.ts';

export interface KustomizeControllerOptions extends Omit<ReconcileDeps, 'limit' | 'waitSignal'> {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** How many are built and applied at once. */
  readonly concurrency: number;
  /** Only these Kustomizations: how several controllers share the work. */
  readonly labelSelector?: string;
  /** Only this namespace; all when absent. */
  readonly namespace?: string;
}

/** Waiting for health costs a watch and no work, so many may wait while few are applied. */
const maxRunning = 1000;
/** ConfigMaps and Secrets with this label start a reconcile when they change. */
const watchLabel = 'reconcile.fluxcd.io/watch=Enabled';

/** Starts at once; ends with `dispose`. */
export function startKustomizeController(options: KustomizeControllerOptions): Disposable {
  const running = new RunningController(options);
  running.start();
  return running;
}

class RunningController implements Disposable {
  readonly #options: KustomizeControllerOptions;
  readonly #ends = new Disposer();
  readonly #controller: Controller;
  readonly #kustomizations: Informer<Kustomization>;
  readonly #waits = new Map<string, AbortController>();
  readonly #gate: Gate;

  constructor(options: KustomizeControllerOptions) {
    this.#options = options;
    this.#gate = new Gate(options.concurrency);
    const { client, clock, log, labelSelector, namespace } = options;
    this.#kustomizations = createInformer({ client, type: Kustomizations, clock, log, labelSelector, namespace });
    const deps: ReconcileDeps = {
      ...options,
      limit: (work) => this.#gate.run(work),
      waitSignal: (key) => this.#waitSignal(key),
    };
    this.#controller = createController({
      name: 'kustomization',
      clock,
      log,
      concurrency: maxRunning,
      reconcile: (key, signal) => {
        // From the first reading on: what changes while it is applied ends the wait that follows.
        this.#waits.set(keyText(key), new AbortController());
        return reconcile(key, deps, signal);
      },
    });
  }

  start(): void {
    this.#ends.own(this.#kustomizations);
    this.#kustomizations.onChange((event) => this.#onKustomization(event));
    this.#kustomizations.start();
    for (const [kind, type] of Object.entries(sourceTypes)) this.#watchSource(kind, type);
    this.#watchConfig('ConfigMap', ConfigMaps);
    this.#watchConfig('Secret', Secrets);
    this.#ends.own(this.#controller);
    this.#controller.start();
  }

  dispose(): Promise<void> {
    for (const wait of this.#waits.values()) wait.abort(new Error('stopped'));
    return this.#ends.dispose();
  }

  #waitSignal(key: Key): AbortSignal {
    const wait = this.#waits.get(keyText(key)) ?? new AbortController();
    this.#waits.set(keyText(key), wait);
    return wait.signal;
  }

  /** Runs a Kustomization soon; one that waits for health stops waiting. */
  #trigger(key: Key, by: string): void {
    this.#waits.get(keyText(key))?.abort(new NewerRevision(by));
    this.#controller.enqueue(key);
  }

  #onKustomization({ type, object, previous }: InformerEvent<Kustomization>): void {
    const key = keyOf(object);
    if (type === 'delete') this.#waits.delete(keyText(key));
    else if (previous === undefined) this.#controller.enqueue(key);
    else if (isAsked(previous, object)) this.#trigger(key, `Kustomization/${keyText(key)}`);
    if (type !== 'delete' && hasBecomeReady(previous, object)) this.#startDependents(key);
  }

  /** What depends on a Kustomization goes on the moment it is ready, not at the next poll. */
  #startDependents(key: Key): void {
    for (const other of this.#kustomizations.list()) {
      const { namespace } = other.metadata;
      const depends = (other.spec.dependsOn ?? []).some(
        (one) => one.name === key.name && (one.namespace ?? namespace) === key.namespace,
      );
      if (depends && !isReady(other)) this.#controller.enqueue(keyOf(other));
    }
  }

  #watchSource(kind: string, type: ResourceType<Source>): void {
    const { client, clock, log } = this.#options;
    const informer = this.#ends.own(createInformer({ client, type, clock, log }));
    informer.onChange(({ type: change, object, previous }) => {
      const revision = object.status?.artifact?.revision;
      if (change === 'delete' || revision === undefined || revision === previous?.status?.artifact?.revision) return;
      const name = keyText(keyOf(object));
      for (const one of this.#kustomizations.list()) {
        if (one.spec.sourceRef.kind !== kind || keyText(sourceKeyOf(one)) !== name) continue;
        const isKnown = one.status?.lastAttemptedRevision === revision && !isFailed(one);
        if (!isKnown) this.#trigger(keyOf(one), `${kind}/${name}`);
      }
    });
    informer.start();
  }

  #watchConfig<Object extends KubeObject>(kind: string, type: ResourceType<Object>): void {
    const { client, clock, log, namespace } = this.#options;
    const informer = this.#ends.own(
      createInformer({
        client,
        type,
        clock,
        log,
        labelSelector: watchLabel,
        ...(namespace !== undefined && { namespace }),
      }),
    );
    let isSynced = false;
    informer.onChange(({ object }) => {
      // Those known at the start are no news.
      if (!isSynced) return;
      for (const one of this.#kustomizations.list()) {
        if (one.metadata.namespace !== object.metadata.namespace) continue;
        const from = one.spec.postBuild?.substituteFrom ?? [];
        const isUsed = from.some((ref) => ref.kind === kind && ref.name === object.metadata.name);
        if (isUsed) this.#trigger(keyOf(one), `${kind}/${keyText(keyOf(object))}`);
      }
    });
    informer.start();
    const synced = informer.synced().then(() => {
      isSynced = true;
    });
    background('watch of configuration', synced, log);
  }
}

/** Changes of the object that ask for work: spec, a request, deletion. Its own status does not. */
function isAsked(before: Kustomization, now: Kustomization): boolean {
  const requested = (one: Kustomization): string | undefined => one.metadata.annotations?.[reconcileRequestAnnotation];
  return (
    before.metadata.generation !== now.metadata.generation ||
    before.metadata.deletionTimestamp !== now.metadata.deletionTimestamp ||
    requested(before) !== requested(now)
  );
}

function hasBecomeReady(before: Kustomization | undefined, now: Kustomization): boolean {
  if (!isReady(now)) return false;
  if (before === undefined || !isReady(before)) return true;
  return before.status?.lastAppliedRevision !== now.status?.lastAppliedRevision;
}

function isReady({ metadata, status }: Kustomization): boolean {
  return isConditionTrue(status?.conditions, 'Ready') && status?.observedGeneration === metadata.generation;
}

function isFailed({ status }: Kustomization): boolean {
  const isFalse = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'False');
  return isFalse === true;
}

/** Lets so many pieces of work run at once; the others wait in their order. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
