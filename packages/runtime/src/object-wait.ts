/** Waits for a set of objects to be in a state, by watches: what health checks and staged applies stand on. */

import { matchesSelector, Pods, type AnyObject, type Key, type LabelSelector, type ResourceType } from '@towpath/api';
import { background, Disposer, getIn, isRecord, messageOf, silentLogger, type Clock, type Logger } from '@towpath/kit';
import type { Client } from './client.ts';
import { createInformer, type Informer } from './informer.ts';
import { isFailedForGood, objectStatus, type ObjectState, type ObjectStatus } from './kstatus.ts';

/** One object to wait for; `namespace` is absent for cluster-scoped kinds. */
export interface ObjectTarget extends Key {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface WaitForObjectsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log?: Logger;
  readonly targets: readonly ObjectTarget[];
  readonly timeoutMs: number;
  /** `Current` (the default) or `NotFound`: until all are gone. */
  readonly until?: 'Current' | 'NotFound';
  /** Ends with the first failed object instead of waiting for the others; default true, as Flux has it. */
  readonly failFast?: boolean;
  /** Jobs that remove themselves: gone is done. By `targetText`. */
  readonly selfRemoving?: ReadonlySet<string>;
  /** Ends the wait with a rejection: something newer is to be done. */
  readonly signal?: AbortSignal;
  /** Replaces the rules of kstatus for some objects; undefined leaves it to them. */
  readonly statusOf?: (object: AnyObject, nowMs: number) => ObjectStatus | undefined;
}

export interface WaitForObjectsOutcome {
  readonly type: 'reached' | 'failed' | 'timeout';
  /** Of every target, in their order; undefined where the server never answered. */
  readonly statuses: readonly (ObjectStatus | undefined)[];
  /** Empty when reached; otherwise the sentence of Flux, e.g. `timeout waiting for: [Deployment/ns/web status: 'InProgress']`. */
  readonly message: string;
}

/** What depends on time alone (a pod that cannot be scheduled, pods of a StatefulSet) is looked at this often. */
const recheckMs = 5_000;
/** From this many objects of one kind and namespace on, one watch of all of them costs less than one for each. */
const watchAllFrom = 6;

/** `Kind/namespace/name`, as Flux writes objects in messages. */
export function targetText(target: Pick<ObjectTarget, 'kind' | 'namespace' | 'name'>): string {
  return [target.kind, ...(target.namespace === undefined ? [] : [target.namespace]), target.name].join('/');
}

/**
 * Resolves when all are in the wanted state, when one failed, or when the time is over. A kind the server does not
 * serve counts as NotFound until it does.
 */
export async function waitForObjects(options: WaitForObjectsOptions): Promise<WaitForObjectsOutcome> {
  if (options.targets.length === 0) return { type: 'reached', statuses: [], message: '' };
  options.signal?.throwIfAborted();
  const ends = new Disposer();
  try {
    return await new ObjectWait(options, ends).run();
  } finally {
    await ends.dispose();
  }
}

interface Watched {
  readonly target: ObjectTarget;
  informer: Informer<AnyObject> | undefined;
  /** Of the object on the server: without a namespace for cluster-scoped kinds. */
  key: Key;
  isSynced: boolean;
  /** Pods of an unfinished StatefulSet or ReplicaSet that failed for good. */
  failedPods: number;
}

class ObjectWait {
  readonly #options: WaitForObjectsOptions;
  readonly #ends: Disposer;
  readonly #watched: Watched[];
  #wake: () => void = () => {};

