/** The status of one Kustomization while it is reconciled: changed in memory, written as a patch of what changed. */

import {
  createJsonMergePatch,
  findCondition,
  reconcileRequestAnnotation,
  setFluxCondition,
  withoutCondition,
  type Condition,
  type Key,
} from '@towpath/api';
import { isRecord, type Clock } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import { Kustomizations, type Kustomization, type KustomizationStatus } from './kinds.ts';

/** Field manager of status and finalizers; that of applied objects is `kustomize-controller`. */
export const statusManager = 'gotk-kustomize-controller';

export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Healthy';

export interface ConditionInput {
  readonly type: ConditionType;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

export class StatusWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #key: Key;
  readonly #object: Kustomization;
  #written: KustomizationStatus;
  /** What the status is to be; `conditions` through the methods. */
  readonly status: KustomizationStatus;

  constructor(deps: { client: Client; clock: Clock }, object: Kustomization) {
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#object = object;
    const { namespace, name } = object.metadata;
    this.#key = { name, ...(namespace !== undefined && { namespace }) };
    this.#written = object.status ?? {};
    this.status = structuredClone(this.#written);
  }

  condition(type: ConditionType): Condition | undefined {
    return findCondition(this.status.conditions, type);
  }

  set(input: ConditionInput): void {
    const at = { nowMs: this.#clock.nowMs(), generation: this.#object.metadata.generation };
    this.status.conditions = setFluxCondition(this.status.conditions, input, at);
  }

  ready(status: Condition['status'], reason: string, message: string): void {
    this.set({ type: 'Ready', status, reason, message });
  }

  /** Work is under way; a condition that said it cannot go on is taken back. */
  reconciling(message: string): void {
    this.remove('Stalled');
    this.set({ type: 'Reconciling', status: 'True', reason: 'Progressing', message });
  }

  /** Nothing helps but a change of the object. */
  stalled(reason: string, message: string): void {
    this.remove('Reconciling');
    this.set({ type: 'Stalled', status: 'True', reason, message });
  }

  remove(type: ConditionType): void {
    this.status.conditions = withoutCondition(this.status.conditions, type);
  }

  /** The last words: handled request, observed generation, whether it is tried again. */
  async finish(): Promise<void> {
    const requested = this.#object.metadata.annotations?.[reconcileRequestAnnotation];
    if (requested !== undefined) this.status.lastHandledReconcileAt = requested;
    const ready = this.condition('Ready');
    if (ready?.status === 'True') {
      this.remove('Reconciling');
      const { generation } = this.#object.metadata;
      if (generation !== undefined) this.status.observedGeneration = generation;
    }
    const reconciling = this.condition('Reconciling');
    if (ready?.status === 'False' && reconciling !== undefined) {
      const { message = '' } = reconciling;
      this.set({ type: 'Reconciling', status: 'True', reason: 'ProgressingWithRetry', message });
    }
    await this.write();
  }

  /** Writes what changed since the last time; an object that is gone is no failure. */
  async write(): Promise<void> {
    const patch = createJsonMergePatch({ status: this.#written }, { status: this.status });
    if (!isRecord(patch) || Object.keys(patch).length === 0) return;
    try {
      const options = { kind: 'merge', subresource: 'status', fieldManager: statusManager } as const;
      await this.#client.patch(Kustomizations, this.#key, patch, options);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#written = structuredClone(this.status);
  }
}
