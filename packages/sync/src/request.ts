/** Asks a running flux to fetch and apply now, and waits until it has: what `towpath sync` does. */

import { findCondition, keyOf, reconcileRequestAnnotation, Syncs, type Sync } from '@towpath/api';
import { TowpathError, type Clock } from '@towpath/kit';
import type { Client } from '@towpath/runtime';

export interface SyncRequest {
  readonly client: Client;
  readonly namespace: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The lines fluxctl prints, as they become true. */
  readonly say: (line: string) => void;
}

const pollMs = 100;

/** Resolves with the Sync after the revision was applied; its `problems` may name manifests that failed. */
export async function requestSync(request: SyncRequest): Promise<Sync> {
  const { client, namespace, clock, say } = request;
  const found = await findSync(client, namespace);
  say(`Synchronizing with ${found.spec.url}`);
  const requestedAt = new Date(clock.nowMs()).toISOString();
  const body = { metadata: { annotations: { [reconcileRequestAnnotation]: requestedAt } } };
  await client.patch(Syncs, keyOf(found), body, { kind: 'merge' });
  const fetched = await until(request, found, 'it did not fetch the repository', ({ status }) => {
    return status?.lastHandledReconcileAt === requestedAt;
  });
  const ready = findCondition(fetched.status?.conditions, 'Ready');
  if (ready?.reason === 'GitNotReady') {
    throw new TowpathError('SYNC_FAILED', `the repository was not fetched: ${ready.message ?? ''}`, {
      next: 'correct the URL or the credentials of flux',
    });
  }
  const head = fetched.status?.head ?? '';
  say(`Revision of ${found.spec.branch} to apply is ${head.slice(0, 7)}`);
  say(`Waiting for ${head.slice(0, 7)} to be applied ...`);
  const applied = await until(request, found, `${head.slice(0, 7)} was not applied`, ({ status }) => {
    // A newer commit may have overtaken the one that was asked for: then its outcome counts.
    return findCondition(status?.conditions, 'Ready')?.reason !== 'Progressing';
  });
  const failure = findCondition(applied.status?.conditions, 'Ready');
  if (failure?.reason === 'SyncFailed' || failure?.reason === 'GitNotReady') {
    throw new TowpathError('SYNC_FAILED', `nothing was applied: ${failure.message ?? ''}`, {
      next: 'correct it and push',
    });
  }
  say('Done.');
  return applied;
}

async function findSync(client: Client, namespace: string): Promise<Sync> {
  const [found] = (await client.list(Syncs, { namespace }).catch(() => ({ items: [] }))).items;
  if (found !== undefined) return found;
  throw new TowpathError('SYNC_NOT_FOUND', `no flux runs in namespace ${namespace}`, {
    next: 'name its namespace with --k8s-fwd-ns, or wait until it has started',
  });
}

async function until(
  request: SyncRequest,
  sync: Sync,
  otherwise: string,
  check: (sync: Sync) => boolean,
): Promise<Sync> {
  const { client, clock, timeoutMs, signal } = request;
  const untilMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const live = await client.get(Syncs, keyOf(sync));
    if (live !== undefined && check(live)) return live;
    if (clock.monotonicMs() >= untilMs) {
      throw new TowpathError('SYNC_TIMEOUT', `${otherwise} within ${timeoutMs / 1000} s`, {
        next: `look at the log of flux in namespace ${sync.metadata.namespace}`,
      });
    }
    await clock.sleep(pollMs, signal);
  }
}