  constructor(options: WaitForObjectsOptions, ends: Disposer) {
    this.#options = options;
    this.#ends = ends;
    this.#watched = options.targets.map((target) => ({
      target,
      informer: undefined,
      key: keyOfTarget(target, true),
      isSynced: false,
      failedPods: 0,
    }));
  }

  async run(): Promise<WaitForObjectsOutcome> {
    const { clock, timeoutMs, signal } = this.#options;
    let isOver = false;
    const timer = clock.startTimer(timeoutMs, () => {
      isOver = true;
      this.#wake();
    });
    this.#ends.add(() => timer.cancel());
    const abort = (): void => this.#wake();
    signal?.addEventListener('abort', abort, { once: true });
    this.#ends.add(() => signal?.removeEventListener('abort', abort));
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const recheck = clock.startTimer(recheckMs, () => this.#wake());
      await this.#startWatches();
      signal?.throwIfAborted();
      const outcome = this.#outcome(isOver);
      if (outcome !== undefined) {
        recheck.cancel();
        return outcome;
      }
      await this.#lookAtPods();
      await changed;
      recheck.cancel();
    }
  }

  /** Starts what is not watched yet; kinds that are not served are asked for again at the next turn. */
  async #startWatches(): Promise<void> {
    const groups = new Map<string, Watched[]>();
    for (const watched of this.#watched) {
      if (watched.informer !== undefined) continue;
      const { apiVersion, kind, namespace = '' } = watched.target;
      const name = `${apiVersion}|${kind}|${namespace}`;
      groups.set(name, [...(groups.get(name) ?? []), watched]);
    }
    await Promise.all([...groups.values()].map((group) => this.#startGroup(group)));
  }

  async #startGroup(group: readonly Watched[]): Promise<void> {
    const { client, clock, log } = this.#options;
    const first = group[0]?.target;
    if (first === undefined) return;
    let type;
    try {
      type = await client.resourceFor(first);
    } catch (error) {
      (log ?? silentLogger).debug('discovery failed while waiting', { error: messageOf(error) });
      return;
    }
    if (type === undefined) {
      for (const watched of group) watched.isSynced = true;
      return;
    }
    const namespace = type.namespaced ? first.namespace : undefined;
    const sets = group.length >= watchAllFrom ? [group] : group.map((watched) => [watched]);
    for (const set of sets) {
      const only = set.length === 1 ? `metadata.name=${set[0]?.target.name ?? ''}` : undefined;
      const informer = this.#ends.own(
        createInformer<AnyObject>({
          client,
          type: type as ResourceType<AnyObject>,
          clock,
          log: log ?? silentLogger,
          ...(namespace !== undefined && { namespace }),
          ...(only !== undefined && { fieldSelector: only }),
        }),
      );
      const names = new Set(set.map(({ target }) => target.name));
      informer.onChange(({ object }) => {
        if (names.has(object.metadata.name)) this.#wake();
      });
      informer.start();
      for (const watched of set) {
        watched.informer = informer;
        watched.key = keyOfTarget(watched.target, type.namespaced);
        watched.isSynced = false;
      }
      const synced = informer.synced().then(() => {
        for (const watched of set) watched.isSynced = true;
        this.#wake();
      });
      background('sync of waited objects', synced, log ?? silentLogger);
    }
  }

  #outcome(isOver: boolean): WaitForObjectsOutcome | undefined {
    const { until = 'Current', failFast = true, targets } = this.#options;
    const statuses = this.#watched.map((watched) => this.#statusOf(watched));
    const states = statuses.map((status, index) => this.#stateOf(status, targets[index]));
    if (states.every((state) => state === until)) return { type: 'reached', statuses, message: '' };
    const isSettled = states.every((state) => state === 'Failed' || state === 'Current');
    const hasFailed = states.includes('Failed') && (failFast || isSettled);
    if (until === 'NotFound' ? !isOver : !isOver && !hasFailed) return undefined;
    const bad = (state: ObjectState | undefined): boolean => (isOver ? state !== until : state === 'Failed');
    const texts = targets.flatMap((target, index) => {
      const state = states[index];
      if (!bad(state)) return [];
      if (state === undefined) return [`can't determine status for ${targetText(target)}`];
      return [`${targetText(target)} status: '${state}'`];
    });
    const what = isOver ? 'timeout waiting for' : 'failed early due to stalled resources';
    return { type: isOver ? 'timeout' : 'failed', statuses, message: `${what}: [${texts.join(', ')}]` };
  }

  #stateOf(status: ObjectStatus | undefined, target: ObjectTarget | undefined): ObjectState | undefined {
    const { selfRemoving, until = 'Current' } = this.#options;
    if (until === 'NotFound' || status?.state !== 'NotFound' || target === undefined) return status?.state;
    return selfRemoving?.has(targetText(target)) === true ? 'Current' : 'NotFound';
  }

  #statusOf(watched: Watched): ObjectStatus | undefined {
    if (!watched.isSynced) return undefined;
    const nowMs = this.#options.clock.nowMs();
    const object = liveObject(watched);
    const own = object === undefined ? undefined : this.#options.statusOf?.(object, nowMs);
    const status = own ?? objectStatus(object, nowMs);
    if (status.state !== 'InProgress' || watched.failedPods === 0) return status;
    return { state: 'Failed', reason: '', message: `${watched.failedPods} pods have failed` };
  }

  /** A StatefulSet or ReplicaSet whose pods cannot start has failed, though its own status says in progress. */
  async #lookAtPods(): Promise<void> {
    const { client, clock, log } = this.#options;
    for (const watched of this.#watched) {
      const object = liveObject(watched);
      if (object === undefined || !ownsPods(object)) continue;
      if (objectStatus(object, clock.nowMs()).state !== 'InProgress') {
        watched.failedPods = 0;
        continue;
      }
      try {
        const selector = getIn(object, ['spec', 'selector']);
        const { items } = await client.list(Pods, { namespace: object.metadata.namespace });
        const failed = items.filter(
          (pod) =>
            isRecord(selector) &&
            matchesSelector(selector as LabelSelector, pod.metadata.labels) &&
            isFailedForGood(pod, clock.nowMs()),
        );
        if (failed.length !== watched.failedPods) this.#wake();
        watched.failedPods = failed.length;
      } catch (error) {
        (log ?? silentLogger).debug('pods not read while waiting', { error: messageOf(error) });
      }
    }
  }
}

function liveObject({ informer, key }: Watched): AnyObject | undefined {
  return informer?.get(key);
}

function keyOfTarget({ namespace, name }: ObjectTarget, isNamespaced: boolean): Key {
  return isNamespaced && namespace !== undefined ? { namespace, name } : { name };
}

function ownsPods({ kind, apiVersion }: AnyObject): boolean {
  return apiVersion.startsWith('apps/') && (kind === 'StatefulSet' || kind === 'ReplicaSet');
}
