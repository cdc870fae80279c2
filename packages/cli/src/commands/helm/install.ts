/** `helm install` and `helm upgrade`. */

import { Command, type OptionValues } from '@commander-js/extra-typings';
import type { Chart } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';
import { install, releaseError, upgrade, type ActionContext, type Release, type ValuesPolicy } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import {
  collectList,
  dryRunOf,
  labelsOf,
  operationOf,
  parseWhole,
  valuesOf,
  withChartFlags,
  withClusterFlags,
  withOperationFlags,
  withOutputFlag,
  withValueFlags,
  type ChartFlags,
  type OperationFlags,
  type ValueFlags,
} from './flags.ts';
import { openChart } from './locate-chart.ts';
import { formatOutput, type OutputFormat } from './print/output.ts';
import { releaseJson, statusText } from './print/release.ts';
import { failingAs, openSession } from './session.ts';

interface ReleaseFlags extends OperationFlags, ChartFlags, ValueFlags {
  readonly dryRun?: string | true | undefined;
  readonly atomic?: boolean | undefined;
  readonly skipCrds?: boolean | undefined;
  readonly createNamespace?: boolean | undefined;
  readonly takeOwnership?: boolean | undefined;
  readonly skipSchemaValidation?: boolean | undefined;
  readonly renderSubchartNotes?: boolean | undefined;
  readonly description?: string | undefined;
  readonly labels: string[];
  readonly dependencyUpdate?: boolean | undefined;
}

/** What install and upgrade share. */
function withReleaseFlags<Args extends unknown[], Options extends OptionValues>(command: Command<Args, Options>) {
  const none: string[] = [];
  return withOutputFlag(withChartFlags(withValueFlags(withOperationFlags(withClusterFlags(command)))))
    .option('--dry-run [how]', 'simulate: client (default) or server')
    .option('--atomic', 'undo everything on failure; implies --wait')
    .option('--skip-crds', 'install no CRDs')
    .option('--create-namespace', 'create the release namespace if it is not there')
    .option('--take-ownership', 'adopt objects whoever they belong to')
    .option('--skip-schema-validation', 'do not apply values.schema.json')
    .option('--disable-openapi-validation', 'accepted; objects are validated by the API server')
    .option('--render-subchart-notes', 'render the notes of subcharts as well')
    .option('--hide-notes', 'do not show notes')
    .option('--description <text>', 'add a custom description')
    .option('-l, --labels <key=value>', 'labels of the stored release', collectList, none)
    .option('--dependency-update', 'fetch dependencies that are not in charts/');
}

async function commonOptions(context: CliContext, name: string, chart: Chart, flags: ReleaseFlags) {
  return {
    ...operationOf(flags),
    name,
    chart,
    values: await valuesOf(context, flags),
    dryRun: dryRunOf(flags.dryRun),
    atomic: flags.atomic === true,
    skipCrds: flags.skipCrds === true,
    takeOwnership: flags.takeOwnership === true,
    skipSchemaValidation: flags.skipSchemaValidation === true,
    subchartNotes: flags.renderSubchartNotes === true,
    description: flags.description,
    labels: labelsOf(flags.labels),
  };
}

export function installCommand(context: CliContext) {
  return withReleaseFlags(new Command('install').description('install a chart'))
    .argument('<name-or-chart>', 'NAME CHART, or CHART with --generate-name')
    .argument('[chart]')
    .option('-g, --generate-name', 'generate the name')
    .option('--replace', 're-use the name of an uninstalled release that kept its history')
    .action(async (first, second, flags) => {
      const { name, chart } = nameAndChart(context, { first, second, generateName: flags.generateName === true });
      const session = await openSession(context, flags);
      const release = await failingAs('INSTALLATION FAILED', () =>
        installChart(context, session, { name, chart, flags, replace: flags.replace === true }),
      );
      context.stdout(printed(release, flags));
    });
}

