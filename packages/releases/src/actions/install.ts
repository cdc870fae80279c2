/** Installs a chart as a new release. */

import { Namespaces } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { isAlreadyExists } from '@towpath/runtime';
import type { Chart, ValueLayer } from '@towpath/charts';
import { releaseError } from '../errors.ts';
import { toHelmTime, type Release } from '../storage/release.ts';
import { systemLabels } from '../storage/secrets.ts';
import { createObjects, updateObjects } from './apply.ts';
import type { ActionContext, OperationOptions } from './context.ts';
import { installCrds } from './crds.ts';
import { runHooks } from './hooks.ts';
import { buildObjects, identityOf, type ReleaseObject } from './objects.ts';
import { findAdopted, withAdopted, withOwner, type Adopted } from './ownership.ts';
import { validateReleaseName } from './release-name.ts';
import { enabledCrds, plainValues, renderRelease, type Values } from './render.ts';
import { applyMethodOf } from './send.ts';
import { uninstall } from './uninstall.ts';
import { waitUntilReady } from './wait.ts';

/** `client` renders without asking the cluster for objects, `server` asks; neither writes anything. */
export type DryRun = 'none' | 'client' | 'server';

export interface InstallOptions extends OperationOptions {
  readonly name: string;
  readonly chart: Chart;
  /** The user's values. */
  readonly values: Values;
  /** Where they came from, for errors. */
  readonly valueLayers?: readonly ValueLayer[];
  readonly dryRun: DryRun;
  readonly createNamespace: boolean;
  /** Sends objects by server-side apply; left out, as Helm 3 does and without a word of it in the release. */
  readonly serverSide?: boolean | undefined;
  /** Takes the name of a release that was uninstalled with its history kept, or that failed. */
  readonly replace: boolean;
  /** Uninstalls again when it fails; implies waiting. */
  readonly atomic: boolean;
  readonly skipCrds: boolean;
  readonly takeOwnership: boolean;
  readonly skipSchemaValidation: boolean;
  readonly subchartNotes: boolean;
  readonly description: string | undefined;
  /** Extra labels of the release's Secret. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Writes revision 1 (pending-install, then deployed or failed) and the chart's objects. A refusal before anything was
 * written throws and leaves no trace; a failure after that leaves a failed revision, or nothing with `atomic`.
 * Source: helm 3 pkg/action/install.go.
 */
export async function install(given: ActionContext, options: InstallOptions): Promise<Release> {
  const context = options.serverSide === true ? { ...given, serverSide: { force: false } } : given;
  const isDryRun = options.dryRun !== 'none';
  const previous = await availableName(context, options);
  checkLabels(options.labels);
  await prepareCrds(context, options);
  const release = await prepare(context, options);
  const objects = (await buildObjects(release.manifest, context)).map((item) =>
    withOwner(item, release, context.objectAnnotations),
  );
  const adopted = await findAdopted(objects, {
    client: context.client,
    owner: release,
    takeOwnership: options.takeOwnership,
    refusal: 'Unable to continue with install',
  });
  if (isDryRun) {
    release.info.description = 'Dry run complete';
    return release;
  }
  if (options.createNamespace) await createNamespace(context);
  if (previous !== undefined) await supersede(context, release, previous);
  await context.storage.create(release, { historyMax: 0, annotations: context.pendingAnnotations });
  try {
    await perform(context, options, { release, objects, adopted });
  } catch (error) {
    throw await failed(context, options, { release, error });
  }
  release.info.status = 'deployed';
  release.info.description = options.description ?? 'Install complete';
  await context.storage.update(release);
  return release;
}

async function prepareCrds(context: ActionContext, options: InstallOptions): Promise<void> {
  const { chart, values, name, skipSchemaValidation } = options;
  if (options.skipCrds || chart.crds.length === 0) return;
  if (options.dryRun !== 'none') {
    const what = 'This chart or one of its subcharts contains CRDs.';
    context.progress(`WARNING: ${what} Rendering may fail or contain inaccuracies.`);
    return;
  }
  const release = { name, namespace: context.namespace, revision: 1, isInstall: true, isUpgrade: false };
  const input = { chart, values, release, lookup: false, skipSchemaValidation, subchartNotes: false };
  const crds = await enabledCrds(context, input);
  await installCrds(context, crds);
}

/** Refuses a name in use; returns the last revision of a release that is replaced. */
async function availableName(context: ActionContext, options: InstallOptions): Promise<Release | undefined> {
  validateReleaseName(options.name);
  if (options.dryRun !== 'none') return undefined;
  const last = await context.storage.last(options.name);
  if (last === undefined) return undefined;
  const { status } = last.info;
  if (options.replace && (status === 'uninstalled' || status === 'failed')) return last;
  throw releaseError('RELEASE_NAME_IN_USE', 'cannot re-use a name that is still in use', {
    next: `upgrade it with: towpath helm upgrade ${options.name}, or choose another name`,
  });
}

/** Refuses labels that the storage sets itself: `VALUES_INVALID` in Helm's words. */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  const taken = Object.keys(labels).find((label) => (systemLabels as readonly string[]).includes(label));
  if (taken === undefined) return;
  throw releaseError(
    'VALUES_INVALID',
    `user supplied labels contains system reserved label name. System labels: [${systemLabels.join(' ')}]`,
    { next: `leave out the label "${taken}"` },
  );
}

