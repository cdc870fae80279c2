/** The status of one object while it is reconciled: changed in memory, written as a patch of what changed. */

import {
  createJsonMergePatch,
  findCondition,
  isConditionTrue,
  keyOf,
  reconcileRequestAnnotation,
  setFluxCondition,
  withoutCondition,
  type Condition,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { isRecord } from '@towpath/kit';
import { isNotFound, type ToolkitDeps } from '@towpath/runtime';
import type { ImageFailure } from './errors.ts';
import type { CommonStatus } from './kinds.ts';

/** Of an object that nobody looked at yet; the definition's default. */
const neverObserved = -1;
const eventAnnotations = 'event.toolkit.fluxcd.io/';

type WithStatus<Status> = KubeObject & { status?: Status };

export class StatusWriter<Status extends CommonStatus, Object extends WithStatus<Status>> {
  readonly #deps: ToolkitDeps;
  readonly #type: ResourceType<Object>;
  readonly #object: Object;
  readonly #before: readonly Condition[];
  #written: Status;
  /** What the status is to be; conditions through the methods. */
  readonly status: Status;

  constructor(deps: ToolkitDeps, type: ResourceType<Object>, object: Object) {
    this.#deps = deps;
    this.#type = type;
    this.#object = object;
    // Every member of a status may be missing.
    this.#written = object.status ?? ({} as Status);
    this.#before = this.#written.conditions ?? [];
    this.status = structuredClone(this.#written);
  }

  /** The request to look now that was not handled yet. */
  get request(): string | undefined {
    const requested = this.#object.metadata.annotations?.[reconcileRequestAnnotation];
    return requested === this.#written.lastHandledReconcileAt ? undefined : requested;
  }

  /** Says what is under way; seen at once when there is a new generation, or a request where `isTold`. */
  async begin(isTold: boolean): Promise<void> {
    const { generation = 0 } = this.#object.metadata;
    const observed = this.status.observedGeneration ?? neverObserved;
    this.progress('reconciliation in progress');
    if (generation !== observed) this.progress(`processing object: new generation ${observed} -> ${generation}`);
    if (generation !== observed || (isTold && this.request !== undefined)) await this.write();
  }

  /** Ready says it, too, when it was not known before, or where `isDrift`. */
  progress(message: string, isDrift = false): void {
    this.#remove('Stalled');
    this.#set('Reconciling', 'True', 'Progressing', message);
    const ready = findCondition(this.status.conditions, 'Ready')?.status ?? 'Unknown';
    if (isDrift || ready === 'Unknown') this.#set('Ready', 'Unknown', 'Progressing', message);
  }

  /** All is well. `told` is the event's message where the ready message is not; `quiet` that when nothing changed. */
  async succeeded(message: string, { told = message, quiet }: { told?: string; quiet: string }): Promise<void> {
    this.#remove('Reconciling');
    this.#remove('Stalled');
    this.#set('Ready', 'True', 'Succeeded', message);
    await this.#finish();
    const wasReady = isReady(this.#before);
    const isNews = !wasReady || findCondition(this.#before, 'Ready')?.message !== told;
    this.#event('Normal', 'Succeeded', isNews ? told : quiet);
  }

  async failed(failure: ImageFailure): Promise<void> {
    const { reason, message, isStalled } = failure;
    if (isStalled) {
      this.#remove('Reconciling');
      this.#set('Stalled', 'True', reason, message);
      // An older failure stays, as Flux has it.
      if (findCondition(this.status.conditions, 'Ready')?.status !== 'False')
        this.#set('Ready', 'False', reason, message);
    } else {
      this.#set('Ready', 'False', reason, message);
      const underWay = findCondition(this.status.conditions, 'Reconciling')?.message ?? 'reconciliation in progress';
      this.#set('Reconciling', 'True', 'ProgressingWithRetry', underWay);
    }
    await this.#finish();
    const ready = findCondition(this.status.conditions, 'Ready');
    this.#event('Warning', ready?.reason ?? reason, ready?.message ?? message);
  }

  /** Of an object that is suspended: what it was stays. */
  async suspended(isAnswered: boolean): Promise<void> {
    await this.#finish(isAnswered);
  }

  /** An object that is gone is no failure. */
  async write(): Promise<void> {
    const patch = createJsonMergePatch({ status: this.#written }, { status: this.status });
    if (!isRecord(patch) || Object.keys(patch).length === 0) return;
    try {
      await this.#deps.client.patch(this.#type, keyOf(this.#object), patch, { kind: 'merge', subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#written = structuredClone(this.status);
  }

  async #finish(isAnswered = true): Promise<void> {
    const requested = this.#object.metadata.annotations?.[reconcileRequestAnnotation];
    if (requested !== undefined && isAnswered) this.status.lastHandledReconcileAt = requested;
    const { conditions } = this.status;
    const { generation } = this.#object.metadata;
    const isObserved = isConditionTrue(conditions, 'Stalled') || isReady(conditions);
    if (generation !== undefined && isObserved) this.status.observedGeneration = generation;
    await this.write();
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const own = Object.entries(this.#object.metadata.annotations ?? {});
    const annotations = Object.fromEntries(own.filter(([key]) => key.startsWith(eventAnnotations)));
    void this.#deps.recorder.event(this.#object, { type, reason, message, annotations });
  }

  #set(type: string, status: Condition['status'], reason: string, message: string): void {
    const at = { nowMs: this.#deps.clock.nowMs(), generation: this.#object.metadata.generation };
    this.status.conditions = setFluxCondition(this.status.conditions, { type, status, reason, message }, at);
  }

  #remove(type: string): void {
    this.status.conditions = withoutCondition(this.status.conditions, type);
  }
}

function isReady(conditions: readonly Condition[] | undefined): boolean {
  const isHeld = isConditionTrue(conditions, 'Stalled') || isConditionTrue(conditions, 'Reconciling');
  return !isHeld && isConditionTrue(conditions, 'Ready');
}