/** Source: helm 3 pkg/action/install.go, NameAndChart. */
export function nameAndChart(
  context: CliContext,
  args: { first: string; second: string | undefined; generateName: boolean },
): { name: string; chart: string } {
  const { first, second, generateName } = args;
  if (second !== undefined) {
    if (generateName) throw new TowpathError('USAGE', 'cannot set --generate-name and also specify a name');
    return { name: first, chart: second };
  }
  if (!generateName) throw new TowpathError('USAGE', 'must either provide a name or specify --generate-name');
  const base = (first.replace(/\/+$/, '').split('/').at(-1) ?? '').split('.')[0] ?? '';
  const seconds = Math.floor(context.clock.nowMs() / 1000);
  return { name: `${base === '' ? 'chart' : base}-${seconds}`, chart: first };
}

async function installChart(
  context: CliContext,
  session: ActionContext,
  input: { name: string; chart: string; flags: ReleaseFlags; replace: boolean },
): Promise<Release> {
  const { name, flags, replace } = input;
  const chart = await openChart(context, input.chart, flags, { dependencyUpdate: flags.dependencyUpdate === true });
  warnDeprecated(context, chart);
  const options = await commonOptions(context, name, chart, flags);
  return install(session, { ...options, replace, createNamespace: flags.createNamespace === true });
}

function warnDeprecated(context: CliContext, chart: Chart): void {
  if (chart.metadata.deprecated === true) context.stderr('WARNING: This chart is deprecated\n');
}

function printed(release: Release, flags: { output: OutputFormat; hideNotes?: boolean | undefined }): string {
  return formatOutput(flags.output, releaseJson(release, { chart: true }), () =>
    statusText(release, { hideNotes: flags.hideNotes === true }),
  );
}

export function upgradeCommand(context: CliContext) {
  const { maxHistory } = helmEnvironment(context);
  return withReleaseFlags(new Command('upgrade').description('upgrade a release'))
    .argument('<release>')
    .argument('<chart>')
    .option('-i, --install', 'install the release when there is none by that name')
    .option('--reset-values', 'start from the values built into the chart')
    .option('--reuse-values', 'start from the values of the last release')
    .option('--reset-then-reuse-values', 'the new chart’s values, then those of the last release')
    .option('--cleanup-on-fail', 'delete new objects when the upgrade fails')
    .option('--history-max <count>', 'revisions to keep, 0 for no limit', parseWhole, maxHistory)
    .action(async (name, chartName, flags) => {
      const session = await openSession(context, flags);
      if (flags.install === true) {
        const last = await session.storage.last(name);
        if (last === undefined || last.info.status === 'uninstalled') {
          if (flags.output === 'table') {
            context.stdout(`Release "${name}" does not exist. Installing it now.\n`);
          }
          const input = { name, chart: chartName, flags, replace: last !== undefined };
          context.stdout(printed(await installChart(context, session, input), flags));
          return;
        }
      }
      const release = await failingAs('UPGRADE FAILED', async () => {
        const update = { dependencyUpdate: flags.dependencyUpdate === true };
        const chart = await openChart(context, chartName, flags, update);
        warnDeprecated(context, chart);
        return upgrade(session, {
          ...(await commonOptions(context, name, chart, flags)),
          valuesPolicy: valuesPolicyOf(flags),
          cleanupOnFail: flags.cleanupOnFail === true,
          historyMax: flags.historyMax,
          recoverPending: false,
        });
      });
      if (flags.output === 'table') context.stdout(`Release "${name}" has been upgraded. Happy Helming!\n`);
      context.stdout(printed(release, flags));
    });
}

interface ValuesFlags {
  readonly resetValues?: boolean | undefined;
  readonly reuseValues?: boolean | undefined;
  readonly resetThenReuseValues?: boolean | undefined;
}

function valuesPolicyOf(flags: ValuesFlags): ValuesPolicy {
  if (flags.resetValues === true) return 'reset';
  if (flags.reuseValues === true) return 'reuse';
  return flags.resetThenReuseValues === true ? 'reset-then-reuse' : 'default';
}

/** Only application charts can be installed. */
export function checkInstallable(chart: Chart): void {
  const { type } = chart.metadata;
  if (type === undefined || type === '' || type === 'application') return;
  throw releaseError('CHART_SOURCE_INVALID', `${type} charts are not installable`);
}
