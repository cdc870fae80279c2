/** Carries out a decision: one function an action, each telling the status what it does. */

import type { Key } from '@towpath/api';
import type { ValueLayer } from '@towpath/charts';
import type { UnknownRecord } from '@towpath/kit';
import { messageOf } from '@towpath/kit';
import type { ActionContext, OperationOptions } from '../actions/context.ts';
import { install } from '../actions/install.ts';
import { rollback } from '../actions/rollback.ts';
import { testRelease } from '../actions/test-release.ts';
import { upgrade } from '../actions/upgrade.ts';
import type { Release } from '../storage/release.ts';
import type { ReleaseStorage } from '../storage/secrets.ts';
import { compareReleases } from './compare.ts';
import type { FoundChart } from './chart-source.ts';
import type { OperatorDeps } from './deps.ts';
import { resourceId, type HelmReleasePhase, type HelmReleaseSpec } from './helm-release.ts';
import type { ReleaseLogTarget } from './log.ts';
import { antecedentAnnotation, antecedentHash, antecedentLabel, instanceAnnotation } from './marks.ts';
import { placeOf, reasonOf } from './reason.ts';
import { releasesOf, removeRelease } from './remove.ts';

export interface Run {
  readonly key: Key;
  readonly spec: HelmReleaseSpec;
  readonly chart: FoundChart;
  readonly values: UnknownRecord;
  /** Where they came from. */
  readonly valueLayers: readonly ValueLayer[];
  readonly storage: ReleaseStorage;
  readonly target: ReleaseLogTarget;
  /** Ends waiting when something newer is wanted. */
  readonly signal: AbortSignal;
  /** Enters a phase; `visible` writes it at once, for others to see while it lasts. */
  readonly enter: (
    phase: HelmReleasePhase,
    options?: { cause?: string; revision?: string; visible?: boolean; ignoreFailure?: boolean },
  ) => Promise<void>;
}

/** A failure that is already on the status. */
export class Reported extends Error {
  override readonly name = 'Reported';
}

/** Installs; what a failed installation left is uninstalled again, as the original does. */
export async function runInstall(run: Run, deps: OperatorDeps, options: { replace: boolean }): Promise<Release> {
  const { spec, chart, target } = run;
  const { revision } = chart;
  await run.enter('ChartFetched');
  await run.enter('Installing', { revision, visible: true });
  deps.log.release(target, 'info', 'running installation', { phase: 'install' });
  let release: Release;
  try {
    release = await install(actionContext(run, deps), {
      ...operation(run, deps),
      name: spec.releaseName,
      chart: await chart.load(),
      values: run.values,
      valueLayers: run.valueLayers,
      dryRun: 'none',
      createNamespace: false,
      replace: options.replace,
      atomic: false,
      skipCrds: spec.skipCrds,
      takeOwnership: false,
      skipSchemaValidation: false,
      subchartNotes: false,
      description: undefined,
      labels: labelsOf(run),
    });
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    deps.log.release(target, 'error', `installation failed: ${messageOf(error)}`, { phase: 'install' });
    await run.enter('DeployFailed', { cause: reasonOf(error) });
    await uninstallAfterFailure(run, deps);
    throw reported('installation failed', error);
  }
  deps.log.release(target, 'info', 'installation succeeded', { revision, phase: 'install' });
  await run.enter('Deployed');
  await removeRenamed(run, deps);
  await runTest(run, deps, { firstInstall: true });
  await run.enter('Succeeded', { revision });
  return release;
}

async function uninstallAfterFailure(run: Run, deps: OperatorDeps): Promise<void> {
  const left = await run.storage.last(run.spec.releaseName);
  if (left === undefined) return;
  await removeRelease(run.key, left, 'the installation failed', deps);
}

/** A HelmRelease whose releaseName changed has installed a second release: the first one goes. */
async function removeRenamed(run: Run, deps: OperatorDeps): Promise<void> {
  const { name, namespace } = run.target.release;
  for (const other of await releasesOf(run.key, deps)) {
    if (other.name === name && other.namespace === namespace) continue;
    await removeRelease(run.key, other, `the release is now ${namespace}/${name}`, deps);
  }
}

/** Upgrades; a failure is rolled back where the spec says so. */
export async function runUpgrade(run: Run, deps: OperatorDeps, because: string): Promise<Release> {
  const { chart, target } = run;
  const { revision } = chart;
  await run.enter('ChartFetched');
  await run.enter('Upgrading', { revision, visible: true });
  deps.log.release(target, 'info', 'running upgrade', { phase: 'upgrade', because });
  let release: Release;
  try {
    release = await upgrade(actionContext(run, deps), await upgradeOptions(run, deps, 'none'));
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    deps.log.release(target, 'error', `upgrade failed: ${messageOf(error)}`, { phase: 'upgrade' });
    await run.enter('DeployFailed', { cause: reasonOf(error) });
    await runRollback(run, deps);
    throw reported('upgrade failed', error);
  }
  deps.log.release(target, 'info', 'upgrade succeeded', { revision, phase: 'upgrade' });
  await run.enter('Deployed');
  await runTest(run, deps, { firstInstall: false });
  await run.enter('Succeeded', { revision });
  return release;
}

