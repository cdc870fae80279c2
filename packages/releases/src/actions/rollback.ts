/** Rolls a release back: the manifest of an earlier revision becomes a new one. */

import { messageOf } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import { notFound } from '../storage/secrets.ts';
import { toHelmTime, type Release } from '../storage/release.ts';
import { deleteObjects, updateObjects, type UpdateResult } from './apply.ts';
import type { ActionContext, OperationOptions } from './context.ts';
import { runHooks } from './hooks.ts';
import { buildObjects, type ReleaseObject } from './objects.ts';
import { withOwner } from './ownership.ts';
import { validateReleaseName } from './release-name.ts';
import { applyMethodOf, sendsServerSide } from './send.ts';
import { waitUntilReady } from './wait.ts';

export interface RollbackOptions extends OperationOptions {
  readonly name: string;
  /** 0 means the revision before the last. */
  readonly revision: number;
  readonly dryRun: boolean;
  readonly cleanupOnFail: boolean;
  readonly historyMax: number;
  /** Server-side apply; `auto` as the revision was sent that is rolled back to. Left out: as Helm 3. */
  readonly serverSide?: boolean | 'auto' | undefined;
}

/**
 * Writes revision `last + 1` with the content of `revision`. On failure that revision is `failed` and the error says
 * why; on success every other deployed revision is superseded. Source: helm 3 pkg/action/rollback.go.
 */
export async function rollback(context: ActionContext, options: RollbackOptions): Promise<Release> {
  const { storage, progress } = context;
  validateReleaseName(options.name);
  progress(`preparing rollback of ${options.name}`);
  const { current, target } = await prepare(context, options);
  if (options.dryRun) {
    progress(`dry run for ${options.name}`);
    return target;
  }
  progress(`creating rolled back release for ${options.name}`);
  await storage.create(target, { historyMax: options.historyMax });
  progress(`performing rollback of ${options.name}`);
  const sending = target.apply_method === 'ssa' ? { ...context, serverSide: { force: true } } : context;
  await perform(sending, options, { current, target });
  progress(`updating status for rolled back release for ${options.name}`);
  await storage.update(target);
  return target;
}

interface Pair {
  readonly current: Release;
  readonly target: Release;
}

async function prepare(context: ActionContext, options: RollbackOptions): Promise<Pair> {
  const { storage, progress, clock } = context;
  const history = await storage.history(options.name);
  const current = history.at(-1);
  if (current === undefined) throw notFound(options.name, context.namespace);
  const wanted = options.revision === 0 ? current.version - 1 : options.revision;
  const previous = history.find((release) => release.version === wanted);
  if (previous === undefined) {
    throw releaseError('RELEASE_NOT_FOUND', `release has no ${wanted} version`, {
      next: `see its revisions with: towpath helm history ${options.name}`,
    });
  }
  progress(`rolling back ${options.name} (current: v${current.version}, target: v${wanted})`);
  const target: Release = {
    ...previous,
    namespace: current.namespace,
    info: {
      first_deployed: current.info.first_deployed,
      last_deployed: toHelmTime(clock.nowMs()),
      deleted: '',
      status: 'pending-rollback',
      ...(previous.info.notes === undefined ? {} : { notes: previous.info.notes }),
      description: `Rollback to ${wanted}`,
    },
    version: current.version + 1,
    ...applyMethodOf(sendsServerSide(options.serverSide, previous)),
  };
  return { current, target };
}

async function waitFor(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  { target, options }: { readonly target: Release; readonly options: RollbackOptions },
): Promise<void> {
  try {
    await waitUntilReady(context, objects, options);
  } catch (error) {
    throw releaseError('WAIT_TIMEOUT', `release ${target.name} failed: ${messageOf(error)}`, { cause: error });
  }
}

async function perform(context: ActionContext, options: RollbackOptions, { current, target }: Pair): Promise<void> {
  const { storage } = context;
  const result: UpdateResult = { created: [], updated: [], deleted: [] };
  let objects: ReleaseObject[];
  try {
    const last = await buildObjects(current.manifest, { ...context, skipUnknownKinds: true });
    objects = (await buildObjects(target.manifest, context)).map((item) =>
      withOwner(item, target, context.objectAnnotations),
    );
    if (!options.disableHooks) await runHooks(context, target, 'pre-rollback', options.timeoutMs);
    const { force, strictThreeWay } = options;
    const update = {
      owner: target,
      current: last,
      target: objects,
      force,
      strictThreeWay,
      threeWay: new Set<string>(),
    };
    await updateObjects(context, update, result);
    if (options.wait) await waitFor(context, objects, { target, options });
    if (!options.disableHooks) await runHooks(context, target, 'post-rollback', options.timeoutMs);
  } catch (error) {
    current.info.status = 'superseded';
    target.info.status = 'failed';
    target.info.description = `Rollback "${target.name}" failed: ${messageOf(error)}`;
    await storage.update(current);
    await storage.update(target);
    if (options.cleanupOnFail) await deleteObjects(context, result.created);
    throw error;
  }
  for (const release of await storage.deployedAll(target.name)) {
    release.info.status = 'superseded';
    await storage.update(release);
  }
  target.info.status = 'deployed';
}
