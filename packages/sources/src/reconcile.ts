/**
 * One source: get → deleting? → finalizer → suspended? → look at what it names → store what is new → one status.
 * Writes: the artifact's file, the status, events; an old artifact stays until a new one is stored.
 */

import { keyOf, type Key, type ResourceType } from '@towpath/api';
import { isAbort, jsonEqual, messageOf } from '@towpath/kit';
import { done, requeue, type Result } from '@towpath/runtime';
import type { Find, Found, SourceDeps } from './deps.ts';
import { SourceFailure } from './errors.ts';
import { durationMs, finalizer, sourceGroup, type Artifact, type Source } from './kinds.ts';
import { StatusWriter } from './status.ts';

const defaultIntervalMs = 60_000;
/** Of failures that are tried again. */
const retryMs = { first: 750, most: 15 * 60_000 } as const;

export interface SourceKind<Object extends Source> {
  readonly type: ResourceType<Object>;
  readonly find: Find<Object>;
  /** Members of the status that a stored artifact brings, e.g. the URL that does not change. */
  readonly latest?: (object: Object, deps: SourceDeps) => string;
  /** Objects that have neither artifact nor status, such as HelmRepositories of an OCI registry. */
  readonly isStatic?: (object: Object) => boolean;
}

/** Failures in a row, by key, for the time until the next try. */
export type Failures = Map<string, number>;

export async function reconcileSource<Object extends Source>(
  kind: SourceKind<Object>,
  key: Key,
  deps: SourceDeps & { readonly failures: Failures },
  signal: AbortSignal,
): Promise<Result> {
  const { client, storage, failures } = deps;
  const object = await client.get(kind.type, key);
  const name = `${kind.type.kind}/${key.namespace ?? ''}/${key.name}`;
  if (object === undefined) {
    failures.delete(name);
    return done();
  }
  if (object.metadata.deletionTimestamp !== undefined) {
    if (await storage.removeAll(object)) {
      const message = 'garbage collected artifacts for deleted resource';
      void deps.recorder.event(object, { type: 'Normal', reason: 'GarbageCollectionSucceeded', message });
    }
    await setFinalizer(kind.type, object, deps, false);
    return done();
  }
  if (kind.isStatic?.(object) === true) return done();
  if (object.metadata.finalizers?.includes(finalizer) !== true) await setFinalizer(kind.type, object, deps, true);
  const status = new StatusWriter(deps, kind.type, object);
  if (object.spec.suspend === true) {
    await status.suspended();
    return done();
  }
  const intervalMs = durationMs(object.spec.interval, defaultIntervalMs);
  try {
    const { artifact } = object.status ?? {};
    await status.begin(artifact !== undefined && storage.has(artifact));
    const found = await kind.find(object, deps, signal);
    await store(kind, object, { found, status, deps });
    failures.delete(name);
    return requeue({ afterMs: intervalMs });
  } catch (error) {
    if (signal.aborted || isAbort(error)) throw error;
    const failure = asFailure(error);
    Object.assign(status.status, failure.observed);
    await status.failed(failure);
    void deps.recorder.event(object, {
      type: failure.isWaiting ? 'Normal' : 'Warning',
      reason: failure.reason,
      message: failure.message,
    });
    if (failure.isStalled) return done();
    const count = (failures.get(name) ?? 0) + 1;
    failures.set(name, count);
    return requeue({
      afterMs: Math.min(retryMs.first * 2 ** (count - 1), retryMs.most, Math.max(intervalMs, retryMs.first)),
    });
  }
}

function asFailure(error: unknown): SourceFailure {
  if (error instanceof SourceFailure) return error;
  return new SourceFailure('Failed', messageOf(error), { cause: error });
}

async function setFinalizer<Object extends Source>(
  type: ResourceType<Object>,
  object: Object,
  { client }: SourceDeps,
  isWanted: boolean,
): Promise<void> {
  const others = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  const metadata = { finalizers: isWanted ? [...others, finalizer] : others };
  await client.patch(type, keyOf(object), { metadata }, { kind: 'merge' });
}

interface StoreInput<Object extends Source> {
  readonly found: Found;
  readonly status: StatusWriter<Object>;
  readonly deps: SourceDeps;
}

async function store<Object extends Source>(
  kind: SourceKind<Object>,
  object: Object,
  { found, status, deps }: StoreInput<Object>,
): Promise<void> {
  const before = object.status?.artifact;
  const isCurrent = before !== undefined && before.revision === found.revision && deps.storage.has(before);
  const isSame =
    isCurrent && Object.entries(found.inputs).every(([key, value]) => jsonEqual(status.status[key], value));
  if (!isSame) {
    await status.building(found.news, kind.type.kind === 'HelmChart' ? 'NewChart' : 'NewRevision');
    const { revision, fileName, metadata } = found;
    const file = { name: fileName, bytes: await found.bytes(), revision, ...(metadata !== undefined && { metadata }) };
    const artifact = await deps.storage.put(object, file);
    status.status.artifact = artifact;
    if (artifact.digest !== before?.digest) announce(object, found.event(artifact), artifact, deps);
  } else if (status.hasFailed) {
    announce(object, { ...found.event(before), reason: 'Succeeded' }, before, deps);
  } else {
    const message = `artifact up-to-date with remote revision: '${before.revision}'`;
    const event = found.unchanged ?? { reason: 'ArtifactUpToDate', message };
    void deps.recorder.event(object, { type: 'Normal', ...event });
  }
  for (const [key, value] of Object.entries({ ...found.inputs, ...found.status })) {
    if (value === undefined) delete status.status[key];
    else status.status[key] = value;
  }
  const latest = kind.latest?.(object, deps);
  if (latest !== undefined) status.status.url = latest;
  await status.stored(found.stored.reason, found.stored.message);
}

function announce(
  object: Source,
  event: { readonly reason: string; readonly message: string },
  artifact: Artifact,
  { recorder }: SourceDeps,
): void {
  const annotations = {
    [`${sourceGroup}/revision`]: artifact.revision,
    [`${sourceGroup}/digest`]: artifact.digest,
  };
  void recorder.event(object, { type: 'Normal', ...event, annotations });
}
