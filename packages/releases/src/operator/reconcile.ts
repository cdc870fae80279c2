/** Brings one HelmRelease to what it asks for: observe, decide, act, one status. */

import { HelmReleases, keyText, matchesRequirements, parseLabelSelector, type Key } from '@towpath/api';
import { backoffMs, isAbort, jsonEqual, messageOf } from '@towpath/kit';
import { done, isNotFound, requeue, type Result } from '@towpath/runtime';
import { enterPhase } from './conditions.ts';
import { findChart, type FoundChart } from './chart-source.ts';
import { decide, type Action } from './decide.ts';
import type { OperatorDeps } from './deps.ts';
import {
  parseHelmRelease,
  releaseKeyOf,
  resourceId,
  type HelmRelease,
  type HelmReleasePhase,
  type HelmReleaseSpec,
  type HelmReleaseStatus,
} from './helm-release.ts';
import type { ReleaseLogTarget } from './log.ts';
import { reasonOf } from './reason.ts';
import { hashOf, observe, type Observation } from './observe.ts';
import { releasesOf, removeRelease } from './remove.ts';
import { Reported, runComparison, runInstall, runUpgrade, type Run } from './run.ts';
import { composeValues, type ComposedValues } from './values.ts';

/** Waits between tries of a release that failed before anything was deployed. */
const failureBackoff = { firstMs: 5_000, maxMs: 180_000 } as const;

/** The reason a wait is ended with when something newer is wanted. */
export const superseded = new Error('superseded: something newer is wanted');

/** Level-based: everything it needs is read from the API, Git and the release's history. */
export async function reconcileRelease(key: Key, deps: OperatorDeps, signal: AbortSignal): Promise<Result> {
  const object = (await deps.client.get(HelmReleases, key)) as HelmRelease | undefined;
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
    for (const release of await releasesOf(key, deps)) {
      await removeRelease(key, release, `${resourceId(key)} is gone`, deps);
    }
    forget(key, deps);
    return done();
  }
  // It was ours until its labels changed: the operator it is for now has seen it, too.
  const ours = parseLabelSelector(deps.flags.watchLabelSelector ?? '');
  if (!matchesRequirements(ours, object.metadata.labels ?? {})) return done();
  const turn = createTurn(key, object, deps);
  try {
    return await sync(turn, deps, signal);
  } catch (error) {
    if (signal.aborted || isAbort(error)) throw error;
    if (error === superseded) return requeue({ afterMs: 1 });
    return afterFailure(turn, deps, error);
  } finally {
    deps.memory.running.delete(keyText(key));
    // A stopped operator's API is closed to it: its successor writes the status.
    if (!signal.aborted) await turn.finish().catch(ignoreAbort);
  }
}

function ignoreAbort(error: unknown): void {
  if (!isAbort(error)) throw error;
}

function forget(key: Key, deps: OperatorDeps): void {
  deps.memory.compared.delete(keyText(key));
  deps.memory.failures.delete(keyText(key));
}

/** One pass over one HelmRelease and the status it ends with. */
interface Turn {
  readonly key: Key;
  readonly object: HelmRelease;
  readonly target: ReleaseLogTarget;
  readonly enter: Run['enter'];
  /** Writes the status when it differs from what is there. */
  finish(): Promise<void>;
  /** The status as it will be written. */
  setReleaseStatus(status: string | undefined): void;
  /** Says that the object, as it is now, was acted upon. */
  markObserved(): void;
}

