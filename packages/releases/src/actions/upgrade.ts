/** Upgrades a release to a chart and values. */

import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import { isPending, toHelmTime, type Release } from '../storage/release.ts';
import { deleteObjects, updateObjects, type UpdateResult } from './apply.ts';
import type { ActionContext } from './context.ts';
import { runHooks } from './hooks.ts';
import { checkLabels, type InstallOptions } from './install.ts';
import { buildObjects, identityOf, type ReleaseObject } from './objects.ts';
import { findAdopted, withAdopted, withOwner } from './ownership.ts';
import { validateReleaseName } from './release-name.ts';
import { plainValues, renderRelease } from './render.ts';
import { rollback } from './rollback.ts';
import { applyMethodOf, sendsServerSide } from './send.ts';
import { chooseValues, type ValuesPolicy } from './values-policy.ts';
import { waitUntilReady } from './wait.ts';

export interface UpgradeOptions extends Omit<
  InstallOptions,
  'createNamespace' | 'replace' | 'skipCrds' | 'serverSide'
> {
  /** Server-side apply; `auto` as the last revision was sent. Left out: as Helm 3. */
  readonly serverSide?: boolean | 'auto' | undefined;
  readonly valuesPolicy: ValuesPolicy;
  /** Deletes what this upgrade created when it fails. */
  readonly cleanupOnFail: boolean;
  /** Revisions that are kept, the new one included; 0 keeps all. */
  readonly historyMax: number;
  /**
   * A revision that a killed operation left pending is marked failed and rolled forward instead of refused.
   * Only for the one controller that owns the release.
   */
  readonly recoverPending: boolean;
}

/**
 * Writes the next revision (pending-upgrade, then deployed or failed) and brings the objects to its manifest. With
 * `atomic` a failure rolls back to the last revision that worked. Source: helm 3 pkg/action/upgrade.go.
 */
export async function upgrade(context: ActionContext, options: UpgradeOptions): Promise<Release> {
  const { progress, storage } = context;
  validateReleaseName(options.name);
  checkLabels(options.labels);
  progress(`preparing upgrade for ${options.name}`);
  const prepared = await prepare(context, options);
  progress(`performing update for ${options.name}`);
  const work = await plan(context, options, prepared);
  const { next } = work;
  if (options.dryRun !== 'none') {
    progress(`dry run for ${options.name}`);
    next.info.description = options.description ?? 'Dry run complete';
    return next;
  }
  progress(`creating upgraded release for ${options.name}`);
  await storage.create(next, { historyMax: options.historyMax, annotations: context.pendingAnnotations });
  const result: UpdateResult = { created: [], updated: [], deleted: [] };
  const sending = next.apply_method === 'ssa' ? { ...context, serverSide: { force: true } } : context;
  try {
    await perform(sending, options, work, result);
  } catch (error) {
    throw await failed(context, options, { next, result, error });
  }
  const { current } = prepared;
  // The one it started from, also when it had failed (a killed one says so for good), and what else counts as deployed.
  const others = (await storage.deployedAll(next.name)).filter(({ version }) => version !== current.version);
  for (const release of [...(isInterrupted(current) ? [] : [current]), ...others]) {
    if (release.version === next.version) continue;
    release.info.status = 'superseded';
    await storage.update(release);
  }
  next.info.status = 'deployed';
  next.info.description = options.description ?? 'Upgrade complete';
  progress(`updating status for upgraded release for ${options.name}`);
  await storage.update(next);
  return next;
}

interface Prepared {
  /** The revision the upgrade starts from: the deployed one, or the last when none ever was. */
  readonly current: Release;
  /** A revision that was killed half-way on top of `current`. */
  readonly interrupted: Release | undefined;
  readonly next: Release;
}

