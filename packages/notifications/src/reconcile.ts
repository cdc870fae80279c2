/** One Receiver, from spec to status: which path its webhooks have, or why it has none. */

import {
  createJsonMergePatch,
  findCondition,
  isConditionTrue,
  keyOf,
  reconcileRequestAnnotation,
  setFluxCondition,
  withoutCondition,
  Secrets,
  type Condition,
  type Key,
  type Secret,
} from '@towpath/api';
import { goDurationText, isRecord, messageOf, parseGoDuration } from '@towpath/kit';
import { done, isNotFound, requeue, type Result, type ToolkitDeps } from '@towpath/runtime';
import { isKnownType } from './check-request.ts';
import { finalizer, Receivers, webhookPathOf, type Receiver, type ReceiverStatus } from './kinds.ts';

const defaultIntervalMs = 10 * 60_000;
const terminalPrefix = 'Reconciliation failed terminally due to configuration error';

/** Throws what is to be tried again with growing pauses. */
export async function reconcileReceiver(key: Key, deps: ToolkitDeps): Promise<Result> {
  const { client } = deps;
  const receiver = await client.get(Receivers, key);
  if (receiver === undefined) return done();
  const { finalizers = [], deletionTimestamp } = receiver.metadata;
  if (deletionTimestamp !== undefined) {
    await setFinalizers(
      receiver,
      finalizers.filter((one) => one !== finalizer),
      deps,
    );
    return done();
  }
  if (!finalizers.includes(finalizer)) await setFinalizers(receiver, [...finalizers, finalizer], deps);
  const writer = new ReceiverWriter(receiver, deps);
  const intervalMs = parseGoDuration(receiver.spec.interval ?? '') ?? defaultIntervalMs;
  const success = `Reconciliation finished, next run in ${goDurationText(intervalMs)}`;
  if (receiver.spec.suspend === true) {
    await writer.finish(success);
    return done();
  }
  const refusal = refusalOf(receiver);
  if (refusal !== undefined) {
    await writer.stall(refusal);
    return done();
  }
  writer.begin();
  try {
    const token = await tokenOf(receiver, (secretKey) => client.get(Secrets, secretKey));
    writer.initialize(webhookPathOf(token, receiver));
  } catch (error) {
    await writer.fail(messageOf(error));
    throw error;
  }
  await writer.finish(success);
  return requeue({ afterMs: intervalMs });
}

/** What is valid for Flux and not done here, or not valid at all. */
function refusalOf({ spec }: Receiver): { reason: string; message: string } | undefined {
  const unsupported = (what: string): { reason: string; message: string } => ({
    reason: 'Unsupported',
    message: `${what} is not supported by Towpath`,
  });
  if (!isKnownType(spec.type)) return unsupported(`spec.type ${spec.type}`);
  if (spec.resourceFilter !== undefined && spec.resourceFilter !== '') return unsupported('spec.resourceFilter');
  const filtered = spec.resources.findIndex(({ filter }) => filter !== undefined && filter !== '');
  if (filtered >= 0) return unsupported(`spec.resources[${filtered}].filter`);
  if (spec.secretRef !== undefined) return undefined;
  return { reason: 'ValidationFailed', message: 'secretRef is required when type is not generic-oidc' };
}

/** Throws when the Secret or its `token` is missing. */
export async function tokenOf(
  { metadata, spec }: Receiver,
  getSecret: (key: Key) => Promise<Secret | undefined>,
): Promise<string> {
  const name = spec.secretRef?.name ?? '';
  const key = { namespace: metadata.namespace ?? '', name };
  const text = `${key.namespace}/${name}`;
  const secret = await getSecret(key);
  if (secret === undefined) {
    throw new Error(`unable to read token from secret '${text}' error: secrets "${name}" not found`);
  }
  const token = secret.data?.['token'];
  if (token === undefined) throw new Error(`invalid '${text}' secret data: required fields 'token'`);
  return Buffer.from(token, 'base64').toString('utf8');
}

async function setFinalizers(
  receiver: Receiver,
  finalizers: readonly string[],
  { client }: ToolkitDeps,
): Promise<void> {
  if (finalizers.length === (receiver.metadata.finalizers ?? []).length) return;
  await client.patch(Receivers, keyOf(receiver), { metadata: { finalizers } }, { kind: 'merge' });
}

/** The status is changed in memory and written once. */
class ReceiverWriter {
  readonly #receiver: Receiver;
  readonly #deps: ToolkitDeps;
  readonly #status: ReceiverStatus;

  constructor(receiver: Receiver, deps: ToolkitDeps) {
    this.#receiver = receiver;
    this.#deps = deps;
    this.#status = structuredClone(receiver.status ?? {});
  }

  begin(): void {
    this.#remove('Stalled');
    this.#set('Reconciling', 'True', 'Progressing', 'Reconciliation in progress');
  }

  initialize(webhookPath: string): void {
    this.#set('Ready', 'True', 'Succeeded', `Receiver initialized for path: ${webhookPath}`);
    this.#status.webhookPath = webhookPath;
  }

  async fail(message: string): Promise<void> {
    this.#set('Ready', 'False', 'TokenNotFound', message);
    delete this.#status.webhookPath;
    const underWay = findCondition(this.#status.conditions, 'Reconciling')?.message ?? '';
    this.#set('Reconciling', 'True', 'ProgressingWithRetry', underWay);
    await this.#write();
    this.#event('Warning', 'Failed', message);
  }

  async stall({ reason, message }: { reason: string; message: string }): Promise<void> {
    const text = `${terminalPrefix}: ${message}`;
    this.#set('Ready', 'False', reason, text);
    this.#remove('Reconciling');
    this.#set('Stalled', 'True', reason, text);
    this.#observe();
    await this.#write();
    this.#event('Warning', reason, text);
  }

  /** `message` is told when the receiver is ready. */
  async finish(message: string): Promise<void> {
    if (isConditionTrue(this.#status.conditions, 'Ready')) {
      this.#remove('Reconciling');
      this.#observe();
    }
    await this.#write();
    if (isConditionTrue(this.#status.conditions, 'Ready')) this.#event('Normal', 'Succeeded', message);
  }

  #observe(): void {
    const { generation } = this.#receiver.metadata;
    if (generation !== undefined) this.#status.observedGeneration = generation;
  }

  async #write(): Promise<void> {
    const requested = this.#receiver.metadata.annotations?.[reconcileRequestAnnotation];
    if (requested !== undefined) this.#status.lastHandledReconcileAt = requested;
    const patch = createJsonMergePatch({ status: this.#receiver.status ?? {} }, { status: this.#status });
    if (!isRecord(patch) || Object.keys(patch).length === 0) return;
    try {
      const options = { kind: 'merge', subresource: 'status' } as const;
      await this.#deps.client.patch(Receivers, keyOf(this.#receiver), patch, options);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    void this.#deps.recorder.event(this.#receiver, { type, reason, message });
  }

  #set(type: string, status: Condition['status'], reason: string, message: string): void {
    const at = { nowMs: this.#deps.clock.nowMs(), generation: this.#receiver.metadata.generation };
    this.#status.conditions = setFluxCondition(this.#status.conditions, { type, status, reason, message }, at);
  }

  #remove(type: string): void {
    this.#status.conditions = withoutCondition(this.#status.conditions, type);
  }
}
