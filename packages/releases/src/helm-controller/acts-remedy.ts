/** What is done about a release that exists: test it, roll it back, remove it, unlock it, correct its drift. */

import { messageOf } from '@towpath/kit';
import { rollback } from '../actions/rollback.ts';
import { testRelease } from '../actions/test-release.ts';
import { uninstall } from '../actions/uninstall.ts';
import { hasCode } from '../errors.ts';
import { isPending, type Release } from '../storage/release.ts';
import { mark, summarize } from './conditions.ts';
import { snapshotOf, testHooksOf, valuesDigest } from './digests.ts';
import { correctDrift, type Drifted } from './drift.ts';
import { chartName, fullName, isOf, latest, previous } from './history.ts';
import type { ReleaseAction, Snapshot } from './helm-release.ts';
import { inventoryOf } from './inventory.ts';
import { activeRemediation, defaultMaxHistory, timeoutMs, upgradeRemediation } from './settings.ts';
import {
  aboutSnapshot,
  ActionLog,
  conclude,
  contextOf,
  releaseNameOf,
  say,
  wordsOf,
  type BaseWork,
  type Work,
} from './work.ts';

/** Runs the test hooks. Throws when none of their results was stored. Source: internal/reconcile/test.go. */
export async function runTest(work: Work): Promise<void> {
  const { draft } = work;
  const { spec } = draft.object;
  const current = required(work, 'required for test');
  const log = new ActionLog();
  const context = contextOf(work, log, (release) => {
    draft.status.history = (draft.status.history ?? []).map((snapshot) =>
      isOf(snapshot, release) ? { ...again(snapshot, release), testHooks: testHooksOf(release) } : snapshot,
    );
  });
  const filters = spec.test?.filters ?? [];
  try {
    const { failure } = await testRelease(context, {
      name: releaseNameOf(work),
      timeoutMs: timeoutMs(spec, 'test'),
      only: filters.filter(({ exclude }) => exclude !== true).map(({ name }) => name),
      except: filters.filter(({ exclude }) => exclude === true).map(({ name }) => name),
    });
    if (failure !== undefined) throw failure;
    await tested(work, current);
  } catch (error) {
    await testFailed(work, current, error);
    if (latest(draft.status.history)?.testHooks === undefined) throw error;
  } finally {
    summarize(draft);
  }
}

async function tested(work: Work, before: Snapshot): Promise<void> {
  const current = latest(work.draft.status.history) ?? before;
  const count = Object.keys(current.testHooks ?? {}).length;
  const hooks = count === 0 ? 'no test hooks' : `${count} test hook${count > 1 ? 's' : ''} completed successfully`;
  await conclude(work, {
    condition: 'TestSuccess',
    status: 'True',
    type: 'Normal',
    reason: 'TestSucceeded',
    message: `Helm test succeeded for release ${fullName(current)} with chart ${chartName(current)}: ${hooks}`,
    about: aboutSnapshot(current),
  });
}

async function testFailed(work: Work, before: Snapshot, error: unknown): Promise<void> {
  const { draft } = work;
  const { status } = draft;
  const current = latest(status.history) ?? before;
  status.failures = (status.failures ?? 0) + 1;
  await conclude(work, {
    condition: 'TestSuccess',
    status: 'False',
    type: 'Warning',
    reason: 'TestFailed',
    message: `Helm test failed for release ${fullName(current)} with chart ${chartName(current)}: ${wordsOf(error, 'other')}`,
    about: aboutSnapshot(current),
  });
  const remediation = activeRemediation(draft.object.spec, status);
  if (current.testHooks === undefined || remediation === undefined || remediation.ignoreTestFailures) return;
  const member = status.lastAttemptedReleaseAction === 'install' ? 'installFailures' : 'upgradeFailures';
  status[member] = (status[member] ?? 0) + 1;
}

