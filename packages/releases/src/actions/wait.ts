/** Waiting: until objects are ready, until they are gone, until a hook has run. */

import { isRecord, getIn, type UnknownRecord } from '@towpath/kit';
import { ReplicaSets, type AnyObject, type Condition } from '@towpath/api';
import { isNotFound } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { ActionContext } from './context.ts';
import { keyOfObject, type ReleaseObject } from './objects.ts';

/** Helm asks every two seconds; the API is near, so we ask more often. */
const pollMs = 500;

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly waitForJobs: boolean;
}

/** Another way of telling that objects are ready, gone or done. */
export interface Waiter {
  untilReady(context: ActionContext, objects: readonly ReleaseObject[], options: WaitOptions): Promise<void>;
  untilGone(context: ActionContext, objects: readonly ReleaseObject[], timeoutMs: number): Promise<void>;
  /** The objects of one hook. */
  untilDone(context: ActionContext, objects: readonly ReleaseObject[], timeoutMs: number): Promise<void>;
}

/** As the context's waiter does; without one, polls until every object is ready by Helm 3's rules. */
export function waitUntilReady(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  options: WaitOptions,
): Promise<void> {
  return (context.waiter ?? helmWaiter).untilReady(context, objects, options);
}

/** As the context's waiter does; without one, polls until every object is gone. Throws `WAIT_TIMEOUT`. */
export function waitUntilGone(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  timeoutMs: number,
): Promise<void> {
  return (context.waiter ?? helmWaiter).untilGone(context, objects, timeoutMs);
}

/** As the context's waiter does; without one, until every Job and Pod ran to its end. Throws `HOOK_FAILED`. */
export function waitForHooks(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  timeoutMs: number,
): Promise<void> {
  return (context.waiter ?? helmWaiter).untilDone(context, objects, timeoutMs);
}

/** Helm 3's rules. */
export const helmWaiter: Waiter = {
  untilReady: pollUntilReady,
  untilGone: pollUntilGone,
  async untilDone(context, objects, timeoutMs) {
    for (const item of objects) await waitForHook(context, item, timeoutMs);
  },
};

/** Polls until every object is ready. Throws `WAIT_TIMEOUT` naming the ones that are not. */
async function pollUntilReady(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  options: WaitOptions,
): Promise<void> {
  let remaining = [...objects];
  await poll(context, options.timeoutMs, async () => {
    const waiting: ReleaseObject[] = [];
    for (const item of remaining) if (!(await isReady(context, item, options.waitForJobs))) waiting.push(item);
    remaining = waiting;
    return waiting.length === 0 ? undefined : notReady(waiting);
  });
}

/** Polls until every object is gone. Throws `WAIT_TIMEOUT`. */
async function pollUntilGone(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  timeoutMs: number,
): Promise<void> {
  let remaining = [...objects];
  await poll(context, timeoutMs, async () => {
    const waiting: ReleaseObject[] = [];
    for (const item of remaining) {
      if ((await context.client.get(item.type, keyOfObject(item))) !== undefined) waiting.push(item);
    }
    remaining = waiting;
    return waiting.length === 0 ? undefined : `still there: ${names(waiting)}`;
  });
}

/** A hook's Job or Pod runs to its end; other kinds are done when they are created. Throws `HOOK_FAILED`. */
async function waitForHook(context: ActionContext, item: ReleaseObject, timeoutMs: number): Promise<void> {
  const { kind, metadata } = item.object;
  if (kind !== 'Job' && kind !== 'Pod') return;
  context.progress(`Watching for changes to ${kind} ${metadata.name} with timeout of ${durationText(timeoutMs)}`);
  await poll(context, timeoutMs, async () => {
    const live = await context.client.get(item.type, keyOfObject(item));
    if (live === undefined) return undefined;
    const failure = kind === 'Job' ? jobFailure(live as AnyObject) : podFailure(live as AnyObject);
    if (failure !== undefined)
      throw releaseError('HOOK_FAILED', failure, { next: `look at the logs of ${kind} ${metadata.name}` });
    const done =
      kind === 'Job' ? isTrue(live as AnyObject, 'Complete') : getIn(live, ['status', 'phase']) === 'Succeeded';
    return done ? undefined : `${kind} ${metadata.name} has not ended`;
  });
}

