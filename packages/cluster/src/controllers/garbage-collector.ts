/** The garbage collector: what has lost its last owner goes; foreground and orphan deletions are carried out. */

import {
  CustomResourceDefinitions,
  type Key,
  type KubeObject,
  type OwnerReference,
  type ResourceType,
  type Transport,
} from '@towpath/api';
import { Disposer, messageOf, type Disposable } from '@towpath/kit';
import {
  Client,
  createController,
  deletableTypes,
  createInformer,
  done,
  isConflict,
  requeue,
  type Controller,
  type InformerEvent,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { GarbageGraph, type Entry } from './garbage-graph.ts';

const foregroundFinalizer = 'foregroundDeletion';
const orphanFinalizer = 'orphan';

/** Kinds without owners worth following: they are many, change often and expire by themselves. */
const ignoredPlurals = new Set(['events', 'leases', 'componentstatuses', 'bindings']);
/** New kinds are noticed at once through their definition; this is the safety net. */
const discoveryMs = 60_000;
/** Dependents of a foreground deletion are looked at again this often. */
const foregroundPollMs = 500;

/** Source: Kubernetes pkg/controller/garbagecollector, and API concepts, "Garbage collection". */
export function createGarbageCollector(deps: ControllerDeps): Controller {
  const client = deps.clientFor('generic-garbage-collector');
  const collector = new Collector(client);
  const controller = createController({
    name: 'garbage-collector',
    clock: deps.clock,
    log: deps.log,
    reconcile: (key) => collector.reconcile(key.name),
  });
  collector.enqueue = (uid) => controller.enqueue({ name: uid });
  const ends = new Disposer();
  const watcher = new KindWatcher(deps, client, collector, ends);
  return {
    enqueue: (key: Key, afterMs) => controller.enqueue(key, afterMs),
    watch: (informer, keysOf) => controller.watch(informer, keysOf),
    start() {
      controller.start();
      watcher.start();
    },
    idle: () => controller.idle(),
    async dispose() {
      await ends.dispose();
      await controller.dispose();
    },
  };
}

/** Follows every kind the server has, custom ones included, and keeps the graph. */
class KindWatcher {
  readonly #deps: ControllerDeps;
  readonly #client: Client;
  readonly #metadataClient: Client;
  readonly #collector: Collector;
  readonly #ends: Disposer;
  readonly #followed = new Map<string, Disposable>();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: ControllerDeps, client: Client, collector: Collector, ends: Disposer) {
    this.#deps = deps;
    this.#client = client;
    this.#metadataClient = new Client({ transport: metadataOnly(client.transport), fieldManager: client.fieldManager });
    this.#collector = collector;
    this.#ends = ends;
  }

  start(): void {
    this.#ends.add(async () => {
      this.#stopped = true;
      await this.#running;
      for (const followed of this.#followed.values()) await followed.dispose();
    });
    this.#ends.add(this.#deps.informers.of(CustomResourceDefinitions).onChange(() => this.#refresh()));
    this.#refresh();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stopped) return;
    const timer = this.#deps.clock.startTimer(discoveryMs, () => {
      this.#refresh();
      this.#schedule();
    });
    this.#ends.add(() => timer.cancel());
  }

  #refresh(): void {
    this.#running = this.#running
      .then(() => this.#followAll())
      .catch((error: unknown) => {
        this.#deps.log.debug('kinds not discovered', { error: messageOf(error) });
      });
  }

  async #followAll(): Promise<void> {
    if (this.#stopped) return;
    const types = (await deletableTypes(this.#client)).filter(({ plural }) => !ignoredPlurals.has(plural));
    const names = new Set(types.map(nameOf));
    for (const [name, followed] of this.#followed) {
      if (names.has(name)) continue;
      this.#followed.delete(name);
      await followed.dispose();
    }
    for (const type of types) {
      if (this.#stopped || this.#followed.has(nameOf(type))) continue;
      this.#followed.set(nameOf(type), this.#follow(type));
    }
  }

  /** Shares the informer of a kind the controllers follow anyway; of others only the metadata is kept. */
  #follow(type: ResourceType): Disposable {
    const { clock, log, informers } = this.#deps;
    const observe = (event: InformerEvent<KubeObject>): void => this.#collector.observe(type, event);
    const shared = informers.known(type);
    if (shared !== undefined) return { dispose: shared.onChange(observe) };
    const informer = createInformer({ client: this.#metadataClient, type, clock, log });
    informer.onChange(observe);
    informer.start();
    return informer;
  }
}

/** Adds the content type of metadata alone to every list and watch; servers without it answer with whole objects. */
function metadataOnly(transport: Transport): Transport {
  return {
    request(request) {
      const as = request.query?.['watch'] === 'true' ? 'PartialObjectMetadata' : 'PartialObjectMetadataList';
      const accept = `application/json;as=${as};g=meta.k8s.io;v=v1,application/json`;
      return transport.request({ ...request, headers: { ...request.headers, accept } });
    },
  };
}

function nameOf(type: ResourceType): string {
  return `${type.group}/${type.version}/${type.plural}`;
}

class Collector {
  readonly #client: Client;
  readonly #graph = new GarbageGraph();
  enqueue: (uid: string) => void = () => {};

  constructor(client: Client) {
    this.#client = client;
  }

  /** Takes a change into the graph and queues what it may concern. */
  observe(type: ResourceType, event: InformerEvent<KubeObject>): void {
    const { metadata } = event.object;
    const uid = metadata.uid ?? '';
    const previous = event.previous?.metadata.uid;
    if (previous !== undefined && previous !== uid) this.#forget(previous);
    if (event.type === 'delete') {
      this.#forget(uid);
      return;
    }
    this.#graph.set({
      uid,
      type,
      namespace: metadata.namespace,
      name: metadata.name,
      owners: metadata.ownerReferences ?? [],
      finalizers: metadata.finalizers ?? [],
      isDeleting: metadata.deletionTimestamp !== undefined,
    });
    if ((metadata.ownerReferences ?? []).length > 0 || metadata.deletionTimestamp !== undefined) this.enqueue(uid);
  }

  #forget(uid: string): void {
    const entry = this.#graph.get(uid);
    this.#graph.remove(uid);
    for (const dependent of this.#graph.dependentsOf(uid)) this.enqueue(dependent.uid);
    // An owner that waits for its dependents may be able to go now.
    for (const owner of entry?.owners ?? []) this.enqueue(owner.uid);
  }

  async reconcile(uid: string): Promise<Result> {
    const entry = this.#graph.get(uid);
    if (entry === undefined) return done();
    if (entry.isDeleting && entry.finalizers.includes(orphanFinalizer)) return this.#orphan(entry);
    if (entry.isDeleting && entry.finalizers.includes(foregroundFinalizer)) return this.#deleteForeground(entry);
    if (entry.isDeleting || entry.owners.length === 0) return done();
    return this.#collect(entry);
  }

  /** Deletes an object whose owners are all gone or wait for it; drops references to owners that are gone. */
  async #collect(entry: Entry): Promise<Result> {
    const solid: OwnerReference[] = [];
    const waiting: OwnerReference[] = [];
    const gone: OwnerReference[] = [];
    for (const owner of entry.owners) {
      const state = await this.#stateOf(entry, owner);
      (state === 'present' ? solid : state === 'waiting' ? waiting : gone).push(owner);
    }
    if (solid.length > 0) {
      if (gone.length + waiting.length > 0) await this.#writeOwners(entry, solid);
      return done();
    }
    const dependents = this.#graph.dependentsOf(entry.uid);
    const hasDependents = dependents.length > 0;
    // A dependent that is being deleted in the foreground may wait for this very object: a circle, opened here.
    if (waiting.length > 0 && dependents.some(isWaitingForDependents)) await this.#unblock(entry);
    const isForeground = entry.finalizers.includes(foregroundFinalizer) || (waiting.length > 0 && hasDependents);
    const isOrphan = entry.finalizers.includes(orphanFinalizer);
    const propagationPolicy = isOrphan ? 'Orphan' : isForeground ? 'Foreground' : 'Background';
    await this.#delete(entry, propagationPolicy);
    return done();
  }

  async #stateOf(entry: Entry, owner: OwnerReference): Promise<'present' | 'waiting' | 'gone'> {
    const known = this.#graph.get(owner.uid);
    if (known !== undefined) {
      return isWaitingForDependents(known) ? 'waiting' : 'present';
    }
    // Not in the picture: it may be of a kind just added, so the server has the last word.
    const type = await this.#client.resourceFor(owner);
    if (type === undefined) return 'present';
    const namespace = type.namespaced ? entry.namespace : undefined;
    const live = await this.#client.get(type, { name: owner.name, ...(namespace !== undefined && { namespace }) });
    return live?.metadata.uid === owner.uid ? 'present' : 'gone';
  }

  /** Dependents first; those that do not block are deleted too, but not waited for. */
  async #deleteForeground(entry: Entry): Promise<Result> {
    const dependents = this.#graph.dependentsOf(entry.uid);
    for (const dependent of dependents) if (!dependent.isDeleting) this.enqueue(dependent.uid);
    const blocking = dependents.filter((dependent) => {
      return dependent.owners.some((owner) => owner.uid === entry.uid && owner.blockOwnerDeletion === true);
    });
    if (blocking.length > 0) return requeue({ afterMs: foregroundPollMs });
    return this.#dropFinalizer(entry, foregroundFinalizer);
  }

  async #orphan(entry: Entry): Promise<Result> {
    for (const dependent of this.#graph.dependentsOf(entry.uid)) {
      await this.#writeOwners(
        dependent,
        dependent.owners.filter((owner) => owner.uid !== entry.uid),
      );
    }
    return this.#dropFinalizer(entry, orphanFinalizer);
  }

  async #unblock(entry: Entry): Promise<void> {
    if (!entry.owners.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true)) return;
    await this.#writeOwners(
      entry,
      entry.owners.map((owner) => ({ ...owner, blockOwnerDeletion: false })),
    );
  }

  async #writeOwners(entry: Entry, ownerReferences: readonly OwnerReference[]): Promise<void> {
    const body = { metadata: { uid: entry.uid, ownerReferences } };
    await this.#ignoreGone(this.#client.patch(entry.type, keyOfEntry(entry), body, { kind: 'merge' }));
  }

  async #dropFinalizer(entry: Entry, finalizer: string): Promise<Result> {
    const live = await this.#client.get(entry.type, keyOfEntry(entry));
    if (live === undefined || live.metadata.uid !== entry.uid) return done();
    const finalizers = (live.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    const { resourceVersion } = live.metadata;
    const body = { metadata: { finalizers, ...(resourceVersion !== undefined && { resourceVersion }) } };
    await this.#client.patch(entry.type, keyOfEntry(entry), body, { kind: 'merge' });
    return done();
  }

  #delete(entry: Entry, propagationPolicy: 'Orphan' | 'Foreground' | 'Background'): Promise<void> {
    const options = { propagationPolicy, uid: entry.uid } as const;
    return this.#ignoreGone(this.#client.delete(entry.type, keyOfEntry(entry), options));
  }

  /** A conflict on the uid means that another object has the name now. */
  async #ignoreGone(write: Promise<unknown>): Promise<void> {
    try {
      await write;
    } catch (error) {
      const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 0;
      if (!isConflict(error) && status !== 404) throw error;
    }
  }
}

function isWaitingForDependents({ isDeleting, finalizers }: Entry): boolean {
  return isDeleting && finalizers.includes(foregroundFinalizer);
}

function keyOfEntry(entry: Entry): Key {
  return entry.namespace === undefined ? { name: entry.name } : { namespace: entry.namespace, name: entry.name };
}
