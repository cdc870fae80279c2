/** Removes a release: its objects in uninstall order, its hooks around them, then its history. */

import { releaseError } from '../errors.ts';
import { toHelmTime, type Release } from '../storage/release.ts';
import { deleteObjects, resourcePolicyAnnotation } from './apply.ts';
import type { ActionContext } from './context.ts';
import { runHooks } from './hooks.ts';
import { inUninstallOrder } from './kind-order.ts';
import { buildObjects, type ReleaseObject } from './objects.ts';
import { validateReleaseName } from './release-name.ts';
import { messageOf } from '@towpath/kit';
import { waitUntilGone } from './wait.ts';

export interface UninstallOptions {
  readonly name: string;
  readonly keepHistory: boolean;
  readonly disableHooks: boolean;
  readonly dryRun: boolean;
  readonly ignoreNotFound: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly cascade: 'Background' | 'Foreground' | 'Orphan';
  readonly description: string | undefined;
}

export interface UninstallResult {
  readonly release: Release;
  /** Objects that stay because of their resource policy, as Helm prints them; '' when there are none. */
  readonly info: string;
}

/** Returns undefined when the release is not there and `ignoreNotFound` is set. Source: helm 3 pkg/action/uninstall.go. */
export async function uninstall(
  context: ActionContext,
  options: UninstallOptions,
): Promise<UninstallResult | undefined> {
  const { storage, progress, clock } = context;
  validateReleaseName(options.name);
  const history = await storage.history(options.name);
  const release = history.at(-1);
  if (release === undefined) {
    if (options.ignoreNotFound) return undefined;
    throw releaseError('RELEASE_NOT_FOUND', `uninstall: Release not loaded: ${options.name}: release: not found`, {
      next: `see the releases there are with: towpath helm list -n ${context.namespace}`,
    });
  }
  if (options.dryRun) return { release, info: '' };
  if (release.info.status === 'uninstalled') return uninstalledAlready(context, options, history, release);
  progress(`uninstall: Deleting ${options.name}`);
  release.info.status = 'uninstalling';
  release.info.deleted = toHelmTime(clock.nowMs());
  release.info.description = 'Deletion in progress (or silently failed)';
  if (!options.disableHooks) await runHooks(context, release, 'pre-delete', options.timeoutMs);
  await storage.update(release);
  const { deleted, info } = await deleteRelease(context, options, release);
  const failures = await afterDeletion(context, options, release, deleted);
  release.info.status = 'uninstalled';
  release.info.description = options.description ?? 'Uninstallation complete';
  if (options.keepHistory) await storage.update(release);
  else {
    progress(`purge requested for ${options.name}`);
    for (const revision of history) await storage.delete(revision.name, revision.version);
  }
  if (failures.length > 0) {
    throw releaseError(
      'RELEASE_FAILED',
      `uninstallation completed with ${failures.length} error(s): ${failures.join('; ')}`,
    );
  }
  return { release, info };
}

async function uninstalledAlready(
  context: ActionContext,
  options: UninstallOptions,
  history: readonly Release[],
  release: Release,
): Promise<UninstallResult> {
  if (options.keepHistory) {
    throw releaseError('RELEASE_NOT_FOUND', `the release named "${options.name}" is already deleted`, {
      next: 'repeat without --keep-history to remove its history',
    });
  }
  for (const revision of history) await context.storage.delete(revision.name, revision.version);
  return { release, info: '' };
}

async function deleteRelease(
  context: ActionContext,
  options: UninstallOptions,
  release: Release,
): Promise<{ deleted: ReleaseObject[]; info: string }> {
  const objects = await buildObjects(release.manifest, { ...context, skipUnknownKinds: true });
  const kept = objects.filter(isKept);
  const deleted = inUninstallOrder(objects.filter((item) => !isKept(item)));
  const failures = await deleteObjects(context, deleted, options.cascade);
  if (failures.length > 0) {
    context.progress(`uninstall: Failed to delete release: [${failures.join(' ')}]`);
    throw releaseError('RELEASE_FAILED', `failed to delete release: ${options.name}: ${failures.join('; ')}`, {
      next: 'repeat the uninstall: what is gone is passed over',
    });
  }
  const lines = kept.map((item) => `[${item.object.kind}] ${item.object.metadata.name}\n`).join('');
  const info = lines === '' ? '' : `These resources were kept due to the resource policy:\n${lines}`;
  return { deleted, info };
}

function isKept({ object }: ReleaseObject): boolean {
  const policy = object.metadata.annotations?.[resourcePolicyAnnotation];
  return typeof policy === 'string' && policy.trim().toLowerCase() === 'keep';
}

async function afterDeletion(
  context: ActionContext,
  options: UninstallOptions,
  release: Release,
  deleted: readonly ReleaseObject[],
): Promise<string[]> {
  const failures: string[] = [];
  const attempt = async (work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => failures.push(messageOf(error)));
  };
  if (options.wait) await attempt(waitUntilGone(context, deleted, options.timeoutMs));
  if (!options.disableHooks) await attempt(runHooks(context, release, 'post-delete', options.timeoutMs));
  return failures;
}