async function prepare(context: ActionContext, options: InstallOptions): Promise<Release> {
  const { name, chart, values } = options;
  const { namespace } = context;
  const rendered = await renderRelease(context, {
    chart,
    values,
    valueLayers: options.valueLayers,
    release: { name, namespace, revision: 1, isInstall: true, isUpgrade: false },
    lookup: options.dryRun !== 'client',
    skipSchemaValidation: options.skipSchemaValidation,
    subchartNotes: options.subchartNotes,
  });
  const now = toHelmTime(context.clock.nowMs());
  return {
    name,
    namespace,
    version: 1,
    chart: rendered.chart,
    config: plainValues(values),
    manifest: rendered.manifest,
    hooks: rendered.hooks,
    labels: { ...options.labels },
    ...applyMethodOf(options.serverSide),
    info: {
      first_deployed: now,
      last_deployed: now,
      deleted: '',
      description: 'Initial install underway',
      status: 'pending-install',
      ...(rendered.notes === '' ? {} : { notes: rendered.notes }),
    },
  };
}

async function createNamespace(context: ActionContext): Promise<void> {
  const name = context.namespace;
  try {
    await context.client.create(Namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { name } },
    });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function supersede(context: ActionContext, release: Release, previous: Release): Promise<void> {
  release.version = previous.version + 1;
  if (previous.info.status === 'failed') return;
  previous.info.status = 'superseded';
  previous.info.description = 'superseded by new release';
  await context.storage.update(previous);
}

interface Work {
  readonly release: Release;
  readonly objects: readonly ReleaseObject[];
  readonly adopted: readonly Adopted[];
}

async function perform(context: ActionContext, options: InstallOptions, work: Work): Promise<void> {
  const { release, objects, adopted } = work;
  if (!options.disableHooks) await hooks(context, release, 'pre-install', options.timeoutMs);
  if (adopted.length === 0) await createObjects(context, objects);
  else {
    const { force, strictThreeWay, takeOwnership } = options;
    const taken = adopted.filter((entry) => entry.fromGit).map((entry) => identityOf(entry.original));
    const threeWay = takeOwnership ? 'all' : new Set(taken);
    const update = {
      owner: release,
      current: withAdopted([], adopted),
      target: objects,
      force,
      strictThreeWay,
      threeWay,
    } as const;
    const forced = options.serverSide === true ? { ...context, serverSide: { force: true } } : context;
    await updateObjects(forced, update, { created: [], updated: [], deleted: [] });
  }
  if (options.wait || options.atomic) await waitUntilReady(context, objects, options);
  if (!options.disableHooks) await hooks(context, release, 'post-install', options.timeoutMs);
}

async function hooks(
  context: ActionContext,
  release: Release,
  event: 'pre-install' | 'post-install',
  timeoutMs: number,
): Promise<void> {
  try {
    await runHooks(context, release, event, timeoutMs);
  } catch (error) {
    throw releaseError('HOOK_FAILED', `failed ${event}: ${messageOf(error)}`, { cause: error });
  }
}

/** Marks the revision failed, or removes everything when it was to be all or nothing; returns what to throw. */
async function failed(
  context: ActionContext,
  options: InstallOptions,
  { release, error }: { release: Release; error: unknown },
): Promise<unknown> {
  release.info.status = 'failed';
  release.info.description = `Release "${release.name}" failed: ${messageOf(error)}`;
  if (!options.atomic) {
    await context.storage.update(release);
    return error;
  }
  context.progress('Install failed and atomic is set, uninstalling release');
  const { disableHooks, timeoutMs, name } = options;
  const { signal: _ended, ...unhurried } = context;
  await uninstall(unhurried, {
    name,
    disableHooks,
    timeoutMs,
    keepHistory: false,
    dryRun: false,
    ignoreNotFound: true,
    wait: false,
    cascade: 'Background',
    description: undefined,
  });
  return releaseError(
    'RELEASE_FAILED',
    `release ${name} failed, and has been uninstalled due to atomic being set: ${messageOf(error)}`,
    { cause: error },
  );
}
