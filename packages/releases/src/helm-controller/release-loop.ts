/** Brings a release to what the spec asks for: observe, decide, one action, and again until there is nothing to do. */

import { goDurationText, messageOf, unreachable } from '@towpath/kit';
import { chartName, fullName, latest, newest, truncated } from './history.ts';
import { runInstall, runUpgrade } from './acts-release.ts';
import { runCorrection, runRollback, runTest, runUninstallRemediation, runUnlock } from './acts-remedy.ts';
import {
  findIn,
  isTrue,
  mark,
  markReconciling,
  markStalled,
  remove,
  replace,
  summarize,
  type Draft,
} from './conditions.ts';
import { decide, type Decision, type Keep, type ReleaseActionName } from './decide.ts';
import { driftText, findDrift, hasChanges, type Drifted } from './drift.ts';
import { activeRemediation, activeRetryMs, detectsDrift, timeoutMs } from './settings.ts';
import { releaseState, rollbackTarget, type ReleaseState, type StateFacts } from './state.ts';
import { releaseNameOf, say, type Work } from './work.ts';

/** How the loop ended. */
export type LoopEnd =
  | { readonly type: 'done' }
  /** Something was done or failed, and more is to follow at once. */
  | { readonly type: 'again' }
  | { readonly type: 'retry-after'; readonly afterMs: number }
  /** Nothing more until something changes. */
  | { readonly type: 'gave-up'; readonly error: Error };

type ActionKind = 'release' | 'remediate' | 'test' | 'unlock' | 'drift correction';

const kinds: Readonly<Record<ReleaseActionName, ActionKind>> = {
  install: 'release',
  upgrade: 'release',
  test: 'test',
  rollback: 'remediate',
  uninstall: 'remediate',
  unlock: 'unlock',
  'correct cluster drift': 'drift correction',
};

export interface LoopOptions {
  /** Answers once whether the annotation forceAt asks for an action. */
  readonly isForced: () => boolean;
  /** Sends the status as it is, so that progress is seen. */
  readonly publish: () => Promise<void>;
}

/** Throws what an action threw that stored nothing. Source: helm-controller internal/reconcile/atomic_release.go. */
export async function runLoop(work: Work, options: LoopOptions): Promise<LoopEnd> {
  const { draft } = work;
  const { spec } = draft.object;
  const done = new Set<ActionKind>();
  for (;;) {
    const { decision, drift } = await observeAndDecide(work, options.isForced());
    keep(draft, decision.keep);
    if (decision.type === 'give-up') return gaveUp(draft, decision);
    if (decision.type !== 'act') {
      settle(draft, decision);
      return { type: 'done' };
    }
    const { action } = decision;
    const kind = kinds[action];
    if (done.has(kind)) return stopBefore(draft);
    const progress = `Running '${action}' action with timeout of ${goDurationText(timeoutMs(spec, action))}`;
    markReconciling(draft, 'Progressing', progress);
    if (kind === 'release') mark(draft, 'Ready', 'Unknown', 'Progressing', progress);
    await options.publish();
    try {
      await perform(work, action, drift);
    } catch (error) {
      work.signal.throwIfAborted();
      const retryMs = activeRetryMs(spec, draft.status);
      if (retryMs !== undefined) return retryAfter(draft, retryMs);
      if (isTrue(draft, 'Ready')) mark(draft, 'Ready', 'False', 'ReconcileError', messageOf(error));
      throw error;
    }
    work.signal.throwIfAborted();
    if (kind === 'remediate') return stopAfter(draft);
    done.add(kind);
  }
}

interface Observed {
  readonly decision: Decision;
  readonly drift: readonly Drifted[];
}

async function observeAndDecide(work: Work, isForced: boolean): Promise<Observed> {
  const { draft, chart, values } = work;
  const { spec } = draft.object;
  let facts: StateFacts;
  let state: ReleaseState;
  let drift: readonly Drifted[] = [];
  try {
    const { name, version } = chart.metadata;
    const revisions = await work.storage.history(releaseNameOf(work));
    facts = { object: draft.object, status: draft.status, revisions, chart: { name, version }, values: values.values };
    state = releaseState(facts);
    const last = revisions.at(-1);
    if (state.name === 'InSync' && detectsDrift(spec) && last !== undefined) {
      drift = await findDrift(last, { client: work.client, ignore: spec.driftDetection?.ignore ?? [] });
      if (hasChanges(drift)) state = { name: 'Drifted', because: driftText(drift) };
    }
  } catch (error) {
    mark(draft, 'Ready', 'False', 'StateError', `Could not determine release state: ${messageOf(error)}`);
    throw error;
  }
  if (state.name === 'Drifted') await sayDrift(work, state.because);
  const target = state.name === 'Failed' ? rollbackTarget(facts) : 'none';
  return { decision: decide({ state, spec, status: draft.status, isForced, rollbackTarget: target }), drift };
}

