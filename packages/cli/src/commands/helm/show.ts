/** `helm show`, also as `towpath show`: what is in a chart. */

import { Command } from '@commander-js/extra-typings';
import { loadChart, toYaml, type Chart } from '@towpath/charts';
import type { CliContext } from '../../context.ts';
import { withChartFlags, type ChartFlags } from './flags.ts';
import { withGlobalFlags, withHelmFiles, type GlobalFlags } from './global-flags.ts';
import { locateChart } from './locate-chart.ts';
import { checkOperands, flagError, likePflag } from './pflag.ts';
import { reporting, type Dialect } from './report.ts';

type Part = 'all' | 'chart' | 'crds' | 'readme' | 'values';

const parts: Readonly<Record<Part, { about: string; print: (chart: Chart) => string }>> = {
  all: { about: 'all information of the chart', print: allText },
  chart: { about: "the chart's definition", print: chartText },
  crds: { about: "the chart's CRDs", print: crdsText },
  readme: { about: "the chart's README", print: readmeText },
  values: { about: "the chart's values", print: valuesText },
};

/** `towpath helm show` */
export function helmShowCommand(context: CliContext): Command {
  return showCommands(context, 'helm');
}

/** `towpath show` */
export function showCommand(context: CliContext): Command {
  return showCommands(context, 'towpath').addHelpText('after', examples);
}

const examples = `
Examples:
  towpath show values charts/web > my-values.yaml
  towpath show chart oci://registry.example.com/charts/web --version 1.2.3
  towpath show crds REPO/CHART --repo https://charts.example.com
`;

function showCommands(context: CliContext, dialect: Dialect): Command {
  const command = new Command('show').alias('inspect').description('show information of a chart');
  for (const [name, { about }] of Object.entries(parts) as [Part, (typeof parts)[Part]][]) {
    command.addCommand(partCommand(context, dialect, name, about) as unknown as Command);
  }
  return command;
}

function partCommand(context: CliContext, dialect: Dialect, part: Part, about: string) {
  const command = withChartFlags(withGlobalFlags(new Command(part).description(`show ${about}`))).argument(
    '[operands...]',
    'the chart: a folder, an archive, REPO/CHART, a URL or an oci:// address',
  );
  if (part === 'values') command.option('--jsonpath <expression>', 'refused: JSONPath is not read here');
  return likePflag(command).action((operands, flags) => run(context, { dialect, part }, operands, flags));
}

async function run(
  context: CliContext,
  command: { dialect: Dialect; part: Part },
  operands: string[],
  flags: ChartFlags & GlobalFlags & { readonly jsonpath?: string },
): Promise<void> {
  const { dialect, part } = command;
  const own = withHelmFiles(context, flags);
  await reporting(own, { dialect }, async () => {
    checkOperands(operands, { name: `${dialect} show ${part}`, usage: '[CHART] [flags]', least: 1, most: 1 });
    if ((flags.jsonpath ?? '') !== '') {
      throw flagError('--jsonpath is not supported: print the values and read them with a YAML tool');
    }
    const { source } = await locateChart(own, operands[0] ?? '', flags);
    own.stdout(parts[part].print(await loadChart(source)));
  });
}

function chartText(chart: Chart): string {
  const shown = Object.entries(chart.metadata).filter(([, value]) => !isEmpty(value));
  return `${toYaml(Object.fromEntries(shown))}\n\n`;
}

/** Lists and tables with nothing in them are left out. */
function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
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
    chart.rawValues === undefined ? '' : `---\n${valuesText(chart)}`,
    readme === '' ? '' : `---\n${readme}`,
    crds === '' ? '' : `${crds.startsWith('---') ? '' : '---\n'}${crds}`,
  ].join('');
}
