/** Waiting as Flux does: by the status of each object, ended early by one that has failed. */

import type { AnyObject } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { objectStatus, type ObjectState } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { ActionContext } from '../actions/context.ts';
import { keyOfObject, type ReleaseObject } from '../actions/objects.ts';
import { helmWaiter, type Waiter } from '../actions/wait.ts';

/** Objects are asked for again after this, longer each time. */
const firstPollMs = 50;
const pollMaxMs = 1000;

/** Waits by kstatus. Source: helm-controller internal/action/wait.go, fluxcd/pkg ssa, WaitForSetWithContext. */
export const statusWaiter: Waiter = {
  untilReady(context, objects, { timeoutMs, waitForJobs }) {
    const awaited = objects.filter(({ object }) => getIn(object, ['spec', 'paused']) !== true);
    const stateOf = waitForJobs ? objectState : stateWithStartedJobs;
    return untilCurrent(context, awaited, { timeoutMs, isFast: true, stateOf });
  },
  untilDone(context, objects, timeoutMs) {
    return untilCurrent(context, objects, { timeoutMs, isFast: false, stateOf: hookState });
  },
  untilGone,
};

/** The waiter of `spec.waitStrategy`; `disabled` keeps hooks awaited. */
export function waiterFor(strategy: 'poller' | 'legacy' | undefined): Waiter {
  return strategy === 'legacy' ? helmWaiter : statusWaiter;
}

function objectState(live: AnyObject | undefined, nowMs: number): ObjectState {
  return objectStatus(live, nowMs).state;
}

/** A Job counts once it has started. */
function stateWithStartedJobs(live: AnyObject | undefined, nowMs: number): ObjectState {
  const state = objectState(live, nowMs);
  const hasStarted = live?.kind === 'Job' && getIn(live, ['status', 'startTime']) !== undefined;
  return hasStarted && state === 'InProgress' ? 'Current' : state;
}

/** Of hooks, only Jobs and Pods are waited for, until they have ended. */
function hookState(live: AnyObject | undefined, nowMs: number): ObjectState {
  if (live === undefined) return 'NotFound';
  if (live.kind === 'Job') return objectState(live, nowMs);
  if (live.kind !== 'Pod') return 'Current';
  const phase = getIn(live, ['status', 'phase']);
  return phase === 'Succeeded' ? 'Current' : phase === 'Failed' ? 'Failed' : 'InProgress';
}

interface WaitRule {
  readonly timeoutMs: number;
  /** The first failed object ends the wait. */
  readonly isFast: boolean;
  readonly stateOf: (live: AnyObject | undefined, nowMs: number) => ObjectState;
}

async function untilCurrent(context: ActionContext, objects: readonly ReleaseObject[], rule: WaitRule): Promise<void> {
  const { clock, client, signal } = context;
  const startedAtMs = clock.monotonicMs();
  const statuses = new Map<ReleaseObject, ObjectState>();
  for (let waitMs = firstPollMs; ; waitMs = Math.min(waitMs * 2, pollMaxMs)) {
    signal?.throwIfAborted();
    for (const item of objects) {
      // What is current once is not asked for again.
      if (statuses.get(item) === 'Current') continue;
      const live = (await client.get(item.type, keyOfObject(item))) as AnyObject | undefined;
      statuses.set(item, rule.stateOf(live, clock.nowMs()));
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

function named(items: readonly ReleaseObject[], statuses: ReadonlyMap<ReleaseObject, ObjectState>): string {
  return items.map((item) => `${subjectOf(item)} status: '${statuses.get(item) ?? 'Unknown'}'`).join(', ');
}

/** `Deployment/shop/web` */
export function subjectOf({ object }: ReleaseObject): string {
  const { namespace, name } = object.metadata;
  return [object.kind, ...(namespace === undefined ? [] : [namespace]), name].join('/');
}

async function untilGone(context: ActionContext, objects: readonly ReleaseObject[], timeoutMs: number): Promise<void> {
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
