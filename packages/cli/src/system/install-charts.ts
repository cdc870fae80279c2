/** Installs Towpath's own charts with its own chart engine, as a user would with `helm upgrade --install`. */

import { join } from 'node:path';
import type { Chart } from '@towpath/charts';
import { jsonEqual, type Clock, type Random, type UnknownRecord } from '@towpath/kit';
import {
  createReleaseStorage,
  install,
  installCrds,
  loadChartAt,
  upgrade,
  type ActionContext,
  type OperationOptions,
  type Release,
} from '@towpath/releases';
import type { Client } from '@towpath/runtime';

/** One release of one of our charts. */
export interface ComponentRelease {
  readonly name: string;
  readonly namespace: string;
  /** Folder below `charts/`. */
  readonly chart: string;
  readonly values: UnknownRecord;
}

export interface InstallDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The folder of the charts. */
  readonly chartsDir: string;
  readonly progress: (line: string) => void;
}

const timeoutMs = 120_000;

const operation: OperationOptions = {
  wait: false,
  waitForJobs: false,
  timeoutMs,
  disableHooks: false,
  force: false,
  strictThreeWay: false,
};

/** Installs, upgrades when chart or values differ from the last revision, or leaves the release as it is. */
export async function ensureRelease(
  deps: InstallDeps,
  wanted: ComponentRelease,
): Promise<'installed' | 'upgraded' | 'unchanged'> {
  const { client, clock, random, signal } = deps;
  const chart = await loadChartAt(join(deps.chartsDir, wanted.chart));
  const storage = createReleaseStorage({ client, clock, namespace: wanted.namespace });
  const context: ActionContext = {
    client,
    clock,
    random,
    signal,
    storage,
    namespace: wanted.namespace,
    progress: deps.progress,
  };
  const last = await storage.last(wanted.name);
  const shared = {
    ...operation,
    name: wanted.name,
    chart,
    values: wanted.values,
    dryRun: 'none',
    atomic: false,
    takeOwnership: false,
    skipSchemaValidation: false,
    subchartNotes: false,
    description: undefined,
    labels: {},
  } as const;
  if (last === undefined) {
    await install(context, { ...shared, createNamespace: true, replace: false, skipCrds: false });
    return 'installed';
  }
  if (isSame(last, chart, wanted.values)) return 'unchanged';
  // Helm leaves CRDs of an upgrade to others; here there are none: a new version's kinds come with it.
  await installCrds({ ...context, progress: () => {} }, chart.crds);
  await upgrade(context, {
    ...shared,
    valuesPolicy: 'reset',
    historyMax: 10,
    cleanupOnFail: false,
    recoverPending: true,
  });
  return 'upgraded';
}

/** A new version of Towpath brings new charts under the same version: templates are compared, too. */
function isSame(last: Release, chart: Chart, values: UnknownRecord): boolean {
  if (last.info.status !== 'deployed' || !jsonEqual(last.config ?? {}, values)) return false;
  const before = last.chart.templates.map((file) => [file.name, file.data]);
  const after = chart.templates.map((file) => [file.name, Buffer.from(file.data).toString('base64')]);
  return last.chart.metadata['version'] === chart.metadata.version && jsonEqual(before, after);
}
