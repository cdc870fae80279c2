/** Waiting as Flux does: by the status of each object, ended early by one that has failed. */

import type { AnyObject } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import type { ActionContext } from '../actions/context.ts';
import { keyOfObject, type ReleaseObject } from '../actions/objects.ts';
import { helmWaiter, type Waiter } from '../actions/wait.ts';
import { hookStatus, jobsToTheirEnd, objectStatus, type ObjectStatus } from './kstatus.ts';

/** Objects are asked for again after this, longer each time. */
const firstPollMs = 50;
const pollMaxMs = 1000;

/** Waits by kstatus. Source: helm-controller internal/action/wait.go, fluxcd/pkg ssa, WaitForSetWithContext. */
export const statusWaiter: Waiter = {
  untilReady(context, objects, { timeoutMs, waitForJobs }) {
    const rules = waitForJobs ? jobsToTheirEnd : {};
    const awaited = objects.filter(({ object }) => getIn(object, ['spec', 'paused']) !== true);
    return untilCurrent(context, awaited, { timeoutMs, isFast: true, statusOf: (live) => objectStatus(live, rules) });
  },
  untilDone(context, objects, timeoutMs) {
    return untilCurrent(context, objects, { timeoutMs, isFast: false, statusOf: hookStatus });
  },
  untilGone,
};

/** The waiter of `spec.waitStrategy`; `disabled` keeps hooks awaited. */
export function waiterFor(strategy: 'poller' | 'legacy' | undefined): Waiter {
  return strategy === 'legacy' ? helmWaiter : statusWaiter;
}

interface WaitRule {
  readonly timeoutMs: number;
  /** The first failed object ends the wait. */
  readonly isFast: boolean;
  readonly statusOf: (live: AnyObject | undefined) => ObjectStatus;
}

async function untilCurrent(context: ActionContext, objects: readonly ReleaseObject[], rule: WaitRule): Promise<void> {
  const { clock, client, signal } = context;
  const startedAtMs = clock.monotonicMs();
  const statuses = new Map<ReleaseObject, ObjectStatus>();
  for (let waitMs = firstPollMs; ; waitMs = Math.min(waitMs * 2, pollMaxMs)) {
    signal?.throwIfAborted();
    for (const item of objects) {
      // What is current once is not asked for again.
      if (statuses.get(item) === 'Current') continue;
      statuses.set(item, rule.statusOf((await client.get(item.type, keyOfObject(item))) as AnyObject | undefined));
    }
    const open = objects.filter((item) => statuses.get(item) !== 'Current');
    if (open.length === 0) return;
    const failed = open.filter((item) => statuses.get(item) === 'Failed');
    if (failed.length === open.length || (rule.isFast && failed.length > 0)) {
      throw releaseError('RELEASE_FAILED', `failed early due to stalled resources: [${named(failed, statuses)}]`, {
        next: 'look at these objects with: kubectl describe',
      });
    }
    const leftMs = rule.timeoutMs - (clock.monotonicMs() - startedAtMs);
    if (leftMs <= 0) {
      throw releaseError('WAIT_TIMEOUT', `timeout waiting for: [${named(open, statuses)}]`, {
        next: 'look at these objects with: kubectl describe, or give more time with spec.timeout',
      });
    }
    await clock.sleep(Math.min(waitMs, leftMs), signal);
  }
}

function named(items: readonly ReleaseObject[], statuses: ReadonlyMap<ReleaseObject, ObjectStatus>): string {
  return items.map((item) => `${subjectOf(item)} status: '${statuses.get(item) ?? 'Unknown'}'`).join(', ');
}

/** `Deployment/shop/web` */
export function subjectOf({ object }: ReleaseObject): string {
  const { namespace, name } = object.metadata;
  return [object.kind, ...(namespace === undefined ? [] : [namespace]), name].join('/');
}

async function untilGone(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  timeoutMs: number,
): Promise<void> {
  const { clock, client, signal } = context;
  const startedAtMs = clock.monotonicMs();
  for (const item of objects) {
    for (let waitMs = firstPollMs; ; waitMs = Math.min(waitMs * 2, pollMaxMs)) {
      if ((await client.get(item.type, keyOfObject(item))) === undefined) break;
      const leftMs = timeoutMs - (clock.monotonicMs() - startedAtMs);
      if (leftMs <= 0) {
        throw releaseError('WAIT_TIMEOUT', `${subjectOf(item)} termination timeout: context deadline exceeded`, {
          next: 'look for finalizers on the object',
        });
      }
      await clock.sleep(Math.min(waitMs, leftMs), signal);
    }
  }
}
