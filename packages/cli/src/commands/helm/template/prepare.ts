/** From flags to what a render takes, in the order in which helm finds fault. */

import { loadChart, type Chart, type ChartValues, type RenderOptions } from '@towpath/charts';
import { checkLabels, validateReleaseName } from '@towpath/releases';
import type { Client } from '@towpath/runtime';
import type { CliContext } from '../../../context.ts';
import { valuesOf } from '../flags.ts';
import { namespaceOf } from '../global-flags.ts';
import { checkInstallable } from '../install.ts';
import { locateChart, withItsDependencies } from '../locate-chart.ts';
import type { TemplateFlags } from './flags.ts';
import { namedCapabilities } from '../kube-version.ts';
import { postRenderer } from './post-render.ts';
import { nameAndChart } from './release-name.ts';
import { asksForObjects } from './rules.ts';
import type { Sources } from './sources.ts';

export interface Prepared {
  readonly chart: Chart;
  readonly values: ChartValues;
  readonly options: RenderOptions;
  readonly postRender: ((manifest: string) => string) | undefined;
  /** Where one is asked: with --validate and --dry-run=server. */
  readonly cluster: Client | undefined;
  readonly asks: { readonly lookup: boolean; readonly validate: boolean };
}

export interface PrepareInput {
  readonly operands: readonly string[];
  readonly flags: TemplateFlags;
  readonly sources: Sources;
  /** One line for --debug. */
  readonly debug: (line: string) => void;
}

/** Source: helm 3 cmd/helm/install.go, runInstall; pkg/action/install.go, RunWithContext. */
export async function prepare(context: CliContext, input: PrepareInput): Promise<Prepared> {
  const { flags, operands, debug } = input;
  const named = namedCapabilities(flags.kubeVersion, flags.apiVersions);
  const postRender = postRenderer(context, flags);
  const { caFile, certFile, keyFile } = flags;
  if ((caFile ?? certFile ?? keyFile) !== undefined)
    await (await import('../tls-files.ts')).checkTlsFiles(context, flags);
  debug(`Original chart version: ${JSON.stringify(flags.version ?? '')}`);
  const { name, chart: chartName } = await nameAndChart(context, operands, flags);
  const { chart, values } = await openForRender(context, chartName, input);
  const namespace = await namespaceOf(context, flags);
  const asks = { lookup: asksForObjects(flags), validate: flags.validate === true };
  const cluster = asks.lookup || asks.validate ? await clusterOf(context, flags) : undefined;
  validateReleaseName(name);
  checkLabels(flags.labels);
  const capabilities =
    cluster !== undefined && asks.validate ? await (await import('./cluster.ts')).clusterCapabilities(cluster) : named;
  const isUpgrade = flags.isUpgrade === true;
  const options: RenderOptions = {
    chart,
    values,
    release: { name, namespace, revision: 1, isInstall: !isUpgrade, isUpgrade },
    capabilities,
    skipSchemaValidation: flags.skipSchemaValidation === true,
    subchartNotes: flags.renderSubchartNotes === true,
    ...(await worldOf(context, flags, namespace)),
  };
  return { chart, values, options, postRender, cluster, asks };
}

async function openForRender(
  context: CliContext,
  name: string,
  { flags, sources, debug }: PrepareInput,
): Promise<{ chart: Chart; values: ChartValues }> {
  const located = await locateChart(context, name, flags);
  debug(`CHART PATH: ${located.path ?? located.filename ?? name}`);
  const values = await valuesOf(context, flags);
  const loaded = await loadChart(located.source);
  sources.add(loaded);
  checkInstallable(loaded);
  if (loaded.metadata.deprecated === true) context.stderr('WARNING: This chart is deprecated\n');
  const fetch = flags.dependencyUpdate === true;
  const chart = await withItsDependencies(context, { located, chart: loaded, flags, fetch });
  if (chart !== loaded) sources.add(chart);
  return { chart, values };
}

async function clusterOf(context: CliContext, flags: TemplateFlags): Promise<Client> {
  const { openCluster } = await import('./cluster.ts');
  return openCluster(context, flags, flags.validate === true);
}

/** Clock, randomness, names and objects: real ones, or those that make a render repeatable. */
async function worldOf(
  context: CliContext,
  flags: TemplateFlags,
  namespace: string,
): Promise<Pick<RenderOptions, 'clock' | 'random' | 'lookup' | 'resolveHost'>> {
  const world =
    flags.deterministic === true
      ? (await import('./deterministic.ts')).deterministicWorld(context)
      : { clock: context.clock, random: context.random };
  const { lookup: paths = [] } = flags;
  return {
    ...world,
    ...(paths.length > 0 && {
      lookup: await (await import('./lookup-files.ts')).lookupFiles(context, paths, namespace),
    }),
    ...(flags.enableDns === true && { resolveHost: (await import('./resolve-host.ts')).resolveHost }),
  };
}
