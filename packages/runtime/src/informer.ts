/** An informer: a local, ordered view of one resource, kept by list and watch. */

import { keyOf, keyText, type Key, type KubeObject, type ResourceType } from '@towpath/api';
import { backoffMs, isAbort, messageOf, type Clock, type Disposable, type Logger } from '@towpath/kit';
import { isExpired, isNotFound } from './api-error.ts';
import type { Client } from './client.ts';

export interface InformerEvent<Object extends KubeObject> {
  readonly type: 'add' | 'update' | 'delete';
  readonly object: Object;
  /** The object before; absent for `add`. */
  readonly previous?: Object;
}

export type InformerHandler<Object extends KubeObject> = (event: InformerEvent<Object>) => void;

export interface InformerOptions<Object extends KubeObject> {
  readonly client: Client;
  readonly type: ResourceType<Object>;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Informer<Object extends KubeObject> extends Disposable {
  start(): void;
  /** Resolves after the first list was delivered. A kind that is not served (yet) counts as empty. */
  synced(): Promise<void>;
  get(key: Key): Object | undefined;
  list(): Object[];
  /** Objects already known are delivered as `add` at once. Returns the end of the subscription. */
  onChange(handler: InformerHandler<Object>): () => void;
}

const retry = { firstMs: 200, maxMs: 15_000 } as const;
/** How often a kind that the server does not serve is asked for again. */
const absentKindRetryMs = 2_000;

/** Lists, then watches; a broken watch resumes from its resourceVersion, an expired one lists again. */
export function createInformer<Object extends KubeObject>(options: InformerOptions<Object>): Informer<Object> {
  return new WatchingInformer(options);
}

class WatchingInformer<Object extends KubeObject> implements Informer<Object> {
  readonly #options: InformerOptions<Object>;
  readonly #objects = new Map<string, Object>();
  readonly #handlers = new Set<InformerHandler<Object>>();
  readonly #stop = new AbortController();
  readonly #synced: Promise<void>;
  #markSynced: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(options: InformerOptions<Object>) {
    this.#options = options;
    this.#synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  synced(): Promise<void> {
    return this.#synced;
  }

  get(key: Key): Object | undefined {
    return this.#objects.get(keyText(key));
  }

  list(): Object[] {
    return [...this.#objects.values()];
  }

  onChange(handler: InformerHandler<Object>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler({ type: 'add', object });
    return () => this.#handlers.delete(handler);
  }

  async dispose(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, type } = this.#options;
    const signal = this.#stop.signal;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const resourceVersion = await this.#relist();
        failures = 0;
        this.#markSynced();
        await this.#follow(resourceVersion);
      } catch (error) {
        if (signal.aborted || isAbort(error)) break;
        failures++;
        const absent = isNotFound(error);
        if (absent) {
          this.#replaceAll([]);
          this.#markSynced();
        } else if (!isExpired(error)) {
          log.debug('watch broke', { plural: type.plural, failures, error: messageOf(error) });
        }
        const waitMs = absent ? absentKindRetryMs : backoffMs(failures, retry);
        await clock.sleep(waitMs, signal).catch(() => {});
      }
    }
    this.#markSynced();
  }

  async #relist(): Promise<string> {
    const { client, type, namespace, labelSelector, fieldSelector } = this.#options;
    const result = await client.list(type, { namespace, labelSelector, fieldSelector });
    this.#replaceAll(result.items);
    return result.resourceVersion;
  }

  /** Watches again and again from where the last one ended. Throws what needs a new list or a wait. */
  async #follow(from: string): Promise<void> {
    const { client, type, namespace, labelSelector, fieldSelector, clock } = this.#options;
    const signal = this.#stop.signal;
    let resourceVersion = from;
    while (!signal.aborted) {
      const startedAtMs = clock.monotonicMs();
      const events = client.watch(type, { namespace, labelSelector, fieldSelector, resourceVersion, signal });
      for await (const event of events) {
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        if (event.type !== 'BOOKMARK') this.#apply(event.type, event.object);
      }
      // A server that ends watches at once would otherwise be asked in a tight loop.
      if (clock.monotonicMs() - startedAtMs < 1000) await clock.sleep(retry.firstMs, signal);
    }
  }

  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Object): void {
    const name = keyText(keyOf(object));
    const previous = this.#objects.get(name);
    if (type === 'DELETED') {
      this.#objects.delete(name);
      if (previous !== undefined) this.#emit({ type: 'delete', object, previous });
      return;
    }
    this.#objects.set(name, object);
    this.#emit(previous === undefined ? { type: 'add', object } : { type: 'update', object, previous });
  }

  #replaceAll(items: readonly Object[]): void {
    const names = new Set(items.map((item) => keyText(keyOf(item))));
    for (const [name, object] of this.#objects) if (!names.has(name)) this.#apply('DELETED', object);
    for (const item of items) {
      const known = this.#objects.get(keyText(keyOf(item)));
      const same =
        known !== undefined &&
        known.metadata.uid === item.metadata.uid &&
        known.metadata.resourceVersion === item.metadata.resourceVersion;
      if (!same) this.#apply('MODIFIED', item);
    }
  }

  #emit(event: InformerEvent<Object>): void {
    for (const handler of this.#handlers) {
      try {
        handler(event);
      } catch (error) {
        this.#options.log.error('informer handler failed', { error: messageOf(error) });
      }
    }
  }
}
