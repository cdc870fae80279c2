/** Brings one HelmRelease to what it asks for; see README.md, "HelmRelease v2". */

import { keyText, ServiceAccounts, type Key } from '@towpath/api';
import { backoffMs, jitter, messageOf } from '@towpath/kit';
import { done, isNotFound, requeue, terminal, type Client, type Result } from '@towpath/runtime';
import { clearFailures } from './acts-release.ts';
import { runUninstall } from './acts-remedy.ts';
import { AccessDenied, reconcileChart } from './chart-template.ts';
import { mark, markReconciling, markStalled, type Draft } from './conditions.ts';
import { Superseded, type ControllerDeps } from './deps.ts';
import { valuesDigest } from './digests.ts';
import { finalizer, HelmReleasesV2, type HelmRelease } from './helm-release.ts';
import { latest } from './history.ts';
import { gather, unsupported, type Prerequisites } from './prerequisites.ts';
import { runLoop, type LoopEnd } from './release-loop.ts';
import {
  durationMsOf,
  fullReleaseName,
  namespaceOf,
  releaseNamespace,
  shortenName,
  storageNamespace,
} from './settings.ts';
import { createStatusWriter, type StatusWriter } from './status.ts';
import { storageFor, type BaseWork, type Work } from './work.ts';

/** Flux spreads its intervals by as much. */
const jitterRatio = 0.05;
const requeueBackoff = { firstMs: 100, maxMs: 15 * 60_000 } as const;
const intervalFallbackMs = 5 * 60_000;

/** States and writes: release-loop.ts. A thrown error means: again, with backoff. */
export async function reconcileHelmRelease(key: Key, deps: ControllerDeps, stop: AbortSignal): Promise<Result> {
  const object = await deps.client.get(HelmReleasesV2, key);
  if (object === undefined) {
    deps.memory.requeues.delete(keyText(key));
    deps.memory.found.delete(keyText(key));
    deps.memory.retries.delete(keyText(key));
    return done();
  }
  const draft: Draft = { object, status: structuredClone(object.status ?? {}), nowMs: () => deps.clock.nowMs() };
  const writer = createStatusWriter(deps.client, object.status);
  try {
    return await reconcile(draft, writer, deps, stop);
  } finally {
    if (!stop.aborted) {
      const requested = object.metadata.annotations?.[requestedAt];
      if (requested !== undefined) draft.status.lastHandledReconcileAt = requested;
      await writer.write(draft);
    }
  }
}

async function reconcile(draft: Draft, writer: StatusWriter, deps: ControllerDeps, stop: AbortSignal): Promise<Result> {
  const { object } = draft;
  if (object.metadata.deletionTimestamp !== undefined) return finalize(draft, writer, deps, stop);
  const started = await withFinalizer(draft, deps.client);
  if (started.object.spec.suspend === true) return observed(started, done());
  const refusal = unsupported(started.object);
  if (refusal !== undefined) {
    markStalled(started, 'Unsupported', refusal);
    mark(started, 'Ready', 'False', 'Unsupported', refusal);
    return observed(started, terminal(new Error(refusal)));
  }
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> =>
    deps.recorder.event(started.object, { type, reason, message });
  try {
    const say = (reason: string, message: string): Promise<void> => event('Normal', reason, message);
    await reconcileChart(started.object, started.status, { ...deps, event: say });
  } catch (error) {
    if (!(error instanceof AccessDenied)) throw error;
    mark(started, 'Ready', 'False', 'AccessDenied', error.message);
    markStalled(started, 'AccessDenied', error.message);
    return observed(started, terminal(error));
  }
  markReconciling(started, 'Progressing', 'Fulfilling prerequisites');
  const found = await gather(started, deps, { event });
  switch (found.type) {
    case 'wait':
      return requeue({ afterMs: found.afterMs });
    case 'refused':
      return observed(started, terminal(found.error));
    case 'retry':
      throw found.error;
    case 'ready':
      return release(started, writer, deps, { found, stop });
  }
}

/** The status says which generation it is about. */
function observed(draft: Draft, result: Result): Result {
  const { generation } = draft.object.metadata;
  if (generation !== undefined) draft.status.observedGeneration = generation;
  return result;
}

