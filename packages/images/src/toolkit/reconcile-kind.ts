/** What every kind has in common: get → deleting? → finalizer → suspended? → its own work → one status. */

import { keyOf, type Key, type KubeObject, type ResourceType } from '@towpath/api';
import { isAbort, messageOf } from '@towpath/kit';
import { done, requeue, type Client, type Result, type ToolkitDeps } from '@towpath/runtime';
import { ImageFailure } from './errors.ts';
import { finalizer, type CommonStatus } from './kinds.ts';
import { StatusWriter } from './status.ts';

export interface KindWork<Status extends CommonStatus, Object extends KubeObject & { status?: Status }> {
  readonly type: ResourceType<Object>;
  /** Says success on the status itself; returns when it is to run again, undefined for only when something changes. */
  readonly work: (
    object: Object,
    status: StatusWriter<Status, Object>,
    signal: AbortSignal,
  ) => Promise<number | undefined>;
  /** Forgets what is kept of an object that is gone. */
  readonly forget?: (key: Key) => Promise<void> | void;
  /** Whether a suspended object's requests count as handled. */
  readonly answersWhileSuspended: boolean;
}

type Suspendable = KubeObject & { spec: { readonly suspend?: boolean } };

/** Throws what is to be tried again with growing pauses. */
export async function reconcileKind<Status extends CommonStatus, Object extends Suspendable & { status?: Status }>(
  kind: KindWork<Status, Object>,
  key: Key,
  deps: ToolkitDeps,
  signal: AbortSignal,
): Promise<Result> {
  const object = await deps.client.get(kind.type, key);
  if (object === undefined) {
    await kind.forget?.(key);
    return done();
  }
  if (object.metadata.deletionTimestamp !== undefined) {
    await kind.forget?.(key);
    await setFinalizer(kind.type, object, deps.client, false);
    return done();
  }
  if (object.metadata.finalizers?.includes(finalizer) !== true) {
    await setFinalizer(kind.type, object, deps.client, true);
  }
  const status = new StatusWriter<Status, Object>(deps, kind.type, object);
  if (object.spec.suspend === true) {
    await status.suspended(kind.answersWhileSuspended);
    return done();
  }
  try {
    const afterMs = await kind.work(object, status, signal);
    return afterMs === undefined ? done() : requeue({ afterMs });
  } catch (error) {
    if (signal.aborted || isAbort(error)) throw error;
    const failure =
      error instanceof ImageFailure ? error : new ImageFailure('Failed', messageOf(error), { cause: error });
    await status.failed(failure);
    if (failure.isStalled) return done();
    if (failure.afterMs !== undefined) return requeue({ afterMs: failure.afterMs });
    throw failure;
  }
}

async function setFinalizer<Object extends KubeObject>(
  type: ResourceType<Object>,
  object: Object,
  client: Client,
  isWanted: boolean,
): Promise<void> {
  const before = object.metadata.finalizers ?? [];
  const others = before.filter((one) => one !== finalizer);
  if (!isWanted && others.length === before.length) return;
  const metadata = { finalizers: isWanted ? [...others, finalizer] : others };
  await client.patch(type, keyOf(object), { metadata }, { kind: 'merge' });
}
