/**
 * Brings what one Kustomization declares to the cluster: source → build → apply → prune → health.
 * Conditions it owns: Ready, Reconciling, Stalled, Healthy. Source: kustomize-controller v1.9.4, whose reasons and
 * messages these are.
 */

import { isConditionTrue, type Key } from '@towpath/api';
import { goDurationText, isAbort, jitter, messageOf } from '@towpath/kit';
import { done, requeue, type Result } from '@towpath/runtime';
import { applyRevision } from './apply-revision.ts';
import { finalize } from './finalize.ts';
import {
  durationMs,
  finalizer,
  intervalMsOf,
  Kustomizations,
  retryMsOf,
  sourceKeyOf,
  sourceTypes,
  type Kustomization,
  type Source,
} from './kinds.ts';
import { NewerRevision, type ReconcileDeps, type Run } from './run.ts';
import { statusManager, StatusWriter } from './status.ts';

export async function reconcile(key: Key, deps: ReconcileDeps, signal: AbortSignal): Promise<Result> {
  const object = await deps.client.get(Kustomizations, key);
  if (object === undefined) return done();
  const run = startRun(object, deps, signal);
  if (object.metadata.deletionTimestamp !== undefined) return finalize(run);
  await addFinalizer(run);
  if (object.spec.suspend === true) {
    run.log.info('Reconciliation is suspended for this object');
    return done();
  }
  let result: Result;
  try {
    result = await reconcileSource(run);
  } finally {
    if (!signal.aborted) await run.status.finish();
  }
  const { status } = run;
  if (status.condition('Ready')?.status === 'True') {
    const took = goDurationText(deps.clock.monotonicMs() - run.startedAtMs);
    const message = `Reconciliation finished in ${took}, next run in ${goDurationText(intervalMsOf(object))}`;
    run.log.info(message, { revision: status.status.lastAttemptedRevision });
    const annotations = { 'kustomize.toolkit.fluxcd.io/commit_status': 'update' };
    run.event('info', message, { revision: status.status.lastAppliedRevision, annotations });
  }
  return result;
}

function startRun(object: Kustomization, deps: ReconcileDeps, signal: AbortSignal): Run {
  const { namespace, name } = object.metadata;
  const status = new StatusWriter(deps, object);
  const log = deps.log.child({ kustomization: `${namespace ?? ''}/${name}` });
  return {
    deps,
    object,
    status,
    signal,
    log,
    startedAtMs: deps.clock.monotonicMs(),
    event: (severity, message, { revision, annotations: more } = {}) => {
      const reason = status.condition('Ready')?.reason ?? severity;
      const own = revision === undefined ? {} : { 'kustomize.toolkit.fluxcd.io/revision': revision };
      const annotations = { ...own, ...more };
      void deps.recorder.event(object, {
        type: severity === 'error' ? 'Warning' : 'Normal',
        reason,
        message,
        annotations,
      });
    },
  };
}

async function addFinalizer({ object, deps }: Run): Promise<void> {
  const { finalizers = [], resourceVersion, namespace, name } = object.metadata;
  if (finalizers.includes(finalizer)) return;
  const patch = { metadata: { finalizers: [...finalizers, finalizer], resourceVersion } };
  const key = { name, ...(namespace !== undefined && { namespace }) };
  await deps.client.patch(Kustomizations, key, patch, { kind: 'merge', fieldManager: statusManager });
}

async function reconcileSource(run: Run): Promise<Result> {
  const { object, status, deps, log } = run;
  const refusal = refusedField(object);
  if (refusal !== undefined) {
    status.ready('False', 'NotSupported', refusal);
    status.stalled('NotSupported', refusal);
    if (object.metadata.generation !== undefined) status.status.observedGeneration = object.metadata.generation;
    run.event('error', refusal);
    return done();
  }
  const source = await findSource(run);
  if (source === undefined) return requeue({ afterMs: retryMsOf(object) });
  if (source === 'denied') return done();
  const artifact = source.status?.artifact;
  const waitMs = deps.options.requeueDependencyMs;
  if (artifact === undefined) {
    const message = `Source artifact not found, retrying in ${goDurationText(waitMs)}`;
    status.ready('False', 'ArtifactFailed', message);
    log.info(message);
    return requeue({ afterMs: waitMs });
  }
  const missing = await missingDependency(run, artifact.revision);
  if (missing !== undefined) {
    status.ready('False', 'DependencyNotReady', missing);
    const message = `Dependencies do not meet ready condition, retrying in ${goDurationText(waitMs)}`;
    log.info(message, { because: missing });
    run.event('info', message, { revision: artifact.revision });
    return requeue({ afterMs: waitMs });
  }
  return applied(run, source, artifact.revision);
}