function jobFailure(job: AnyObject): string | undefined {
  const condition = conditionsOf(job).find((entry) => entry.type === 'Failed' && entry.status === 'True');
  return condition === undefined ? undefined : `job ${job.metadata.name} failed: ${condition.reason ?? ''}`;
}

function podFailure(pod: AnyObject): string | undefined {
  return getIn(pod, ['status', 'phase']) === 'Failed' ? `pod ${pod.metadata.name} failed` : undefined;
}

/** Runs `check` until it returns undefined; what it returns says what is awaited. */
async function poll(
  context: ActionContext,
  timeoutMs: number,
  check: () => Promise<string | undefined>,
): Promise<void> {
  const { clock, signal } = context;
  const startedAtMs = clock.monotonicMs();
  for (;;) {
    signal?.throwIfAborted();
    const waitingFor = await check();
    if (waitingFor === undefined) return;
    const leftMs = timeoutMs - (clock.monotonicMs() - startedAtMs);
    if (leftMs <= 0) {
      throw releaseError('WAIT_TIMEOUT', `timed out waiting for the condition: ${waitingFor}`, {
        next: 'look at these objects with: towpath describe, or give more time with --timeout',
      });
    }
    await clock.sleep(Math.min(pollMs, leftMs), signal);
  }
}

function notReady(objects: readonly ReleaseObject[]): string {
  return `not ready: ${names(objects)}`;
}

function names(objects: readonly ReleaseObject[]): string {
  return objects.map((item) => `${item.object.kind} "${item.object.metadata.name}"`).join(', ');
}

function durationText(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}

/** Source: helm 3 pkg/kube/ready.go. */
async function isReady(context: ActionContext, item: ReleaseObject, waitForJobs: boolean): Promise<boolean> {
  const check = readiness[`${item.type.group}/${item.type.kind}`];
  if (check === undefined) return true;
  if (item.type.kind === 'Job' && !waitForJobs) return true;
  const live = await context.client.get(item.type, keyOfObject(item)).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return live !== undefined && (await check(live as AnyObject, context));
}

type ReadyCheck = (live: AnyObject, context: ActionContext) => boolean | Promise<boolean>;

const readiness: Readonly<Record<string, ReadyCheck>> = {
  '/Pod': (live) => isTrue(live, 'Ready'),
  'batch/Job': (live) => jobReady(live),
  'apps/Deployment': (live, context) => deploymentReady(live, context),
  'apps/StatefulSet': (live) => statefulSetReady(live),
  'apps/DaemonSet': (live) => daemonSetReady(live),
  'apps/ReplicaSet': (live) =>
    observed(live) && count(live, 'status', 'readyReplicas') >= count(live, 'spec', 'replicas'),
  '/ReplicationController': (live) =>
    observed(live) && count(live, 'status', 'readyReplicas') >= count(live, 'spec', 'replicas'),
  '/PersistentVolumeClaim': (live) => getIn(live, ['status', 'phase']) === 'Bound',
  '/Service': (live) => serviceReady(live),
  'apiextensions.k8s.io/CustomResourceDefinition': (live) =>
    isTrue(live, 'Established') ||
    conditionsOf(live).some((entry) => entry.type === 'NamesAccepted' && entry.status === 'False'),
};

function jobReady(job: AnyObject): boolean {
  const limit = getIn(job, ['spec', 'backoffLimit']);
  if (isTrue(job, 'Failed') || count(job, 'status', 'failed') > (typeof limit === 'number' ? limit : 6)) {
    throw releaseError('WAIT_TIMEOUT', `job is failed: ${job.metadata.namespace ?? ''}/${job.metadata.name}`);
  }
  const completions = getIn(job, ['spec', 'completions']);
  return typeof completions !== 'number' || count(job, 'status', 'succeeded') >= completions;
}

async function deploymentReady(deployment: AnyObject, context: ActionContext): Promise<boolean> {
  if (getIn(deployment, ['spec', 'paused']) === true) return true;
  if (!observed(deployment)) return false;
  const replicas = getIn(deployment, ['spec', 'replicas']);
  const wanted = typeof replicas === 'number' ? replicas : 1;
  const newest = await newReplicaSet(deployment, context);
  if (newest === undefined || !observed(newest)) return false;
  return count(newest, 'status', 'readyReplicas') >= wanted - maxUnavailable(deployment, wanted);
}