async function prepare(context: ActionContext, options: UpgradeOptions): Promise<Prepared> {
  const { name } = options;
  const history = await context.storage.history(name);
  const last = history.at(-1);
  if (last === undefined) throw noDeployedRelease(name);
  const wasPending = isPending(last.info.status);
  if (wasPending && !options.recoverPending) {
    throw releaseError('RELEASE_PENDING', 'another operation (install/upgrade/rollback) is in progress', {
      next: `wait for it; if it was killed, roll back with: towpath helm rollback ${name}`,
    });
  }
  if (wasPending && options.dryRun === 'none') await markInterrupted(context, last);
  const current = startingPoint(history, last);
  const values = chooseValues(options, current);
  const rendered = await renderRelease(context, {
    chart: values.chart,
    values: values.values,
    valueLayers: values.layers,
    release: { name, namespace: current.namespace, revision: last.version + 1, isInstall: false, isUpgrade: true },
    lookup: options.dryRun !== 'client',
    skipSchemaValidation: options.skipSchemaValidation,
    subchartNotes: options.subchartNotes,
  });
  const next: Release = {
    name,
    namespace: current.namespace,
    version: last.version + 1,
    chart: rendered.chart,
    config: plainValues(values.values),
    manifest: rendered.manifest,
    hooks: rendered.hooks,
    labels: mergeLabels(last.labels, options.labels),
    ...applyMethodOf(sendsServerSide(options.serverSide, last)),
    info: {
      first_deployed: current.info.first_deployed,
      last_deployed: toHelmTime(context.clock.nowMs()),
      deleted: '',
      description: 'Preparing upgrade',
      status: 'pending-upgrade',
      ...(rendered.notes === '' ? {} : { notes: rendered.notes }),
    },
  };
  const interrupted = isInterrupted(last) && last !== current ? last : undefined;
  return { current, interrupted, next };
}

const interruptedDescription = 'interrupted: the process that ran it was killed';

async function markInterrupted(context: ActionContext, last: Release): Promise<void> {
  context.progress(`revision ${last.version} of ${last.name} was left ${last.info.status}: rolling forward`);
  last.info.status = 'failed';
  last.info.description = interruptedDescription;
  await context.storage.update(last);
}

function isInterrupted(release: Release): boolean {
  return release.info.description === interruptedDescription || isPending(release.info.status);
}

function startingPoint(history: readonly Release[], last: Release): Release {
  if (last.info.status === 'deployed') return last;
  const deployed = history.findLast((release) => release.info.status === 'deployed');
  if (deployed !== undefined) return deployed;
  if (last.info.status === 'failed' || last.info.status === 'superseded' || isPending(last.info.status)) return last;
  throw noDeployedRelease(last.name);
}

function noDeployedRelease(name: string): Error {
  return releaseError('NO_DEPLOYED_RELEASE', `"${name}" has no deployed releases`, {
    next: `install it with: towpath helm upgrade --install ${name} CHART`,
  });
}

/** A label set to null is taken off. */
function mergeLabels(last: Record<string, string>, next: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries({ ...last, ...next }).filter(([, value]) => value !== 'null'));
}

interface Work {
  readonly next: Release;
  readonly current: readonly ReleaseObject[];
  readonly target: readonly ReleaseObject[];
  readonly threeWay: ReadonlySet<string> | 'all';
}

async function plan(context: ActionContext, options: UpgradeOptions, prepared: Prepared): Promise<Work> {
  const { current, next, interrupted } = prepared;
  const target = (await buildObjects(next.manifest, context)).map((item) =>
    withOwner(item, next, context.objectAnnotations),
  );
  const last = await lastObjects(context, current, interrupted);
  const known = new Set(last.map(identityOf));
  const adopted = await findAdopted(
    target.filter((item) => !known.has(identityOf(item))),
    {
      client: context.client,
      owner: next,
      takeOwnership: options.takeOwnership,
      refusal: 'Unable to continue with update',
    },
  );
  const fromGit = adopted.filter((entry) => entry.fromGit).map((entry) => identityOf(entry.original));
  return {
    next,
    current: withAdopted(last, adopted),
    target,
    // Nobody knows how far a killed operation came: only the live objects tell.
    threeWay: options.takeOwnership || interrupted !== undefined ? 'all' : new Set(fromGit),
  };
}