async function applied(run: Run, source: Source, revision: string): Promise<Result> {
  const { object, status, deps, log, startedAtMs } = run;
  try {
    const outcome = await applyRevision(run, source);
    if (outcome === 'gone') {
      const waitMs = deps.options.requeueDependencyMs;
      const message = `Source is not ready, artifact not found, retrying in ${goDurationText(waitMs)}`;
      status.ready('False', 'ArtifactFailed', message);
      log.info(message);
      return requeue({ afterMs: waitMs });
    }
  } catch (error) {
    if (error instanceof NewerRevision) {
      status.ready('False', 'HealthCheckCanceled', error.message);
      log.info('New reconciliation triggered, canceling health checks', { trigger: error.trigger });
      run.event('info', `Health checks canceled due to new reconciliation triggered by ${error.trigger}`, { revision });
      return requeue({ afterMs: 1 });
    }
    if (run.signal.aborted || isAbort(error)) throw error;
    const message = messageOf(error);
    const retryMs = retryMsOf(object);
    const took = goDurationText(deps.clock.monotonicMs() - startedAtMs);
    log.error(`Reconciliation failed after ${took}, next try in ${goDurationText(retryMs)}`, {
      revision,
      error: message,
    });
    run.event('error', message, { revision });
    return requeue({ afterMs: retryMs });
  }
  return requeue({ afterMs: jitter(intervalMsOf(object), intervalJitterRatio, deps.random) });
}

/** kustomize-controller's --interval-jitter-percentage. */
const intervalJitterRatio = 0.05;

/** What this controller does not have is refused by name. */
function refusedField({ spec }: Kustomization): string | undefined {
  const say = (field: string, next: string): string => `spec.${field} is not supported by Towpath; ${next}`;
  const has = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;
  if (spec.decryption !== undefined) {
    return say(
      'decryption',
      'secrets are not decrypted here: use sealed or external secrets, or keep Flux for this object',
    );
  }
  if (spec.kubeConfig !== undefined) return say('kubeConfig', 'run Towpath in the other cluster');
  if (has(spec.healthCheckExprs)) return say('healthCheckExprs', 'use healthChecks or wait');
  if (has(spec.ignore)) return say('ignore', 'leave the fields out of the manifests');
  if (has(spec.buildMetadata)) return say('buildMetadata', 'leave it out');
  const expression = spec.dependsOn?.find(({ readyExpr = '' }) => readyExpr !== '');
  if (expression !== undefined)
    return say('dependsOn[].readyExpr', `leave it out of the dependency ${expression.name}`);
  if (durationMs(spec.interval) === undefined)
    return `spec.interval ${JSON.stringify(spec.interval)} is not a duration`;
  return undefined;
}

async function findSource(run: Run): Promise<Source | 'denied' | undefined> {
  const { object, status, deps, log } = run;
  const { kind } = object.spec.sourceRef;
  const key = sourceKeyOf(object);
  const text = `${kind}/${key.namespace}/${key.name}`;
  if (deps.options.noCrossNamespaceRefs && key.namespace !== object.metadata.namespace) {
    const message = `can't access '${text}', cross-namespace references have been blocked`;
    status.ready('False', 'AccessDenied', message);
    status.stalled('AccessDenied', message);
    run.event('error', message);
    return 'denied';
  }
  const type = sourceTypes[kind];
  const found = type === undefined ? undefined : await deps.client.get(type, key);
  if (found !== undefined) return found;
  const message =
    type === undefined
      ? `source \`${key.name}\` kind '${kind}' not supported`
      : `${type.plural}.${type.group} "${key.name}" not found`;
  status.ready('False', 'ArtifactFailed', message);
  log.info(`Source '${text}' not found`);
  return undefined;
}

/** Why a dependency is not ready, in the words of Flux. */
async function missingDependency({ object, deps }: Run, revision: string): Promise<string | undefined> {
  for (const { name, namespace = object.metadata.namespace } of object.spec.dependsOn ?? []) {
    const key = { name, ...(namespace !== undefined && { namespace }) };
    const text = `${namespace ?? ''}/${name}`;
    const dependency = await deps.client.get(Kustomizations, key);
    if (dependency === undefined) {
      return `dependency '${text}' not found: kustomizations.kustomize.toolkit.fluxcd.io "${name}" not found`;
    }
    const { status, metadata } = dependency;
    const isObserved = metadata.generation === status?.observedGeneration;
    if (!isObserved || !isConditionTrue(status?.conditions, 'Ready')) return `dependency '${text}' is not ready`;
    const [own, theirs] = [sourceKeyOf(object), sourceKeyOf(dependency)];
    const isSameSource =
      own.name === theirs.name &&
      own.namespace === theirs.namespace &&
      object.spec.sourceRef.kind === dependency.spec.sourceRef.kind;
    if (isSameSource && status?.lastAppliedRevision !== revision) {
      return `dependency '${text}' revision is not up to date`;
    }
  }
  return undefined;
}