async function newReplicaSet(deployment: AnyObject, context: ActionContext): Promise<AnyObject | undefined> {
  const { items } = await context.client.list(ReplicaSets, { namespace: deployment.metadata.namespace });
  const revision = deployment.metadata.annotations?.['deployment.kubernetes.io/revision'];
  const owned = items.filter((item) =>
    item.metadata.ownerReferences?.some((owner) => owner.uid === deployment.metadata.uid),
  );
  return owned.find((item) => item.metadata.annotations?.['deployment.kubernetes.io/revision'] === revision);
}

function maxUnavailable(deployment: AnyObject, replicas: number): number {
  if (getIn(deployment, ['spec', 'strategy', 'type']) === 'Recreate') return 0;
  const surge = getIn(deployment, ['spec', 'strategy', 'rollingUpdate', 'maxSurge']) ?? '25%';
  const allowed = getIn(deployment, ['spec', 'strategy', 'rollingUpdate', 'maxUnavailable']) ?? '25%';
  const unavailable = Math.min(scaled(allowed, replicas, Math.floor), replicas);
  // Both zero would never roll: the controller takes one then.
  return unavailable === 0 && scaled(surge, replicas, Math.ceil) === 0 ? Math.min(1, replicas) : unavailable;
}

function scaled(value: unknown, total: number, round: (exact: number) => number): number {
  if (typeof value === 'number') return value;
  const match = /^(\d+)%$/.exec(String(value));
  return match === null ? 0 : round((Number(match[1]) * total) / 100);
}

function statefulSetReady(set: AnyObject): boolean {
  if (!observed(set)) return false;
  if (getIn(set, ['spec', 'updateStrategy', 'type']) === 'OnDelete') return true;
  const replicas = getIn(set, ['spec', 'replicas']);
  const wanted = typeof replicas === 'number' ? replicas : 1;
  const partition = getIn(set, ['spec', 'updateStrategy', 'rollingUpdate', 'partition']);
  const kept = typeof partition === 'number' ? partition : 0;
  if (count(set, 'status', 'updatedReplicas') < wanted - kept) return false;
  if (count(set, 'status', 'readyReplicas') !== wanted) return false;
  const status: unknown = set['status'];
  const revisions: UnknownRecord = isRecord(status) ? status : {};
  return kept > 0 || revisions['currentRevision'] === revisions['updateRevision'];
}

function daemonSetReady(set: AnyObject): boolean {
  if (!observed(set)) return false;
  if (getIn(set, ['spec', 'updateStrategy', 'type']) === 'OnDelete') return true;
  const desired = count(set, 'status', 'desiredNumberScheduled');
  if (count(set, 'status', 'updatedNumberScheduled') !== desired) return false;
  const allowed = getIn(set, ['spec', 'updateStrategy', 'rollingUpdate', 'maxUnavailable']) ?? 1;
  return count(set, 'status', 'numberReady') >= desired - scaled(allowed, desired, Math.ceil);
}

function serviceReady(service: AnyObject): boolean {
  if (getIn(service, ['spec', 'type']) === 'ExternalName') return true;
  if ((getIn(service, ['spec', 'clusterIP']) ?? '') === '') return false;
  if (getIn(service, ['spec', 'type']) !== 'LoadBalancer') return true;
  const external = getIn(service, ['spec', 'externalIPs']);
  if (Array.isArray(external) && external.length > 0) return true;
  return Array.isArray(getIn(service, ['status', 'loadBalancer', 'ingress']));
}

function observed(object: AnyObject): boolean {
  return getIn(object, ['status', 'observedGeneration']) === object.metadata.generation;
}

function conditionsOf(object: AnyObject): Condition[] {
  const conditions = getIn(object, ['status', 'conditions']);
  return Array.isArray(conditions) ? (conditions.filter(isRecord) as unknown as Condition[]) : [];
}

function isTrue(object: AnyObject, type: string): boolean {
  return conditionsOf(object).some((entry) => entry.type === type && entry.status === 'True');
}

function count(object: AnyObject, part: 'spec' | 'status', member: string): number {
  const value = getIn(object, [part, member]);
  return typeof value === 'number' ? value : 0;
}
