/** Keeps `status` of resource quotas: what is allowed and what is used. */

import type { AnyObject } from '@towpath/api';
import { background, getIn, jsonEqual, type Logger } from '@towpath/kit';
import type { ApiContext } from '../handlers/context.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { amountsOf, listOfAmounts } from './amounts.ts';
import { quotasOf, usedOf } from './check.ts';

const quotas = 'core/resourcequotas';

/** Counts again when something changes in a namespace that has quotas; once for all changes of a turn. */
export class QuotaStatuses {
  readonly #objects: ObjectStore;
  readonly #log: Logger;
  readonly #unsubscribe: () => void;
  readonly #pending = new Set<string>();
  #isDisposed = false;

  constructor({ objects, log }: Pick<ApiContext, 'objects' | 'log'>) {
    this.#objects = objects;
    this.#log = log;
    this.#unsubscribe = objects.subscribeAll(({ namespace }) => {
      if (namespace !== undefined) this.#changed(namespace);
    });
    for (const { object } of objects.collection(quotas).list()) this.#changed(object.metadata.namespace ?? '');
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#unsubscribe();
  }

  #changed(namespace: string): void {
    if (this.#pending.has(namespace) || quotasOf(this.#objects, namespace).length === 0) return;
    this.#pending.add(namespace);
    background(`counting the quotas of ${namespace}`, this.#count(namespace), this.#log);
  }

  async #count(namespace: string): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#pending.delete(namespace);
    if (this.#isDisposed) return;
    await Promise.all(quotasOf(this.#objects, namespace).map((quota) => this.#write(quota)));
  }

  async #write(quota: AnyObject): Promise<void> {
    const { namespace, name } = quota.metadata;
    const hard = getIn(quota, ['spec', 'hard']);
    const status = {
      hard: listOfAmounts(amountsOf(hard)),
      used: listOfAmounts(usedOf(this.#objects, quota)),
    };
    if (jsonEqual(quota['status'], status)) return;
    const object = { ...structuredClone(quota), status };
    await this.#objects.commit({ collection: quotas, key: `${namespace ?? ''}/${name}`, object });
  }
}
