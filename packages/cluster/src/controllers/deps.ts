/** What every controller of the cluster gets: one informer per kind, clients, time and a log. */

import type { KubeObject, Pod, ResourceType, Transport } from '@towpath/api';
import { Pods } from '@towpath/api';
import { Disposer, type Clock, type Logger, type Random } from '@towpath/kit';
import { Client, createInformer, createRecorder, type Informer, type Recorder } from '@towpath/runtime';
import { createIndex, type Index } from './index-by.ts';
import { controllerOf } from './ownership.ts';

/** The name Kubernetes' own controllers write under. */
const managerName = 'kube-controller-manager';

/** Shares one informer per kind among the controllers. */
class InformerPool {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #ends = new Disposer();
  #started = false;

  constructor(options: { client: Client; clock: Clock; log: Logger }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** The informer of a kind, made on first use; it starts with the pool. */
  of<Object extends KubeObject>(type: ResourceType<Object>): Informer<Object> {
    const name = nameOf(type);
    const known = this.#informers.get(name);
    // The map's key is the resource, and a resource has one object type.
    if (known !== undefined) return known as unknown as Informer<Object>;
    const made = createInformer({ client: this.#client, type, clock: this.#clock, log: this.#log });
    this.#informers.set(name, made as unknown as Informer<KubeObject>);
    this.#ends.own(made);
    if (this.#started) made.start();
    return made;
  }

  /** The informer of a kind if some controller asked for it. */
  known(type: ResourceType): Informer<KubeObject> | undefined {
    return this.#informers.get(nameOf(type));
  }

  start(): void {
    this.#started = true;
    for (const informer of this.#informers.values()) informer.start();
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced()));
  }

  dispose(): Promise<void> {
    return this.#ends.dispose();
  }
}

function nameOf(type: ResourceType): string {
  return `${type.group}/${type.version}/${type.plural}`;
}

export interface ControllerDeps {
  readonly informers: InformerPool;
  /** Pods by the uid of their controller. */
  readonly podsByOwner: Index<Pod>;
  readonly clientFor: (controller: string) => Client;
  readonly recorderFor: (controller: string) => Recorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
}

export interface DepsOptions {
  /** The API as seen by one controller; may return the same transport for all. */
  readonly transportFor: (controller: string) => Transport;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
}

export function createDeps(options: DepsOptions): ControllerDeps {
  const { clock, log, random } = options;
  const clientFor = (controller: string): Client =>
    new Client({
      transport: options.transportFor(controller),
      fieldManager: managerName,
      userAgent: `${managerName}/${controller}`,
    });
  const informers = new InformerPool({ client: clientFor('shared-informers'), clock, log });
  const podsByOwner = createIndex(informers.of(Pods), (pod) => {
    const owner = controllerOf(pod);
    return owner === undefined ? [] : [owner.uid];
  });
  return {
    informers,
    podsByOwner,
    clientFor,
    recorderFor: (component) => createRecorder({ client: clientFor(component), component, clock, log }),
    clock,
    log,
    random,
  };
}
