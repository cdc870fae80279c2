/** One Receiver: get → deleting? → finalizer → suspended? → decide from the spec and its Secret → one status. */

import { createHash } from 'node:crypto';
import {
  createJsonMergePatch,
  keyOf,
  reconcileRequestAnnotation,
  setFluxCondition,
  withoutCondition,
  type Condition,
  type Key,
} from '@towpath/api';
import { isRecord, type Clock, type Logger } from '@towpath/kit';
import { done, isNotFound, requeue, type Client, type Recorder, type Result } from '@towpath/runtime';
import { durationMs, finalizer } from '../kinds.ts';
import { receiverTypes } from './authenticate.ts';
import { Receivers, type Receiver, type ReceiverSpec, type ReceiverStatus } from './kinds.ts';
import { tokenOf } from './webhook.ts';

export interface ReceiverDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: Recorder;
  /** Failures in a row by key, for the time until the next try. */
  readonly failures: Map<string, number>;
}

const defaultInterval = '10m0s';
const defaultIntervalMs = 600_000;
const retryMs = { first: 750, most: 15 * 60_000 } as const;

export async function reconcileReceiver(key: Key, deps: ReceiverDeps): Promise<Result> {
  const { client, failures, recorder } = deps;
  const receiver = await client.get(Receivers, key);
  const name = `${key.namespace ?? ''}/${key.name}`;
  if (receiver === undefined) {
    failures.delete(name);
    return done();
  }
  const finalizers = receiver.metadata.finalizers ?? [];
  if (receiver.metadata.deletionTimestamp !== undefined) {
    const others = finalizers.filter((one) => one !== finalizer);
    if (others.length < finalizers.length) await writeFinalizers(receiver, others, deps);
    return done();
  }
  if (!finalizers.includes(finalizer)) await writeFinalizers(receiver, [...finalizers, finalizer], deps);
  const { spec } = receiver;
  const outcome = spec.suspend === true ? undefined : await decide(receiver, client);
  await writeStatus(receiver, outcome, deps);
  if (outcome === undefined) return done();
  if (outcome.kind === 'ready') {
    failures.delete(name);
    const message = `Reconciliation finished, next run in ${intervalText(spec)}`;
    void recorder.event(receiver, { type: 'Normal', reason: 'Succeeded', message });
    return requeue({ afterMs: durationMs(spec.interval, defaultIntervalMs) });
  }
  const reason = outcome.kind === 'stalled' ? outcome.reason : 'Failed';
  void recorder.event(receiver, { type: 'Warning', reason, message: outcome.message });
  if (outcome.kind === 'stalled') return done();
  const count = (failures.get(name) ?? 0) + 1;
  failures.set(name, count);
  return requeue({ afterMs: Math.min(retryMs.first * 2 ** (count - 1), retryMs.most) });
}

type Outcome =
  | { readonly kind: 'ready'; readonly path: string }
  /** Nothing helps but a change of the object. */
  | { readonly kind: 'stalled'; readonly reason: string; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

async function decide(receiver: Receiver, client: Client): Promise<Outcome> {
  const problem = specProblem(receiver.spec);
  if (problem !== undefined) {
    const message = `Reconciliation failed terminally due to configuration error: ${problem.text}`;
    return { kind: 'stalled', reason: problem.reason, message };
  }
  const token = await tokenOf(receiver, client);
  if (typeof token !== 'string') return { kind: 'failed', message: token.problem };
  const { name, namespace = '' } = receiver.metadata;
  return { kind: 'ready', path: webhookPath({ token, name, namespace }) };
}

/** Whoever knows it may ask. Source: notification-controller, api/v1, GetWebhookPath. */
export function webhookPath({ token, name, namespace }: { token: string; name: string; namespace: string }): string {
  return `/hook/${createHash('sha256').update(`${token}${name}${namespace}`).digest('hex')}`;
}

function specProblem(spec: ReceiverSpec): { reason: string; text: string } | undefined {
  const refused = (what: string): { reason: string; text: string } => ({
    reason: 'NotSupported',
    text: `${what}: not supported by Towpath; remove it, or let Flux look after this object`,
  });
  if (!receiverTypes.includes(spec.type)) return refused(`spec.type ${spec.type}`);
  if (spec.resourceFilter !== undefined && spec.resourceFilter !== '') return refused('spec.resourceFilter');
  const index = spec.resources.findIndex(({ filter = '' }) => filter !== '');
  if (index >= 0) return refused(`spec.resources[${index}].filter`);
  if ((spec.oidcProviders ?? []).length > 0) {
    return { reason: 'ValidationFailed', text: 'oidcProviders can only be set when type is generic-oidc' };
  }
  if (spec.secretRef === undefined) {
    return { reason: 'ValidationFailed', text: 'secretRef is required when type is not generic-oidc' };
  }
  return undefined;
}

async function writeStatus(receiver: Receiver, outcome: Outcome | undefined, deps: ReceiverDeps): Promise<void> {
  const before: ReceiverStatus = receiver.status ?? {};
  const status: ReceiverStatus = structuredClone(before);
  const { generation } = receiver.metadata;
  const at = { nowMs: deps.clock.nowMs(), generation };
  const set = (type: string, value: Condition['status'], reason: string, message: string): void => {
    status.conditions = setFluxCondition(status.conditions, { type, status: value, reason, message }, at);
  };
  const remove = (type: string): void => {
    status.conditions = withoutCondition(status.conditions, type);
  };
  if (outcome?.kind === 'ready') {
    remove('Reconciling');
    remove('Stalled');
    set('Ready', 'True', 'Succeeded', `Receiver initialized for path: ${outcome.path}`);
    status.webhookPath = outcome.path;
  } else if (outcome?.kind === 'failed') {
    remove('Stalled');
    set('Reconciling', 'True', 'ProgressingWithRetry', 'Reconciliation in progress');
    set('Ready', 'False', 'TokenNotFound', outcome.message);
    delete status.webhookPath;
  } else if (outcome?.kind === 'stalled') {
    remove('Reconciling');
    set('Stalled', 'True', outcome.reason, outcome.message);
    set('Ready', 'False', outcome.reason, outcome.message);
  }
  const isObserved = outcome?.kind === 'ready' || outcome?.kind === 'stalled';
  if (isObserved && generation !== undefined) status.observedGeneration = generation;
  const requested = receiver.metadata.annotations?.[reconcileRequestAnnotation];
  if (requested !== undefined) status.lastHandledReconcileAt = requested;
  const patch = createJsonMergePatch({ status: before }, { status });
  if (!isRecord(patch) || Object.keys(patch).length === 0) return;
  try {
    await deps.client.patch(Receivers, keyOf(receiver), patch, { kind: 'merge', subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function writeFinalizers(receiver: Receiver, finalizers: string[], { client }: ReceiverDeps): Promise<void> {
  await client.patch(Receivers, keyOf(receiver), { metadata: { finalizers } }, { kind: 'merge' });
}

/** As Go prints a duration: `10m0s`. */
function intervalText({ interval }: ReceiverSpec): string {
  const ms = durationMs(interval, defaultIntervalMs);
  if (interval === undefined) return defaultInterval;
  if (ms % 1000 !== 0 || ms < 1000) return interval;
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, (ms / 1000) % 60];
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
