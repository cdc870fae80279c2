/** Hooks: in order of weight, each awaited, deleted as its policies say. */

import { Pods } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import {
  toHelmTime,
  type HookDeletePolicy,
  type HookEvent,
  type Release,
  type ReleaseHook,
} from '../storage/release.ts';
import { createObjects, deleteObjects } from './apply.ts';
import type { ActionContext } from './context.ts';
import { buildObjects } from './objects.ts';
import { waitForHooks, waitUntilGone } from './wait.ts';

/** The hooks of `event` in the order they run: kind order (as stored), then weight, then name. */
export function hooksOf(release: Release, event: HookEvent): ReleaseHook[] {
  return release.hooks
    .filter((hook) => hook.events.includes(event))
    .toSorted((left, right) => (left.weight ?? 0) - (right.weight ?? 0) || compare(left.name, right.name));
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Runs the hooks of `event`; their last run is recorded on the release. Throws `HOOK_FAILED` (or what the API said)
 * after the failed hook and those before it were cleaned up by their policies. Source: helm 3 pkg/action/hooks.go.
 */
export async function runHooks(
  context: ActionContext,
  release: Release,
  event: HookEvent,
  timeoutMs: number,
): Promise<void> {
  const hooks = hooksOf(release, event);
  for (const [index, hook] of hooks.entries()) {
    if ((hook.delete_policies ?? []).length === 0) hook.delete_policies = ['before-hook-creation'];
    await deleteByPolicy(context, hook, 'before-hook-creation', timeoutMs);
    hook.last_run = { started_at: toHelmTime(context.clock.nowMs()), completed_at: '', phase: 'Running' };
    await context.storage.update(release);
    try {
      await runHook(context, hook, event, timeoutMs);
    } catch (error) {
      await afterFailure(context, hook, timeoutMs);
      for (const earlier of hooks.slice(0, index)) await deleteByPolicy(context, earlier, 'hook-succeeded', timeoutMs);
      throw error;
    }
  }
  for (const hook of hooks.toReversed()) {
    await outputLogs(context, hook, 'hook-succeeded');
    await deleteByPolicy(context, hook, 'hook-succeeded', timeoutMs);
  }
}

async function runHook(context: ActionContext, hook: ReleaseHook, event: HookEvent, timeoutMs: number): Promise<void> {
  const complete = (phase: 'Succeeded' | 'Failed'): void => {
    hook.last_run = { ...hook.last_run, completed_at: toHelmTime(context.clock.nowMs()), phase };
  };
  const objects = await buildObjects(hook.manifest, context);
  try {
    await createObjects(context, objects);
  } catch (error) {
    complete('Failed');
    throw releaseError('HOOK_FAILED', `warning: Hook ${event} ${hook.path} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    await waitForHooks(context, objects, timeoutMs);
  } catch (error) {
    complete('Failed');
    throw error;
  }
  complete('Succeeded');
}

/** What cannot be cleaned up must not hide why the hook failed. */
async function afterFailure(context: ActionContext, hook: ReleaseHook, timeoutMs: number): Promise<void> {
  try {
    await outputLogs(context, hook, 'hook-failed');
    await deleteByPolicy(context, hook, 'hook-failed', timeoutMs);
  } catch (error) {
    context.progress(`error deleting the hook resource on hook failure: ${messageOf(error)}`);
  }
}

async function deleteByPolicy(
  context: ActionContext,
  hook: ReleaseHook,
  policy: HookDeletePolicy,
  timeoutMs: number,
): Promise<void> {
  // Deleting a CRD would take every object of its kind with it.
  if (hook.kind === 'CustomResourceDefinition') return;
  if (!(hook.delete_policies ?? []).includes(policy)) return;
  const objects = await buildObjects(hook.manifest, { ...context, skipUnknownKinds: true });
  const failures = await deleteObjects(context, objects);
  if (failures.length > 0) throw releaseError('HOOK_FAILED', failures.join('; '));
  await waitUntilGone(context, objects, timeoutMs);
}

async function outputLogs(
  context: ActionContext,
  hook: ReleaseHook,
  policy: 'hook-succeeded' | 'hook-failed',
): Promise<void> {
  const write = context.hookOutput;
  if (write === undefined || !(hook.output_log_policies ?? []).includes(policy)) return;
  if (hook.kind !== 'Job' && hook.kind !== 'Pod') return;
  const namespace = (await buildObjects(hook.manifest, context))[0]?.object.metadata.namespace ?? context.namespace;
  const selection =
    hook.kind === 'Job' ? { labelSelector: `job-name=${hook.name}` } : { fieldSelector: `metadata.name=${hook.name}` };
  const { items } = await context.client.list(Pods, { namespace, ...selection });
  for (const pod of items) {
    for (const container of pod.spec.containers) {
      write(await podLogs(context, { namespace, pod: pod.metadata.name, container: container.name }));
    }
  }
}

/** The log of one container, or of the only one. */
export async function podLogs(
  context: Pick<ActionContext, 'client'>,
  target: { namespace: string; pod: string; container?: string },
): Promise<string> {
  const response = await context.client.request({
    method: 'GET',
    path: `/api/v1/namespaces/${target.namespace}/pods/${target.pod}/log`,
    query: { container: target.container },
  });
  const text = await response.text();
  if (response.status >= 400) {
    throw releaseError('HOOK_FAILED', `unable to get pod logs for ${target.pod}: ${text.trim().slice(0, 300)}`);
  }
  return text;
}
