/** Waiting as Flux does: by the status of each object, ended early by one that has failed. */

import type { AnyObject } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { objectStatus, targetText, waitForObjects, type ObjectState, type ObjectTarget } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { ActionContext } from '../actions/context.ts';
import { keyOfObject, type ReleaseObject } from '../actions/objects.ts';
import { helmWaiter, type Waiter } from '../actions/wait.ts';

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
  signal?.throwIfAborted();
  const open: ReleaseObject[] = [];
  const awaited = objects.filter(({ type }) => !withoutStatus.has(`${type.group}/${type.kind}`));
  const found = await Promise.all(awaited.map((item) => client.get(item.type, keyOfObject(item))));
  for (const [index, item] of awaited.entries()) {
    if (rule.stateOf(found[index] as AnyObject | undefined, clock.nowMs()) !== 'Current') open.push(item);
  }
  if (open.length === 0) return;
  const { type, message } = await waitForObjects({
    client,
    clock,
    targets: open.map(targetOf),
    timeoutMs: Math.max(1, rule.timeoutMs - (clock.monotonicMs() - startedAtMs)),
    failFast: rule.isFast,
    statusOf: (live, nowMs) => ({ state: rule.stateOf(live, nowMs), reason: '', message: '' }),
    ...(signal !== undefined && { signal }),
  });
  if (type === 'reached') return;
  throw releaseError(type === 'timeout' ? 'WAIT_TIMEOUT' : 'RELEASE_FAILED', message, {
    next: 'look at these objects with: kubectl describe, or give more time with spec.timeout',
  });
}

/** These are what they are to be as soon as they are written, which they were just now. */
const withoutStatus: ReadonlySet<string> = new Set([
  '/ConfigMap',
  '/Secret',
  '/ServiceAccount',
  'networking.k8s.io/Ingress',
  'networking.k8s.io/NetworkPolicy',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
]);

function targetOf({ object }: ReleaseObject): ObjectTarget {
  const { namespace, name } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace !== undefined && { namespace }) };
}

/** `Deployment/shop/web` */
export function subjectOf(item: ReleaseObject): string {
  return targetText(targetOf(item));
}

async function untilGone(
  { client, clock, signal }: ActionContext,
  objects: readonly ReleaseObject[],
  timeoutMs: number,
): Promise<void> {
  const there: ReleaseObject[] = [];
  for (const item of objects) if ((await client.get(item.type, keyOfObject(item))) !== undefined) there.push(item);
  const end = await waitForObjects({
    client,
    clock,
    targets: there.map(targetOf),
    timeoutMs,
    until: 'NotFound',
    ...(signal !== undefined && { signal }),
  });
  if (end.type === 'reached') return;
  const left = there.find((_item, index) => end.statuses[index]?.state !== 'NotFound');
  const what = left === undefined ? 'objects' : subjectOf(left);
  throw releaseError('WAIT_TIMEOUT', `${what} termination timeout: context deadline exceeded`, {
    next: 'look for finalizers on the object',
  });
}