async function upgradeOptions(
  run: Run,
  deps: OperatorDeps,
  dryRun: 'none' | 'server',
): Promise<Parameters<typeof upgrade>[1]> {
  const { spec, chart } = run;
  return {
    ...operation(run, deps),
    name: spec.releaseName,
    chart: await chart.load(),
    values: run.values,
    valueLayers: run.valueLayers,
    valuesPolicy: spec.resetValues ? 'reset' : 'reuse',
    dryRun,
    atomic: false,
    cleanupOnFail: false,
    takeOwnership: false,
    skipSchemaValidation: false,
    subchartNotes: false,
    description: undefined,
    labels: labelsOf(run),
    historyMax: spec.maxHistory,
    recoverPending: true,
  };
}

/** True when the release is what an upgrade would make of it. */
export async function runComparison(run: Run, deps: OperatorDeps, current: Release): Promise<boolean> {
  const { target } = run;
  deps.log.release(target, 'info', 'performing dry-run upgrade to see if release has diverged');
  let next: Release;
  try {
    next = await upgrade(actionContext(run, deps), await upgradeOptions(run, deps, 'server'));
  } catch (error) {
    deps.log.release(target, 'error', `dry-run upgrade failed: ${messageOf(error)}`, { phase: 'dry-run-compare' });
    await run.enter('Failed', { cause: `dry-run upgrade failed: ${reasonOf(error)}` });
    throw reported('dry-run upgrade failed', error);
  }
  const differences = compareReleases(current, next);
  if (differences.length === 0) {
    deps.log.release(target, 'info', 'no changes', { action: 'skip' });
    return true;
  }
  const diff = deps.flags.logReleaseDiffs ? { diff: differences.join(' ') } : {};
  deps.log.release(target, 'info', 'difference detected during release comparison', diff);
  return false;
}

async function runTest(run: Run, deps: OperatorDeps, options: { firstInstall: boolean }): Promise<void> {
  const { test, releaseName } = run.spec;
  if (!test.enable) return;
  await run.enter('Testing', { visible: true });
  deps.log.release(run.target, 'info', 'running test', { phase: 'test' });
  const testOptions = { name: releaseName, timeoutMs: test.timeoutMs, only: [], except: [] };
  const { failure } = await testRelease(actionContext(run, deps), testOptions);
  if (failure === undefined) {
    deps.log.release(run.target, 'info', 'test succeeded', { phase: 'test' });
    await run.enter('Tested');
    return;
  }
  await run.enter('TestFailed', { cause: reasonOf(failure), ignoreFailure: test.ignoreFailures });
  if (test.ignoreFailures) {
    deps.log.release(run.target, 'warning', 'test failed - ignoring failures', { phase: 'test' });
    return;
  }
  deps.log.release(run.target, 'error', `test failed: ${messageOf(failure)}`, { phase: 'test' });
  if (options.firstInstall) await uninstallAfterFailure(run, deps);
  else await runRollback(run, deps);
  throw reported('test failed', failure);
}

/** Back to the last revision that worked, when the spec wants that and there is one. */
async function runRollback(run: Run, deps: OperatorDeps): Promise<void> {
  const { rollback: wanted, releaseName, maxHistory } = run.spec;
  if (!wanted.enable) return;
  const history = await run.storage.history(releaseName);
  const last = history.at(-1);
  const good = history.findLast(
    (release) => release !== last && (release.info.status === 'deployed' || release.info.status === 'superseded'),
  );
  if (good === undefined) return;
  await run.enter('RollingBack', { visible: true });
  deps.log.release(run.target, 'info', 'running rollback', { phase: 'rollback' });
  try {
    await rollback(actionContext(run, deps), {
      ...operation(run, deps),
      name: releaseName,
      revision: good.version,
      wait: wanted.wait,
      force: wanted.force,
      disableHooks: wanted.disableHooks,
      timeoutMs: wanted.timeoutMs,
      dryRun: false,
      cleanupOnFail: false,
      historyMax: maxHistory,
    });
  } catch (error) {
    deps.log.release(run.target, 'error', `rollback failed: ${messageOf(error)}`, { phase: 'rollback' });
    await run.enter('RollbackFailed', { cause: reasonOf(error) });
    return;
  }
  deps.log.release(run.target, 'info', 'rollback succeeded', { phase: 'rollback' });
  await run.enter('RolledBack');
}

function actionContext(run: Run, deps: OperatorDeps): ActionContext {
  const { client, clock, random, log, instance, renderer } = deps;
  return {
    renderer,
    client,
    clock,
    random,
    namespace: run.spec.targetNamespace,
    storage: run.storage,
    progress: (line) => log.helm(run.target, line),
    signal: run.signal,
    objectAnnotations: { [antecedentAnnotation]: resourceId(run.key) },
    pendingAnnotations: { [instanceAnnotation]: instance },
  };
}

function operation({ spec }: Run, deps: OperatorDeps): OperationOptions {
  return {
    wait: spec.wait,
    waitForJobs: false,
    timeoutMs: spec.timeoutMs,
    disableHooks: false,
    force: spec.forceUpgrade,
    strictThreeWay: deps.flags.strictThreeWay,
  };
}

function labelsOf(run: Run): Record<string, string> {
  return { [antecedentLabel]: antecedentHash(run.key) };
}

function reported(what: string, cause: unknown): Reported {
  const where = placeOf(cause);
  return new Reported(`${what}: ${messageOf(cause)}${where === '' ? '' : `; ${where}`}`, { cause });
}
