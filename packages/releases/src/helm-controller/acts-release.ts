/** Install and upgrade: the two actions that make a new revision of what the spec asks for. */

import { goDurationText } from '@towpath/kit';
import { install } from '../actions/install.ts';
import { upgrade } from '../actions/upgrade.ts';
import type { Release } from '../storage/release.ts';
import { applyCrds } from './crds.ts';
import { mark, remove, summarize } from './conditions.ts';
import { snapshotOf, valuesDigest } from './digests.ts';
import { chartName, fullName, isOf, latest } from './history.ts';
import type { ReleaseAction } from './helm-release.ts';
import { inventoryOf } from './inventory.ts';
import { defaultMaxHistory, releaseNamespace, timeoutMs, fullReleaseName } from './settings.ts';
import { aboutSnapshot, ActionLog, conclude, contextOf, releaseNameOf, wordsOf, type Work } from './work.ts';

/** Source: helm-controller internal/reconcile/install.go. Throws when nothing was stored: then it can be tried again. */
export function runInstall(work: Work): Promise<void> {
  const { spec } = work.draft.object;
  const given = spec.install ?? {};
  const serverSide = given.serverSideApply ?? true;
  delete work.draft.status.history;
  return release(work, 'install', async (seen, log) => {
    const context = contextOf(work, log, seen);
    const crds = given.crds ?? (given.skipCRDs === true ? 'Skip' : 'Create');
    await applyCrds(context, work, { policy: crds, serverSide });
    await install(context, {
      ...shared(work, 'install'),
      serverSide,
      createNamespace: given.createNamespace === true && (spec.targetNamespace ?? '') !== '',
      replace: given.replace === true,
      skipCrds: true,
      force: false,
    });
  });
}

/** Source: helm-controller internal/reconcile/upgrade.go. Throws when nothing was stored: then it can be tried again. */
export function runUpgrade(work: Work): Promise<void> {
  const { spec } = work.draft.object;
  const given = spec.upgrade ?? {};
  return release(work, 'upgrade', async (seen, log) => {
    const context = contextOf(work, log, seen);
    const last = await work.storage.last(releaseNameOf(work));
    const mode = given.serverSideApply ?? 'auto';
    const serverSide = mode === 'auto' ? last?.apply_method === 'ssa' : mode === 'enabled';
    await applyCrds(context, work, { policy: given.crds ?? 'Skip', serverSide });
    await upgrade(context, {
      ...shared(work, 'upgrade'),
      serverSide,
      force: given.force === true && !serverSide,
      valuesPolicy: given.preserveValues === true ? 'reuse' : 'reset',
      cleanupOnFail: given.cleanupOnFail === true,
      historyMax: spec.maxHistory ?? defaultMaxHistory,
      recoverPending: false,
    });
  });
}

function shared(work: Work, action: 'install' | 'upgrade') {
  const { spec } = work.draft.object;
  const given = spec[action] ?? {};
  return {
    name: releaseNameOf(work),
    chart: work.chart,
    values: work.values.values,
    valueLayers: work.values.layers,
    dryRun: 'none',
    wait: given.disableWait !== true,
    waitForJobs: given.disableWaitForJobs !== true,
    timeoutMs: timeoutMs(spec, action),
    disableHooks: given.disableHooks === true,
    strictThreeWay: false,
    atomic: false,
    takeOwnership: given.disableTakeOwnership !== true,
    skipSchemaValidation: given.disableSchemaValidation === true,
    subchartNotes: false,
    description: undefined,
    labels: {},
  } as const;
}

type Run = (seen: (release: Release) => void, log: ActionLog) => Promise<void>;