function createTurn(key: Key, object: HelmRelease, deps: OperatorDeps): Turn {
  const { client, clock } = deps;
  const release = releaseKeyOf(object);
  let written: HelmReleaseStatus = object.status ?? {};
  let status: HelmReleaseStatus = { ...written, releaseName: release.name };
  const write = async (): Promise<void> => {
    if (jsonEqual(written, status)) return;
    written = status;
    try {
      await client.patch(HelmReleases, key, { status }, { kind: 'merge', subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  return {
    key,
    object,
    target: { key, release },
    async enter(phase, options = {}) {
      const { cause, revision, ignoreFailure } = options;
      const input = { phase, release, cause, revision, ...(ignoreFailure !== undefined && { ignoreFailure }) };
      status = enterPhase(status, input, clock.nowMs());
      if (options.visible === true) await write();
    },
    finish: write,
    setReleaseStatus(value) {
      if (value !== undefined) status = { ...status, releaseStatus: value };
      else {
        const { releaseStatus: _gone, ...rest } = status;
        status = rest;
      }
    },
    markObserved() {
      if (object.metadata.generation !== undefined)
        status = { ...status, observedGeneration: object.metadata.generation };
    },
  };
}

async function sync(turn: Turn, deps: OperatorDeps, stop: AbortSignal): Promise<Result> {
  const { key, object } = turn;
  const { spec, chart } = await phase(turn, 'ChartFetchFailed', 'failed to prepare chart for release', async () => {
    const parsed = parseHelmRelease(object);
    return { spec: parsed, chart: await findChart(parsed, deps.charts) };
  });
  const { values, layers } = await phase(turn, 'Failed', 'failed to compose values for release', () =>
    valuesOf(spec, chart, key, deps),
  );
  const observation = await phase(turn, 'Failed', 'failed to determine sync action for release', () =>
    observe({ key, object, spec, chart, values }, deps),
  );
  const { observed } = observation;
  const action = decide(spec, observed, { resourceId: resourceId(key), syncIntervalMs: deps.flags.syncIntervalMs });
  const abort = new AbortController();
  const { revision } = chart;
  const changedSince = (other: string | undefined): Promise<boolean> => chart.changedSince(other);
  deps.memory.running.set(keyText(key), { revision, changedSince, generation: observed.generation, abort });
  const run: Run = {
    key,
    spec,
    chart,
    values,
    valueLayers: layers,
    storage: observation.storage,
    target: turn.target,
    enter: turn.enter,
    signal: AbortSignal.any([stop, abort.signal]),
  };
  try {
    return await act(turn, run, action, observation, deps);
  } finally {
    turn.setReleaseStatus((await observation.storage.last(spec.releaseName))?.info.status);
  }
}

function valuesOf(spec: HelmReleaseSpec, chart: FoundChart, key: Key, deps: OperatorDeps): Promise<ComposedValues> {
  return composeValues(spec, {
    client: deps.client,
    namespace: key.namespace ?? 'default',
    readChartFile: (path) => chart.readFile(path),
    fetchText: deps.fetchText,
  });
}

/** Runs one reading step; its failure is the phase and the log line the original has for it. */
async function phase<Value>(
  turn: Turn,
  failed: HelmReleasePhase,
  sentence: string,
  step: () => Promise<Value>,
): Promise<Value> {
  try {
    return await step();
  } catch (error) {
    await turn.enter(failed, { cause: reasonOf(error) });
    throw new Reported(`${sentence}: ${messageOf(error)}`, { cause: error });
  }
}

async function act(
  turn: Turn,
  run: Run,
  action: Action,
  observation: Observation,
  deps: OperatorDeps,
): Promise<Result> {
  const { log, flags } = deps;
  const { target } = turn;
  const nextSync = requeue({ afterMs: flags.syncIntervalMs });
  switch (action.type) {
    case 'skip':
      turn.markObserved();
      return nextSync;
    case 'wait':
      log.release(target, 'info', `waiting: ${action.because}`, { afterSeconds: Math.ceil(action.afterMs / 1000) });
      return requeue({ afterMs: Math.min(action.afterMs, flags.syncIntervalMs) });
    case 'refuse':
      await turn.enter('Failed', { cause: action.because });
      throw new Reported(`failed to determine sync action for release: ${action.because}`);
    case 'install':
      await runInstall(run, deps, action);
      return succeeded(turn, run, deps, nextSync);
    case 'upgrade':
      await runUpgrade(run, deps, action.because);
      return succeeded(turn, run, deps, nextSync);
    case 'dry-run-compare': {
      const same = observation.last !== undefined && (await runComparison(run, deps, observation.last));
      if (!same) await runUpgrade(run, deps, 'the release differs from its chart and values');
      else if (!observation.observed.rolledBack) {
        await turn.enter('ChartFetched');
        await turn.enter('Succeeded');
      }
      return same ? remember(turn, run, deps, nextSync) : succeeded(turn, run, deps, nextSync);
    }
  }
}

async function succeeded(turn: Turn, run: Run, deps: OperatorDeps, result: Result): Promise<Result> {
  const { name, namespace } = turn.target.release;
  const message = `managed release '${name}' in namespace '${namespace}' synchronized`;
  await deps.recorder.event(turn.object, { type: 'Normal', reason: 'ReleaseSynced', message });
  return remember(turn, run, deps, result);
}

/** The release is what it should be: the next comparison is due one sync interval from now. */
async function remember(turn: Turn, run: Run, deps: OperatorDeps, result: Result): Promise<Result> {
  const { memory, clock } = deps;
  const last = await run.storage.last(run.spec.releaseName);
  const { generation } = turn.object.metadata;
  const fingerprint = hashOf([run.chart.fingerprint, run.values, last?.version, last?.info.status, generation]);
  memory.compared.set(keyText(turn.key), { fingerprint, atMs: clock.nowMs() });
  memory.failures.delete(keyText(turn.key));
  turn.markObserved();
  return result;
}

async function afterFailure(turn: Turn, deps: OperatorDeps, error: unknown): Promise<Result> {
  const { memory, log, recorder, flags } = deps;
  const { name, namespace } = turn.target.release;
  const failures = (memory.failures.get(keyText(turn.key)) ?? 0) + 1;
  memory.failures.set(keyText(turn.key), failures);
  if (!(error instanceof Reported)) await turn.enter('Failed', { cause: reasonOf(error) });
  log.release(turn.target, 'error', messageOf(error));
  const message = `synchronization of release '${name}' in namespace '${namespace}' failed: ${messageOf(error)}`;
  await recorder.event(turn.object, { type: 'Warning', reason: 'FailedReleaseSync', message: message.slice(0, 1000) });
  turn.markObserved();
  return requeue({ afterMs: Math.min(backoffMs(failures, failureBackoff), flags.syncIntervalMs) });
}
