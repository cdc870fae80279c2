/** Commands on charts alone: show, lint, package, pull. */

import { Command } from '@commander-js/extra-typings';
import { lintChart, loadChart, packageChart, toYaml, type Chart, type ChartFiles } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';
import { readChartFolder } from '@towpath/releases';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { CliContext } from '../../context.ts';
import { valuesOf, withChartFlags, withValueFlags } from './flags.ts';
import { locateChart, openChart } from './locate-chart.ts';

export function showCommand(context: CliContext) {
  const parts: Record<string, (chart: Chart) => string> = {
    all: (chart) => allText(chart),
    chart: (chart) => chartText(chart),
    values: (chart) => valuesText(chart),
    readme: (chart) => readmeText(chart),
    crds: (chart) => crdsText(chart),
  };
  const command = new Command('show').alias('inspect').description('show information of a chart');
  for (const [name, print] of Object.entries(parts)) {
    const what = name === 'all' ? 'all information of the chart' : `the chart's ${name}`;
    command.addCommand(
      withChartFlags(new Command(name).description(`show ${what}`))
        .argument('<chart>')
        .action(async (chart, flags) => {
          const { source } = await locateChart(context, chart, flags);
          context.stdout(print(await loadChart(source)));
        }),
    );
  }
  return command;
}

function chartText(chart: Chart): string {
  return `${toYaml(chart.metadata)}\n\n`;
}

function valuesText(chart: Chart): string {
  return chart.rawValues === undefined ? '' : `${chart.rawValues}\n`;
}

const readmeNames = new Set(['readme.md', 'readme.txt', 'readme']);

function readmeText(chart: Chart): string {
  const readme = chart.files.find((file) => readmeNames.has(file.name.toLowerCase()));
  return readme === undefined ? '' : `${Buffer.from(readme.data).toString('utf8')}\n`;
}

function crdsText(chart: Chart): string {
  return chart.crds.map((crd) => `${crd.text}\n`).join('');
}

/** Source: helm 3 pkg/action/show.go. */
function allText(chart: Chart): string {
  const readme = readmeText(chart);
  const crds = crdsText(chart);
  return [
    chartText(chart),
    `---\n${valuesText(chart)}`,
    readme === '' ? '' : `---\n${readme}`,
    crds === '' ? '' : `${crds.startsWith('---') ? '' : '---\n'}${crds}`,
  ].join('');
}

export function lintCommand(context: CliContext) {
  return withValueFlags(new Command('lint').description('examine a chart for possible issues'))
    .argument('[paths...]')
    .option('--strict', 'fail on warnings')
    .option('--quiet', 'print only warnings and errors')
    .option('-n, --namespace <name>', 'namespace templates see')
    .option('--kube-version <version>', 'Kubernetes version for .Capabilities')
    .option('--skip-schema-validation', 'do not apply values.schema.json')
    .action(async (paths, flags) => {
      const { clock, random } = context;
      const values = await valuesOf(context, flags);
      const charts = paths.length === 0 ? ['.'] : paths;
      const quiet = flags.quiet === true;
      let failed = 0;
      let loud = 0;
      for (const path of charts) {
        const messages = await lintChart({
          files: await filesAt(resolve(context.cwd, path)),
          values,
          clock,
          random,
          namespace: flags.namespace ?? 'default',
          skipSchemaValidation: flags.skipSchemaValidation === true,
          ...(flags.kubeVersion !== undefined && {
            capabilities: { kubeVersion: flags.kubeVersion, apiVersions: [] },
          }),
        });
        const serious = messages.filter(({ severity }) => severity !== 'INFO');
        const errors = messages.filter(({ severity }) => severity === 'ERROR');
        if (errors.length > 0 || (flags.strict === true && serious.length > 0)) failed++;
        if (serious.length > 0) loud++;
        if (quiet && serious.length === 0) continue;
        const lines = (quiet ? serious : messages).map(
          ({ severity, path: file, message }) => `[${severity}] ${file}: ${message}\n`,
        );
        context.stdout(`==> Linting ${path}\n${lines.join('')}\n`);
      }
      const summary = `${charts.length} chart(s) linted, ${failed} chart(s) failed`;
      if (failed > 0) throw new TowpathError('CHART_INVALID', summary, { next: 'mend what is listed above' });
      if (!quiet || loud > 0) context.stdout(`${summary}\n`);
    });
}

/** A folder's files, or those in an archive. */
async function filesAt(path: string): Promise<ChartFiles> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) {
    throw new TowpathError('CHART_NOT_FOUND', `path "${path}" not found`, { next: 'name a chart folder' });
  }
  if (about.isDirectory()) return readChartFolder(path);
  const chart = await loadChart(await readFile(path));
  return new Map(chart.raw.map((file) => [file.name, file.data]));
}

export function packageCommand(context: CliContext) {
  return new Command('package')
    .description('package a chart folder into a chart archive')
    .argument('<paths...>')
    .option('--version <version>', 'set the version on the chart')
    .option('--app-version <version>', 'set the appVersion on the chart')
    .option('-d, --destination <folder>', 'where to write the archive', '.')
    .option('-u, --dependency-update', 'fetch dependencies that are not in charts/')
    .action(async (paths, flags) => {
      for (const path of paths) {
        const update = { dependencyUpdate: flags.dependencyUpdate === true };
        const chart = await openChart(context, resolve(context.cwd, path), {}, update);
        const { filename, data } = await packageChart(chart, {
          ...(flags.version !== undefined && { version: flags.version }),
          ...(flags.appVersion !== undefined && { appVersion: flags.appVersion }),
        });
        const folder = resolve(context.cwd, flags.destination);
        await mkdir(folder, { recursive: true });
        const file = join(folder, filename);
        await writeFile(file, data);
        context.stdout(`Successfully packaged chart and saved it to: ${file}\n`);
      }
    });
}

export function pullCommand(context: CliContext) {
  return withChartFlags(new Command('pull').alias('fetch').description('download a chart'))
    .argument('<charts...>')
    .option('-d, --destination <folder>', 'where to write the chart', '.')
    .option('--untar', 'unpack the chart after downloading it')
    .option('--untardir <folder>', 'where to unpack it', '.')
    .action(async (charts, flags) => {
      for (const name of charts) {
        const { source, filename, digest } = await locateChart(context, name, flags);
        if (!(source instanceof Uint8Array) || filename === undefined) {
          throw new TowpathError('USAGE', `"${name}" is a local path: there is nothing to download`);
        }
        const folder = resolve(context.cwd, flags.destination);
        if (flags.untar === true) await unpack(join(folder, flags.untardir), source);
        else {
          await mkdir(folder, { recursive: true });
          await writeFile(join(folder, filename), source);
        }
        if (digest !== undefined) context.stdout(`Pulled: ${name}:${filename}\nDigest: ${digest}\n`);
      }
    });
}

async function unpack(folder: string, archive: Uint8Array): Promise<void> {
  const chart = await loadChart(archive);
  const root = join(folder, chart.metadata.name);
  if ((await stat(root).catch(() => undefined)) !== undefined) {
    throw new TowpathError(
      'CHART_NOT_FOUND',
      `failed to untar: a file or directory with the name ${root} already exists`,
    );
  }
  for (const file of chart.raw) {
    const path = resolve(root, file.name);
    if (!path.startsWith(`${root}/`)) {
      throw new TowpathError('CHART_INVALID', `${file.name} leaves the chart's folder`);
    }
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.data);
  }
}