/** Goes back to the last revision that worked. Source: internal/reconcile/rollback_remediation.go. */
export async function runRollback(work: Work): Promise<void> {
  const { draft, client, chart } = work;
  const { spec } = draft.object;
  const given = spec.rollback ?? {};
  const before = required(work, 'required to rollback');
  const target = previous(draft.status.history, upgradeRemediation(spec, draft.status).ignoreTestFailures);
  if (target === undefined) throw new Error('missing target release for rollback: required to rollback');
  const log = new ActionLog();
  let written: Release | undefined;
  const context = contextOf(work, log, (release) => {
    const history = draft.status.history ?? [];
    const isKnown = history.some((snapshot) => isOf(snapshot, release));
    written = release;
    draft.status.history = isKnown
      ? history.map((snapshot) => (isOf(snapshot, release) ? again(snapshot, release, 'rollback') : snapshot))
      : [snapshotOf(release, {}), ...history];
  });
  const what = `Helm rollback to previous release ${fullName(target)} with chart ${chartName(target)}`;
  const about = { ...aboutSnapshot(target), token: valuesDigest(work.values.values) };
  try {
    await rollback(context, {
      name: target.name,
      revision: target.version,
      dryRun: false,
      wait: given.disableWait !== true,
      waitForJobs: given.disableWaitForJobs !== true,
      timeoutMs: timeoutMs(spec, 'rollback'),
      disableHooks: given.disableHooks === true,
      force: given.force === true,
      strictThreeWay: false,
      cleanupOnFail: given.cleanupOnFail === true,
      historyMax: spec.maxHistory ?? defaultMaxHistory,
      serverSide:
        given.serverSideApply === undefined || given.serverSideApply === 'auto'
          ? 'auto'
          : given.serverSideApply === 'enabled',
    });
    if (written !== undefined) draft.status.inventory = { entries: await inventoryOf(written, chart.crds, client) };
    const outcome = { condition: 'Remediated', status: 'True', type: 'Normal', reason: 'RollbackSucceeded' } as const;
    await conclude(work, { ...outcome, message: `${what} succeeded`, about });
  } catch (error) {
    draft.status.failures = (draft.status.failures ?? 0) + 1;
    const message = `${what} failed: ${wordsOf(error, 'other')}`;
    const outcome = { condition: 'Remediated', status: 'False', type: 'Warning', reason: 'RollbackFailed' } as const;
    await conclude(work, { ...outcome, message, detail: log.after(message), about });
    if (latest(draft.status.history)?.digest === before.digest) throw error;
  } finally {
    summarize(draft);
  }
}

/**
 * Removes a release that failed. Ready goes on telling the failure: this action is not summed up.
 * Source: internal/reconcile/uninstall_remediation.go.
 */
export async function runUninstallRemediation(work: BaseWork): Promise<void> {
  const { draft } = work;
  const before = required(work, 'required to uninstall');
  const log = new ActionLog();
  const what = (): string => {
    const current = latest(draft.status.history) ?? before;
    return `Helm uninstall remediation for release ${fullName(current)} with chart ${chartName(current)}`;
  };
  try {
    await performUninstall(work, 'uninstall-remediation', log);
    if (latest(draft.status.history)?.digest === before.digest) {
      throw new Error('uninstall completed with error: release not updated in Helm storage');
    }
    const outcome = { condition: 'Remediated', status: 'True', type: 'Normal', reason: 'UninstallSucceeded' } as const;
    const about = aboutSnapshot(latest(draft.status.history) ?? before);
    await conclude(work, { ...outcome, message: `${what()} succeeded`, about });
  } catch (error) {
    await uninstallFailed(work, 'Remediated', { message: `${what()} failed: ${wordsOf(error, 'other')}`, log, before });
    if (latest(draft.status.history)?.digest === before.digest) throw error;
  }
}

async function uninstallFailed(
  work: BaseWork,
  condition: 'Released' | 'Remediated',
  { message, log, before }: { message: string; log: ActionLog; before: Snapshot },
): Promise<void> {
  const { status } = work.draft;
  status.failures = (status.failures ?? 0) + 1;
  const about = aboutSnapshot(latest(status.history) ?? before);
  const outcome = { condition, status: 'False', type: 'Warning', reason: 'UninstallFailed' } as const;
  await conclude(work, { ...outcome, message, detail: log.after(message), about });
}

async function performUninstall(work: BaseWork, action: ReleaseAction, log: ActionLog): Promise<void> {
  const { draft } = work;
  const given = draft.object.spec.uninstall ?? {};
  const context = contextOf(work, log, (release) => {
    draft.status.history = (draft.status.history ?? []).map((snapshot) =>
      isOf(snapshot, release) ? again(snapshot, release, action) : snapshot,
    );
  });
  const cascade = given.deletionPropagation ?? 'background';
  await uninstall(context, {
    name: required(work, 'required to uninstall').name,
    keepHistory: given.keepHistory === true,
    disableHooks: given.disableHooks === true,
    dryRun: false,
    ignoreNotFound: false,
    wait: given.disableWait !== true,
    timeoutMs: timeoutMs(draft.object.spec, 'uninstall'),
    cascade: cascade === 'background' ? 'Background' : cascade === 'foreground' ? 'Foreground' : 'Orphan',
    description: undefined,
  });
}