async function withFinalizer(draft: Draft, client: Client): Promise<Draft> {
  const { object } = draft;
  const { finalizers = [], resourceVersion, namespace, name } = object.metadata;
  if (finalizers.includes(finalizer)) return draft;
  const metadata = {
    finalizers: [...finalizers, finalizer],
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  const key = { ...(namespace !== undefined && { namespace }), name };
  await client.patch(HelmReleasesV2, key, { metadata }, { kind: 'merge' });
  return draft;
}

type Ready = Extract<Prerequisites, { type: 'ready' }>;

async function release(
  draft: Draft,
  writer: StatusWriter,
  deps: ControllerDeps,
  { found, stop }: { found: Ready; stop: AbortSignal },
): Promise<Result> {
  const { object, status } = draft;
  const { chart, ociDigest } = found.loaded;
  const abort = new AbortController();
  const signal = AbortSignal.any([stop, abort.signal]);
  const client = clientOf(object, deps);
  const base: BaseWork = { draft, client, deps, signal, storage: storageFor(draft, client, deps.clock) };
  if (targetChanged(draft, chart.metadata.name)) {
    await runUninstall(base);
    delete status.history;
    delete status.storageNamespace;
    clearFailures(base);
    return requeueSoon(object, deps);
  }
  status.storageNamespace = storageNamespace(object);
  const configDigest = valuesDigest(found.values.values);
  const resets = isRequested(draft, 'resetAt');
  const isNew =
    status.lastAttemptedGeneration !== object.metadata.generation ||
    (status.lastAttemptedRevision ?? '') !== chart.metadata.version ||
    (status.lastAttemptedConfigDigest !== undefined && status.lastAttemptedConfigDigest !== configDigest);
  const isAsked = resets || status.lastHandledReconcileAt !== object.metadata.annotations?.[requestedAt];
  const isOther = isNew || (status.lastAttemptedRevisionDigest ?? '') !== ociDigest;
  const leftMs = retryLeftMs(object, deps);
  if (leftMs > 0 && !isAsked && !isOther) {
    draft.status = structuredClone(object.status ?? {});
    return requeue({ afterMs: leftMs });
  }
  if (isNew || resets) clearFailures(base);
  if (object.metadata.generation !== undefined) status.lastAttemptedGeneration = object.metadata.generation;
  status.lastAttemptedRevision = chart.metadata.version;
  if (ociDigest === '') delete status.lastAttemptedRevisionDigest;
  else status.lastAttemptedRevisionDigest = ociDigest;
  status.lastAttemptedConfigDigest = configDigest;
  delete status.lastAttemptedValuesChecksum;
  delete status.lastReleaseRevision;
  const work: Work = { ...base, storage: storageFor(draft, client, deps.clock), chart, values: found.values };
  const name = keyText({ namespace: namespaceOf(object), name: object.metadata.name });
  deps.memory.running.set(name, { generation: object.metadata.generation, abort });
  try {
    const isForced = (): boolean => isRequested(draft, 'forceAt');
    const end = await runLoop(work, { isForced, publish: () => writer.write(draft) });
    return resultOf(draft, deps, end);
  } catch (error) {
    if (!(abort.signal.reason instanceof Superseded)) throw error;
    return canceled(draft, deps, abort.signal.reason);
  } finally {
    deps.memory.running.delete(name);
  }
}

async function canceled(draft: Draft, deps: ControllerDeps, { by }: Superseded): Promise<Result> {
  mark(draft, 'Ready', 'False', 'HealthCheckCanceled', `New reconciliation triggered by ${by}`);
  const message = `Health checks canceled due to new reconciliation triggered by ${by}`;
  await deps.recorder.event(draft.object, { type: 'Normal', reason: 'HealthCheckCanceled', message });
  return requeue({ afterMs: 1 });
}

function resultOf(draft: Draft, deps: ControllerDeps, end: LoopEnd): Result {
  const { object } = draft;
  if (end.type === 'again') return requeueSoon(object, deps);
  const name = keyText({ namespace: namespaceOf(object), name: object.metadata.name });
  deps.memory.requeues.delete(name);
  deps.memory.retries.delete(name);
  if (end.type === 'gave-up') return observed(draft, terminal(end.error));
  const isRetry = end.type === 'retry-after';
  const intervalMs = isRetry ? end.afterMs : durationMsOf(object.spec.interval, intervalFallbackMs);
  const afterMs = jitter(intervalMs, jitterRatio, deps.random);
  if (isRetry) deps.memory.retries.set(name, deps.clock.monotonicMs() + afterMs);
  return observed(draft, requeue({ afterMs }));
}

/** An event about what the last attempt had already seen must not bring the next one before its interval is over. */
function retryLeftMs(object: HelmRelease, { memory, clock }: ControllerDeps): number {
  const dueMs = memory.retries.get(keyText({ namespace: namespaceOf(object), name: object.metadata.name }));
  return dueMs === undefined ? 0 : dueMs - clock.monotonicMs();
}

/** Again at once, and more and more rarely when that happens in a row. */
function requeueSoon(object: HelmRelease, { memory }: ControllerDeps): Result {
  const name = keyText({ namespace: namespaceOf(object), name: object.metadata.name });
  const count = (memory.requeues.get(name) ?? 0) + 1;
  memory.requeues.set(name, count);
  return requeue({ afterMs: backoffMs(count, requeueBackoff) });
}

const requestedAt = 'reconcile.fluxcd.io/requestedAt';

/** True once for a request that came together with a new requestedAt. Source: fluxcd/pkg apis/meta. */
function isRequested({ object, status }: Draft, what: 'forceAt' | 'resetAt'): boolean {
  const annotations = object.metadata.annotations ?? {};
  const asked = annotations[`reconcile.fluxcd.io/${what}`];
  if (asked === undefined) return false;
  const member = what === 'forceAt' ? 'lastHandledForceAt' : 'lastHandledResetAt';
  const before = status[member];
  status[member] = asked;
  return asked === annotations[requestedAt] && status.lastHandledReconcileAt !== asked && before !== asked;
}

/** Another release than the last one: that one is uninstalled first. */
function targetChanged({ object, status }: Draft, chart: string): boolean {
  const current = latest(status.history);
  if (current === undefined || (status.storageNamespace ?? '') === '') return false;
  if (storageNamespace(object) !== status.storageNamespace) return true;
  if (releaseNamespace(object) !== current.namespace) return true;
  if (shortenName(fullReleaseName(object)) !== current.name) return true;
  return chart !== current.chartName && object.spec.upgrade?.chartNameChangeStrategy !== 'InPlaceUpdate';
}

function serviceAccountOf(object: HelmRelease, deps: ControllerDeps): string {
  return object.spec.serviceAccountName || deps.defaultServiceAccount;
}

function clientOf(object: HelmRelease, deps: ControllerDeps): Client {
  const name = serviceAccountOf(object, deps);
  return name === '' ? deps.client : deps.clientFor({ namespace: namespaceOf(object), name });
}

/** Uninstalls the release and removes the HelmChart, unless the object is suspended; then lets the object go. */
async function finalize(draft: Draft, writer: StatusWriter, deps: ControllerDeps, stop: AbortSignal): Promise<Result> {
  const { object, status } = draft;
  const { finalizers = [], namespace, name } = object.metadata;
  if (!finalizers.includes(finalizer)) return done();
  if (object.spec.suspend !== true) {
    await removeRelease(draft, deps, stop);
    const event = (reason: string, message: string): Promise<void> =>
      deps.recorder.event(object, { type: 'Normal', reason, message });
    await reconcileChart(object, status, { ...deps, event });
  }
  await writer.write(draft);
  const key = { ...(namespace !== undefined && { namespace }), name };
  const rest = finalizers.filter((entry) => entry !== finalizer);
  try {
    await deps.client.patch(HelmReleasesV2, key, { metadata: { finalizers: rest } }, { kind: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return done();
}

async function removeRelease(draft: Draft, deps: ControllerDeps, signal: AbortSignal): Promise<void> {
  const { object, status } = draft;
  if ((status.storageNamespace ?? '') === '') return;
  const account = serviceAccountOf(object, deps);
  const namespace = namespaceOf(object);
  if (account !== '' && (await deps.client.get(ServiceAccounts, { namespace, name: account })) === undefined) {
    deps.log.warn('uninstall skipped: the service account is gone', { namespace, name: object.metadata.name, account });
  } else {
    const client = clientOf(object, deps);
    try {
      await runUninstall({ draft, client, deps, signal, storage: storageFor(draft, client, deps.clock) });
    } catch (error) {
      deps.log.warn('uninstall failed', { namespace, name: object.metadata.name, error: messageOf(error) });
      throw error;
    }
  }
  delete status.history;
  delete status.storageNamespace;
}