async function sayDrift(work: Work, text: string): Promise<void> {
  const current = latest(work.draft.status.history);
  const name = current === undefined ? '' : fullName(current);
  const message = `Cluster state of release ${name} has drifted from the desired state:\n${text}`;
  await say(work, { type: 'Warning', reason: 'DriftDetected', message });
  mark(work.draft, 'Drifted', 'True', 'DriftDetected', message);
}

function perform(work: Work, action: ReleaseActionName, drift: readonly Drifted[]): Promise<void> {
  switch (action) {
    case 'install':
      return runInstall(work);
    case 'upgrade':
      return runUpgrade(work);
    case 'test':
      return runTest(work);
    case 'rollback':
      return runRollback(work);
    case 'uninstall':
      return runUninstallRemediation(work);
    case 'unlock':
      return runUnlock(work);
    case 'correct cluster drift':
      return runCorrection(work, drift);
    default:
      return unreachable(action);
  }
}

function keep(draft: Draft, what: Keep): void {
  const { spec } = draft.object;
  const { status } = draft;
  switch (what) {
    case 'all':
      return;
    case 'none':
      delete status.history;
      return;
    case 'newest':
      status.history = newest(status.history);
      return;
    case 'sinceSuccess': {
      const remediation = activeRemediation(spec, status);
      const ignoreTests = remediation?.ignoreTestFailures ?? spec.test?.ignoreFailures ?? false;
      status.history = truncated(status.history, ignoreTests);
      return;
    }
    default:
      unreachable(what);
  }
}

/** The release is in sync (or only warned about): earlier failures give way to it. */
function settle(draft: Draft, { type }: Decision): void {
  const { status } = draft;
  const current = latest(status.history);
  if (type === 'in-sync' && current !== undefined) {
    const what = `for release ${fullName(current)} with chart ${chartName(current)}`;
    takeBackRemediation(draft);
    const isSettled = isTrue(draft, 'Ready') && isTrue(draft, 'Released');
    const before = findIn(draft, 'Released')?.reason;
    if (!isSettled && before === 'InstallFailed') {
      mark(draft, 'Released', 'True', 'InstallSucceeded', `Helm install succeeded ${what}`);
    }
    if (!isSettled && before === 'UpgradeFailed') {
      mark(draft, 'Released', 'True', 'UpgradeSucceeded', `Helm upgrade succeeded ${what}`);
    }
    if (detectsDrift(draft.object.spec)) {
      mark(draft, 'Drifted', 'False', 'NoDriftDetected', 'No drift detected against the cluster state');
    }
  }
  remove(draft, 'Reconciling');
  summarize(draft);
}

/** A rollback that led to what is asked for now counts as an upgrade. */
export function takeBackRemediation(draft: Draft): void {
  const current = latest(draft.status.history);
  if (!isTrue(draft, 'Remediated') || current === undefined) return;
  const message = `Helm upgrade succeeded for release ${fullName(current)} with chart ${chartName(current)}`;
  replace(draft, { from: 'Remediated', to: 'Released', reason: 'UpgradeSucceeded', message });
}

function gaveUp(draft: Draft, { reason, because }: Extract<Decision, { type: 'give-up' }>): LoopEnd {
  const error = new Error(because);
  if (reason === 'RetriesExceeded') markExceeded(draft);
  else markStalled(draft, reason, `Failed to perform remediation: ${because}`);
  return { type: 'gave-up', error };
}

function markExceeded(draft: Draft): void {
  const { status } = draft;
  const attempts = activeRemediation(draft.object.spec, status)?.failures ?? 0;
  const what = status.lastAttemptedReleaseAction ?? '';
  markStalled(draft, 'RetriesExceeded', `Failed to ${what} after ${attempts} attempt(s)`);
}

function retryAfter(draft: Draft, afterMs: number): LoopEnd {
  markReconciling(draft, 'ProgressingWithRetry', `retrying after ${goDurationText(afterMs)}`);
  return { type: 'retry-after', afterMs };
}

function again(draft: Draft): LoopEnd {
  markReconciling(draft, 'ProgressingWithRetry', findIn(draft, 'Ready')?.message ?? '');
  return { type: 'again' };
}

/** An action of the same kind ran already. */
function stopBefore(draft: Draft): LoopEnd {
  const { spec } = draft.object;
  const retryMs = activeRetryMs(spec, draft.status);
  if (retryMs !== undefined) return retryAfter(draft, retryMs);
  const remediation = activeRemediation(spec, draft.status);
  if (remediation === undefined || !remediation.exhausted) return again(draft);
  remove(draft, 'Reconciling');
  return { type: 'done' };
}

/** A remediation ends a run. */
function stopAfter(draft: Draft): LoopEnd {
  const { spec } = draft.object;
  const retryMs = activeRetryMs(spec, draft.status);
  if (retryMs !== undefined) return retryAfter(draft, retryMs);
  const remediation = activeRemediation(spec, draft.status);
  if (remediation === undefined || !remediation.exhausted || remediation.uninstallAfterUpgrade) return again(draft);
  markExceeded(draft);
  return { type: 'gave-up', error: new Error('exceeded maximum retries') };
}