/** Removes the release for good. False when there is nothing to remove. Source: internal/reconcile/uninstall.go. */
export async function runUninstall(work: BaseWork): Promise<boolean> {
  const { draft } = work;
  const before = latest(draft.status.history);
  if (before === undefined) return false;
  const log = new ActionLog();
  const what = (): string => {
    const current = latest(draft.status.history) ?? before;
    return `release ${fullName(current)} with chart ${chartName(current)}`;
  };
  try {
    await performUninstall(work, 'uninstall', log);
    delete draft.status.inventory;
    const outcome = { condition: 'Released', status: 'False', type: 'Normal', reason: 'UninstallSucceeded' } as const;
    const about = aboutSnapshot(latest(draft.status.history) ?? before);
    await conclude(work, { ...outcome, message: `Helm uninstall succeeded for ${what()}`, about });
  } catch (error) {
    const isGone = hasCode(error, 'RELEASE_NOT_FOUND');
    if (isGone && messageOf(error).includes('is already deleted')) {
      mark(draft, 'Released', 'False', 'UninstallSucceeded', `Release ${fullName(before)} was already uninstalled`);
    } else if (isGone) {
      const message = `Release ${fullName(before)} was not found, assuming it is uninstalled`;
      mark(draft, 'Released', 'False', 'UninstallSucceeded', message);
    } else {
      const message = `Helm uninstall failed for ${what()}: ${wordsOf(error, 'other')}`;
      await uninstallFailed(work, 'Released', { message, log, before });
      throw error;
    }
  } finally {
    summarize(draft);
  }
  return true;
}

/** Marks a revision failed that an operation left pending. Source: internal/reconcile/unlock.go. */
export async function runUnlock(work: BaseWork): Promise<void> {
  const { draft } = work;
  try {
    const release = await work.storage.last(releaseNameOf(work));
    if (release === undefined || !isPending(release.info.status)) return;
    const known = draft.status.history?.find((snapshot) => isOf(snapshot, release));
    const seen = again(known, release);
    const state = release.info.status;
    const what = `Helm release ${fullName(seen)} with chart ${chartName(seen)} in ${state} state`;
    const outcome = {
      condition: 'Released',
      status: 'False',
      reason: 'PendingRelease',
      about: aboutSnapshot(seen),
    } as const;
    release.info.status = 'failed';
    release.info.description = `Release unlocked from stale '${state}' state`;
    try {
      await work.storage.update(release);
    } catch (error) {
      draft.status.failures = (draft.status.failures ?? 0) + 1;
      await conclude(work, { ...outcome, type: 'Warning', message: `Unlock of ${what} failed: ${messageOf(error)}` });
      throw error;
    }
    draft.status.history = (draft.status.history ?? []).map((snapshot) =>
      isOf(snapshot, release) ? withoutTests(again(snapshot, release)) : snapshot,
    );
    await conclude(work, { ...outcome, type: 'Normal', message: `Unlocked ${what}` });
  } finally {
    summarize(draft);
  }
}

/** Brings live objects back to the manifest. Source: internal/reconcile/correct_cluster_drift.go. */
export async function runCorrection(work: Work, drift: readonly Drifted[]): Promise<void> {
  const { draft, client } = work;
  const current = required(work, 'required to correct drift');
  mark(draft, 'Ready', 'Unknown', 'Progressing', 'correcting cluster drift');
  const { done, failures } = await correctDrift(drift, client);
  const about = aboutSnapshot(current);
  if (failures.length > 0) {
    const partly = done.length > 0 ? 'partially ' : '';
    const rest = done.length > 0 ? `\n\nSuccessful corrections:\n${done.join('\n')}` : '';
    const what = `Failed to ${partly}correct cluster state of release ${fullName(current)}`;
    const message = `${what}:\n${failures.join('\n')}${rest}`;
    return say(work, { type: 'Warning', reason: 'DriftCorrectionFailed', message, about });
  }
  if (done.length === 0) return;
  const message = `Cluster state of release ${fullName(current)} has been corrected:\n${done.join('\n')}`;
  await say(work, { type: 'Normal', reason: 'DriftCorrected', message, about });
}

/** The snapshot of a revision that was written again. */
function again(known: Snapshot | undefined, release: Release, action?: ReleaseAction): Snapshot {
  const ociDigest = known?.ociDigest;
  const done = action ?? known?.action;
  return {
    ...snapshotOf(release, {
      ...(done !== undefined && { action: done }),
      ...(ociDigest !== undefined && { ociDigest }),
    }),
    ...(known?.testHooks !== undefined && { testHooks: known.testHooks }),
  };
}

function withoutTests({ testHooks: _tests, ...snapshot }: Snapshot): Snapshot {
  return snapshot;
}

function required({ draft }: BaseWork, why: string): Snapshot {
  const current = latest(draft.status.history);
  if (current === undefined) throw new Error(`no latest release: ${why}`);
  return current;
}
