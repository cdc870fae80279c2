/** The status of one source while it is reconciled: changed in memory, written as a patch of what changed. */

import {
  createJsonMergePatch,
  findCondition,
  keyOf,
  reconcileRequestAnnotation,
  setFluxCondition,
  withoutCondition,
  type Condition,
  type ResourceType,
} from '@towpath/api';
import { isRecord, type Clock } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import type { SourceFailure } from './errors.ts';
import type { Source, SourceStatus } from './kinds.ts';

/** Field manager of status and finalizers. */
export const statusManager = 'source-controller';

const failures = ['FetchFailed', 'BuildFailed', 'StorageOperationFailed', 'IncludeUnavailable'];
/** Of an object that nobody looked at yet. */
const neverObserved = -1;

export class StatusWriter<Object extends Source> {
  readonly #deps: { readonly client: Client; readonly clock: Clock };
  readonly #type: ResourceType<Object>;
  readonly #object: Object;
  #written: SourceStatus;
  /** What the status is to be; conditions through the methods. */
  readonly status: SourceStatus;

  constructor(deps: { client: Client; clock: Clock }, type: ResourceType<Object>, object: Object) {
    this.#deps = deps;
    this.#type = type;
    this.#object = object;
    this.#written = object.status ?? {};
    this.status = structuredClone(this.#written);
  }

  /** Says what is under way when there is something to say: a new generation, or nothing in the storage. */
  async begin(isStored: boolean): Promise<void> {
    const { generation = 0 } = this.#object.metadata;
    const observed = this.status.observedGeneration ?? neverObserved;
    const isNew = generation !== observed;
    const isLost = !isStored && this.status.artifact !== undefined;
    const news = isNew
      ? `processing object: new generation ${observed} -> ${generation}`
      : 'reconciliation in progress';
    if (!isStored) {
      delete this.status.artifact;
      this.#remove('ArtifactInStorage');
    }
    this.#remove('Stalled');
    const building = `building artifact${isLost ? ': disappeared from storage' : ''}`;
    this.#progress(isStored ? news : building, !isStored);
    if (isNew || !isStored) await this.#write();
  }

  /** Says that something new was found; seen by those who watch. */
  async building(news: string, reason: string): Promise<void> {
    if (this.status.artifact !== undefined) this.#set('ArtifactOutdated', 'True', reason, news);
    this.#progress(`building artifact: ${news}`, true);
    await this.#write();
  }

  /** Of an object that is suspended: what it was stays, and counts for its new generation. */
  async suspended(): Promise<void> {
    const ready = findCondition(this.status.conditions, 'Ready');
    if (ready === undefined) return;
    this.#set('Ready', ready.status, ready.reason ?? '', ready.message ?? '');
    await this.#finish(ready.status === 'True');
  }

  /** True when the last look failed. */
  get hasFailed(): boolean {
    return failures.some((type) => findCondition(this.#object.status?.conditions, type)?.status === 'True');
  }

  #progress(message: string, isDrift: boolean): void {
    const { conditions } = this.status;
    const isSaid = findCondition(conditions, 'Reconciling')?.message === message;
    if (!isSaid) this.#set('Reconciling', 'True', 'Progressing', message);
    const ready = findCondition(conditions, 'Ready')?.status ?? 'Unknown';
    if (ready === 'Unknown' || (isDrift && !isSaid)) this.#set('Ready', 'Unknown', 'Progressing', message);
  }

  /** All is well: `message` says what is stored. */
  async stored(reason: string, message: string): Promise<void> {
    for (const type of [...failures, 'ArtifactOutdated', 'Stalled', 'Reconciling']) this.#remove(type);
    this.#set('ArtifactInStorage', 'True', reason, message);
    this.#set('Ready', 'True', reason, message);
    await this.#finish(true);
  }

  /** The old artifact, if any, stays. */
  async failed(failure: SourceFailure): Promise<void> {
    const { condition, reason, message, isStalled } = failure;
    for (const type of failures) if (type !== condition) this.#remove(type);
    this.#set(condition, 'True', reason, message);
    this.#set('Ready', 'False', reason, message);
    if (isStalled) {
      this.#remove('Reconciling');
      this.#set('Stalled', 'True', reason, message);
    } else {
      const underWay = findCondition(this.status.conditions, 'Reconciling')?.message;
      this.#set('Reconciling', 'True', 'ProgressingWithRetry', underWay ?? 'reconciliation in progress');
    }
    await this.#finish(isStalled);
  }

  async #finish(isObserved: boolean): Promise<void> {
    const requested = this.#object.metadata.annotations?.[reconcileRequestAnnotation];
    if (requested !== undefined) this.status.lastHandledReconcileAt = requested;
    const { generation } = this.#object.metadata;
    if (generation !== undefined && isObserved) this.status.observedGeneration = generation;
    await this.#write();
  }

  #set(type: string, status: Condition['status'], reason: string, message: string): void {
    const at = { nowMs: this.#deps.clock.nowMs(), generation: this.#object.metadata.generation };
    this.status.conditions = setFluxCondition(this.status.conditions, { type, status, reason, message }, at);
  }

  #remove(type: string): void {
    this.status.conditions = withoutCondition(this.status.conditions, type);
  }

  /** An object that is gone is no failure. */
  async #write(): Promise<void> {
    const patch = createJsonMergePatch({ status: this.#written }, { status: this.status });
    if (!isRecord(patch) || Object.keys(patch).length === 0) return;
    const options = { kind: 'merge', subresource: 'status', fieldManager: statusManager } as const;
    try {
      await this.#deps.client.patch(this.#type, keyOf(this.#object), patch, options);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#written = structuredClone(this.status);
  }
}
