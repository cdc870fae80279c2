/** The status of one source while it is reconciled: changed in memory, written as a patch of what changed. */

import {
  createJsonMergePatch,
  findCondition,
  keyOf,
  reconcileRequestAnnotation,
  type Condition,
  type ResourceType,
} from '@towpath/api';
import { isRecord, toTimestamp, type Clock } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import type { SourceFailure } from './errors.ts';
import type { Source, SourceStatus } from './kinds.ts';

/** Field manager of status and finalizers. */
export const statusManager = 'gotk-source-controller';

const failures = ['FetchFailed', 'BuildFailed', 'StorageOperationFailed', 'IncludeUnavailable'];
/** Those that say something is wrong or under way come before those that say all is well. */
const order = ['Ready', 'Stalled', 'Reconciling', ...failures, 'ArtifactOutdated', 'ArtifactInStorage'];

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

  /** Says that something new was found; seen by those who watch. */
  async building(message: string): Promise<void> {
    this.#set('Reconciling', 'True', 'Progressing', message);
    this.#set('Ready', 'Unknown', 'Progressing', message);
    this.#remove('Stalled');
    await this.#write();
  }

  /** All is well: `message` says what is stored. */
  async stored(reason: string, message: string): Promise<void> {
    for (const type of [...failures, 'ArtifactOutdated', 'Stalled', 'Reconciling']) this.#remove(type);
    this.#set('ArtifactInStorage', 'True', reason, message);
    this.#set('Ready', 'True', reason, message);
    await this.#finish();
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
      this.#remove('Stalled');
      this.#set(
        'Reconciling',
        'True',
        'ProgressingWithRetry',
        messageOfReconciling(this.status) ?? 'reconciliation in progress',
      );
    }
    await this.#finish();
  }

  async #finish(): Promise<void> {
    const requested = this.#object.metadata.annotations?.[reconcileRequestAnnotation];
    if (requested !== undefined) this.status.lastHandledReconcileAt = requested;
    const { generation } = this.#object.metadata;
    if (generation !== undefined) this.status.observedGeneration = generation;
    await this.#write();
  }

  /** Its time moves when status, reason or message do. */
  #set(type: string, status: Condition['status'], reason: string, message: string): void {
    const old = findCondition(this.status.conditions, type);
    const isSame = old?.status === status && old.reason === reason && old.message === message;
    const { generation } = this.#object.metadata;
    const next: Condition = {
      type,
      status,
      reason,
      message,
      lastTransitionTime: isSame ? (old.lastTransitionTime ?? '') : toTimestamp(this.#deps.clock.nowMs()),
      ...(generation !== undefined && { observedGeneration: generation }),
    };
    const others = (this.status.conditions ?? []).filter((condition) => condition.type !== type);
    this.status.conditions = [...others, next].toSorted((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  }

  #remove(type: string): void {
    this.status.conditions = (this.status.conditions ?? []).filter((condition) => condition.type !== type);
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

function messageOfReconciling({ conditions }: SourceStatus): string | undefined {
  return findCondition(conditions, 'Reconciling')?.message;
}