async function release(work: Work, action: 'install' | 'upgrade', run: Run): Promise<void> {
  const { draft, deps } = work;
  const { status } = draft;
  status.lastAttemptedReleaseAction = action;
  remove(draft, 'TestSuccess');
  remove(draft, 'Remediated');
  const log = new ActionLog();
  const stored = new Map<number, Release>();
  const startedAtMs = deps.clock.monotonicMs();
  let failure: { readonly error: unknown } | undefined;
  try {
    await run((written) => stored.set(written.version, written), log);
  } catch (error) {
    failure = { error };
  }
  status.lastAttemptedReleaseActionDuration = goDurationText(deps.clock.monotonicMs() - startedAtMs);
  await record(work, stored, action);
  try {
    if (failure === undefined) await succeeded(work, action);
    else await failed(work, action, { error: failure.error, log });
  } finally {
    if (failure !== undefined && stored.size > 0) countFailure(work, action);
    summarize(draft);
  }
  if (failure !== undefined && stored.size === 0) throw failure.error;
}

/** Writes what was stored into the history of the status: the new revision, and what became of the one before. */
async function record(work: Work, stored: ReadonlyMap<number, Release>, action: ReleaseAction): Promise<void> {
  const { draft, client, chart } = work;
  const { status } = draft;
  const versions = [...stored.keys()].toSorted((left, right) => right - left);
  const [newest, ...older] = versions.flatMap((version) => stored.get(version) ?? []);
  if (newest === undefined) return;
  const ociDigest = status.lastAttemptedRevisionDigest;
  const history = (status.history ?? []).map((snapshot) => {
    const again = older.find((release_) => isOf(snapshot, release_));
    if (again === undefined) return snapshot;
    const { testHooks } = snapshot;
    return {
      ...snapshotOf(again, { ...(snapshot.ociDigest !== undefined && { ociDigest: snapshot.ociDigest }) }),
      ...(testHooks !== undefined && { testHooks }),
    };
  });
  const made = snapshotOf(newest, { action, ...(ociDigest !== undefined && { ociDigest }) });
  status.history = [made, ...history];
  status.inventory = { entries: await inventoryOf(newest, chart.crds, client) };
}

async function succeeded(work: Work, action: 'install' | 'upgrade'): Promise<void> {
  const { draft } = work;
  const current = latest(draft.status.history);
  if (current === undefined) return;
  const { spec } = draft.object;
  if (spec.test?.enable === true && current.testHooks === undefined) {
    const pending = `Helm release ${fullName(current)} with chart ${chartName(current)} is awaiting tests`;
    mark(draft, 'TestSuccess', 'Unknown', 'AwaitingTests', pending);
  }
  if (spec[action]?.strategy?.name === 'RetryOnFailure') clearFailures(work);
  await conclude(work, {
    condition: 'Released',
    status: 'True',
    type: 'Normal',
    reason: action === 'install' ? 'InstallSucceeded' : 'UpgradeSucceeded',
    message: `Helm ${action} succeeded for release ${fullName(current)} with chart ${chartName(current)}`,
    about: aboutSnapshot(current),
  });
}

async function failed(
  work: Work,
  action: 'install' | 'upgrade',
  { error, log }: { error: unknown; log: ActionLog },
): Promise<void> {
  const { draft, chart, values } = work;
  const { name, version, appVersion } = chart.metadata;
  const release_ = `${releaseNamespace(draft.object)}/${fullReleaseName(draft.object)}`;
  const message = `Helm ${action} failed for release ${release_} with chart ${name}@${version}: ${wordsOf(error, action)}`;
  draft.status.failures = (draft.status.failures ?? 0) + 1;
  await conclude(work, {
    condition: 'Released',
    status: 'False',
    type: 'Warning',
    reason: action === 'install' ? 'InstallFailed' : 'UpgradeFailed',
    message,
    detail: log.after(message),
    about: {
      revision: version,
      token: valuesDigest(values.values),
      appVersion,
      ociDigest: draft.status.lastAttemptedRevisionDigest,
    },
  });
}

function countFailure({ draft: { status } }: Work, action: 'install' | 'upgrade'): void {
  const member = action === 'install' ? 'installFailures' : 'upgradeFailures';
  status[member] = (status[member] ?? 0) + 1;
}

/** Counters start again. */
export function clearFailures({ draft: { status } }: Pick<Work, 'draft'>): void {
  delete status.failures;
  delete status.installFailures;
  delete status.upgradeFailures;
}
