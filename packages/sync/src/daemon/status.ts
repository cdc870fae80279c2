/** Writes where the synchronisation stands to its Sync object; where the kind is not installed, nowhere. */

import { setCondition, Syncs, type Condition, type Key, type Sync } from '@towpath/api';
import { jsonEqual, messageOf, type Clock, type Logger } from '@towpath/kit';
import { isAlreadyExists, isNotFound, type Client } from '@towpath/runtime';

export type SyncStatus = NonNullable<Sync['status']>;

export class StatusWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly key: Key;
  readonly #spec: Sync['spec'];
  #status: SyncStatus = {};
  #isServed = true;

  constructor(options: { client: Client; clock: Clock; log: Logger; key: Key; spec: Sync['spec'] }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
    this.key = options.key;
    this.#spec = options.spec;
  }

  get status(): SyncStatus {
    return this.#status;
  }

  /** The object to hang events on; undefined when the kind is not served. */
  async object(): Promise<Sync | undefined> {
    return this.#isServed ? this.#client.get(Syncs, this.key) : undefined;
  }

  /** Makes the object, or takes over the status of the last run. */
  async start(): Promise<void> {
    const metadata = { ...this.key };
    const wanted: Sync = { apiVersion: 'towpath.dev/v1alpha1', kind: 'Sync', metadata, spec: this.#spec };
    try {
      const live = await this.#client.create(Syncs, wanted);
      this.#status = live.status ?? {};
    } catch (error) {
      if (isAlreadyExists(error)) await this.#takeOver();
      else if (isNotFound(error)) this.#giveUp();
      else throw error;
    }
  }

  async #takeOver(): Promise<void> {
    const live = await this.#client.get(Syncs, this.key);
    const isSame = jsonEqual(live?.spec, this.#spec);
    this.#status = isSame ? (live?.status ?? {}) : {};
    if (live !== undefined && !isSame) await this.#client.update(Syncs, { ...live, spec: this.#spec });
  }

  #giveUp(): void {
    this.#isServed = false;
    this.#log.info('no Sync kind on this cluster: the state of the synchronisation is only logged', {
      next: 'apply crds/syncs.yaml of the flux chart',
    });
  }

  /** Merges `change` into the status; never throws. */
  async update(change: Partial<SyncStatus>): Promise<void> {
    this.#status = { ...this.#status, ...change };
    if (!this.#isServed) return;
    try {
      const live = await this.#client.get(Syncs, this.key);
      if (live === undefined || jsonEqual(live.status ?? {}, this.#status)) return;
      await this.#client.patch(Syncs, this.key, { status: this.#status }, { kind: 'merge', subresource: 'status' });
    } catch (error) {
      this.#log.warn('the state of the synchronisation was not written', { error: messageOf(error) });
    }
  }

  /** The conditions with Ready set. */
  ready(status: Condition['status'], reason: string, message: string): Condition[] {
    const next = { type: 'Ready', status, reason, message } as const;
    return setCondition(this.#status.conditions, next, this.#clock.nowMs());
  }
}