/** The objects that the cluster may hold of the release; those of a killed revision on top of the deployed one's. */
async function lastObjects(
  context: ActionContext,
  current: Release,
  interrupted: Release | undefined,
): Promise<ReleaseObject[]> {
  const build = (release: Release): Promise<ReleaseObject[]> =>
    buildObjects(release.manifest, { ...context, skipUnknownKinds: true });
  const deployed = (await build(current)).map((item) => withOwner(item, current, context.objectAnnotations));
  if (interrupted === undefined) return deployed;
  const half = new Map((await build(interrupted)).map((item) => [identityOf(item), item]));
  const merged = deployed.map((item): ReleaseObject => {
    const other = half.get(identityOf(item));
    half.delete(identityOf(item));
    if (other === undefined) return item;
    return { type: item.type, object: union(item.object, other.object) as ReleaseObject['object'] };
  });
  return [...merged, ...[...half.values()].map((item) => withOwner(item, interrupted, context.objectAnnotations))];
}

/** Every member of both: a three-way merge then removes what either of them set and the new manifest has not. */
function union(left: unknown, right: unknown): unknown {
  if (!isRecord(left) || !isRecord(right)) return right;
  const result: UnknownRecord = { ...left };
  for (const [key, value] of Object.entries(right)) result[key] = key in left ? union(left[key], value) : value;
  return result;
}

async function perform(
  context: ActionContext,
  options: UpgradeOptions,
  work: Work,
  result: UpdateResult,
): Promise<void> {
  const { next, current, target, threeWay } = work;
  const { force, strictThreeWay, timeoutMs } = options;
  if (options.disableHooks) context.progress(`upgrade hooks disabled for ${next.name}`);
  else await hooks(context, next, 'pre-upgrade', timeoutMs);
  await updateObjects(context, { owner: next, current, target, force, strictThreeWay, threeWay }, result);
  if (options.wait || options.atomic) {
    const { created, updated, deleted } = result;
    const counts = `created: ${created.length} updated: ${updated.length}  deleted: ${deleted.length}`;
    context.progress(`waiting for release ${next.name} resources (${counts})`);
    await waitUntilReady(context, target, options);
  }
  if (!options.disableHooks) await hooks(context, next, 'post-upgrade', timeoutMs);
}

async function hooks(
  context: ActionContext,
  release: Release,
  event: 'pre-upgrade' | 'post-upgrade',
  timeoutMs: number,
): Promise<void> {
  try {
    await runHooks(context, release, event, timeoutMs);
  } catch (error) {
    throw releaseError('HOOK_FAILED', `${event} hooks failed: ${messageOf(error)}`, { cause: error });
  }
}

/** Marks the revision failed, cleans up and rolls back where that was asked for; returns what to throw. */
async function failed(
  context: ActionContext,
  options: UpgradeOptions,
  { next, result, error }: { next: Release; result: UpdateResult; error: unknown },
): Promise<unknown> {
  const message = `Upgrade "${next.name}" failed: ${messageOf(error)}`;
  context.progress(`warning: ${message}`);
  next.info.status = 'failed';
  next.info.description = message;
  await context.storage.update(next);
  if (options.cleanupOnFail && result.created.length > 0) {
    context.progress(`Cleanup on fail set, cleaning up ${result.created.length} resources`);
    await deleteObjects(context, result.created);
  }
  if (!options.atomic) return error;
  context.progress('Upgrade failed and atomic is set, rolling back to last successful release');
  const history = await context.storage.history(next.name);
  const good = history.findLast(({ info }) => info.status === 'superseded' || info.status === 'deployed');
  if (good === undefined) {
    const what = 'unable to find a previously successful release when attempting to rollback. original upgrade error';
    return releaseError('RELEASE_FAILED', `${what}: ${messageOf(error)}`, { cause: error });
  }
  const { signal: _ended, ...unhurried } = context;
  await rollback(unhurried, { ...options, revision: good.version, wait: true, dryRun: false });
  const what = `release ${next.name} failed, and has been rolled back due to atomic being set`;
  return releaseError('RELEASE_FAILED', `${what}: ${messageOf(error)}`, { cause: error });
}
