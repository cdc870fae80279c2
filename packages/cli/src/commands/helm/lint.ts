/** `helm lint`, also as `towpath lint`: what an author should mend. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { lintChart, loadChart, type ChartFiles, type LintMessage } from '@towpath/charts';
import { messageOf, TowpathError } from '@towpath/kit';
import { readChartFolder } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { valuesOf, withValueFlags, type ValueFlags } from './flags.ts';
import { namespaceOf, withGlobalFlags, type GlobalFlags } from './global-flags.ts';
import { namedCapabilities } from './kube-version.ts';
import { likePflag } from './pflag.ts';
import { reporting, type Dialect } from './report.ts';
import { warningLines } from './warnings.ts';

interface LintFlags extends GlobalFlags, ValueFlags {
  readonly kubeVersion?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly skipSchemaValidation?: boolean | undefined;
  readonly strict?: boolean | undefined;
  readonly withSubcharts?: boolean | undefined;
  readonly output?: 'text' | 'json' | undefined;
}

function lintFlags() {
  return withValueFlags(withGlobalFlags(new Command('lint')))
    .description('examine a chart for possible issues')
    .argument('[paths...]', 'chart folders or archives; the current folder when left out')
    .option('--kube-version <version>', 'Kubernetes version for .Capabilities and deprecations')
    .option('--quiet', 'print only warnings and errors')
    .option('--skip-schema-validation', 'do not apply values.schema.json')
    .option('--strict', 'fail on warnings')
    .option('--with-subcharts', 'lint the charts below charts/, too');
}

/** `towpath helm lint` */
export function helmLintCommand(context: CliContext) {
  return likePflag(lintFlags()).action((paths, flags) => run(context, 'helm', paths, flags));
}

/** `towpath lint`: the same, and as data. */
export function lintCommand(context: CliContext) {
  const command = likePflag(lintFlags().option('-o, --output <format>', 'text (default) or json', readFormat));
  return command.action((paths, flags) => run(context, 'towpath', paths, flags)).addHelpText('after', examples);
}

const examples = `
Examples:
  towpath lint charts/web -f prod.yaml --strict
  towpath lint charts/web --with-subcharts --kube-version 1.30
  towpath lint charts/web -o json
`;

function readFormat(value: string): 'text' | 'json' {
  if (value === 'text' || value === 'json') return value;
  throw new Error('invalid format type');
}

/** What was found in one chart. */
interface LintReport {
  readonly path: string;
  readonly messages: readonly LintMessage[];
  /** Why it could not be examined. */
  readonly error?: string;
  readonly failed: boolean;
}

async function run(context: CliContext, dialect: Dialect, operands: string[], flags: LintFlags): Promise<void> {
  await reporting(context, { dialect, json: flags.output === 'json' }, async () => {
    const capabilities = namedCapabilities(flags.kubeVersion, []);
    const paths = await chartPaths(context, operands, flags.withSubcharts === true);
    const values = await valuesOf(context, flags);
    const namespace = await namespaceOf(context, flags);
    const reports: LintReport[] = [];
    for (const path of paths) {
      const { clock, random } = context;
      const skipSchemaValidation = flags.skipSchemaValidation === true;
      reports.push(
        await examine({ path, place: resolve(context.cwd, path), strict: flags.strict === true }, async () =>
          lintChart({
            files: await filesAt(context, path),
            values,
            clock,
            random,
            namespace,
            skipSchemaValidation,
            capabilities,
            onWarning: (warning) => {
              if (flags.output !== 'json') for (const line of warningLines([warning], dialect)) context.stderr(line);
            },
          }),
        ),
      );
    }
    print(context, reports, flags);
  });
}

async function examine(
  { path, place, strict }: { path: string; place: string; strict: boolean },
  lint: () => Promise<LintMessage[]>,
): Promise<LintReport> {
  try {
    // What is about the chart as a whole helm says of its folder, unless it could not load it.
    const messages = (await lint()).map((found) =>
      found.path === '' && !found.message.startsWith('unable to load') ? { ...found, path: place } : found,
    );
    const failed = messages.some(({ severity }) => severity === 'ERROR' || (strict && severity === 'WARNING'));
    return { path, messages, failed };
  } catch (error) {
    return { path, messages: [], error: messageOf(error), failed: true };
  }
}

/** Source: helm 3 cmd/helm/lint.go. */
function print(context: CliContext, reports: readonly LintReport[], flags: LintFlags): void {
  const failed = reports.filter((report) => report.failed).length;
  const summary = `${reports.length} chart(s) linted, ${failed} chart(s) failed`;
  const quiet = flags.quiet === true;
  const isLoud = ({ messages, error }: LintReport): boolean =>
    error !== undefined || messages.some(({ severity }) => severity !== 'INFO');
  if (flags.output === 'json') {
    context.stdout(`${JSON.stringify({ charts: reports, failed }, undefined, 2)}\n`);
    if (failed > 0) context.exitCode(1);
    return;
  }
  const shown = quiet ? reports.filter(isLoud) : reports;
  context.stdout(shown.map((report) => reportText(report, quiet)).join(''));
  if (failed > 0) throw new TowpathError('LINT_FAILED', summary);
  if (!quiet || shown.length > 0) context.stdout(`${summary}\n`);
}

function reportText({ path, messages, error }: LintReport, quiet: boolean): string {
  const lines = messages
    .filter(({ severity }) => !quiet || severity !== 'INFO')
    .map(({ severity, path: file, message }) => `[${severity}] ${file}: ${message}\n`);
  const failure = error === undefined ? '' : `Error ${error}\n`;
  return `==> Linting ${path}\n${failure}${lines.join('')}\n`;
}

/** The charts named, then those below their charts/ folders, in the order of a walk. */
async function chartPaths(context: CliContext, operands: readonly string[], subcharts: boolean): Promise<string[]> {
  const paths = operands.length === 0 ? ['.'] : [...operands];
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(resolve(context.cwd, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.name === 'Chart.yaml') found.push(folder);
      else if (isArchive(entry.name)) found.push(path);
    }
  };
  if (subcharts) for (const path of paths) await walk(join(path, 'charts'));
  return [...paths, ...found];
}

function isArchive(path: string): boolean {
  return path.endsWith('.tgz') || path.endsWith('.tar.gz');
}

/** A folder's files, or those in an archive. Throws helm's sentences. */
async function filesAt(context: CliContext, path: string): Promise<ChartFiles> {
  const place = resolve(context.cwd, path);
  const fail = (what: string, file: string): never => {
    throw new TowpathError('CHART_NOT_FOUND', `${what} ${file}: no such file or directory`);
  };
  if (!isArchive(path)) {
    const chartFile = join(place, 'Chart.yaml');
    const about = await stat(chartFile).catch(() => undefined);
    if (about === undefined) fail('unable to check Chart.yaml file in chart: stat', join(path, 'Chart.yaml'));
    return readChartFolder(place);
  }
  const data = await readFile(place).catch(() => fail('unable to open tarball: open', path));
  const chart = await loadChart(data);
  return new Map(chart.raw.map((file) => [file.name, file.data]));
}
