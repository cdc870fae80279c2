/** `npm run conformance -- charts --from DIR`: renders every chart below a folder here and with the real Helm. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom, systemClock } from '@towpath/kit';
import { loadChart } from '../chart/load.ts';
import { defaultCapabilities } from '../render/capabilities.ts';
import { templateOutput } from '../render/output.ts';
import { render } from '../render/render.ts';
import { valuesFromFlags } from '../values/flags.ts';
import { assemble, findCharts, readFolder, valuesFilesOf, type FoundChart } from './charts.ts';
import { changingLines, firstDifference } from './compare.ts';
import { findHelm, helmTemplate, type HelmAnswer } from './helm.ts';

/** Both engines are told the same Kubernetes version. */
const kubeVersion = 'v1.34.0';
const clock = systemClock;
/** What this engine refuses on purpose, where Helm asks the network. */
const remoteSchema = 'references outside values.schema.json are not followed';

interface Tally {
  identical: number;
  different: number;
  renders: number;
  readonly incomplete: string[];
}

/** Prints what differs and a summary; the exit code is 1 when anything does. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      helm: { type: 'string' },
      only: { type: 'string' },
      verbose: { type: 'boolean' },
    },
  });
  if (values.from === undefined) {
    print('usage: npm run conformance -- charts --from DIR [--only TEXT] [--helm PATH] [--verbose]');
    return 2;
  }
  const helm = await findHelm(values.helm, print);
  const all = await findCharts(values.from);
  const tally: Tally = { identical: 0, different: 0, renders: 0, incomplete: [] };
  for (const chart of all) {
    if (chart.isLibrary || (values.only !== undefined && !chart.label.includes(values.only))) continue;
    await compareChart(chart, all, { helm, print, isVerbose: values.verbose ?? false }, tally);
  }
  if (tally.incomplete.length > 0) print(`not counted, something is absent: ${tally.incomplete.join(', ')}`);
  print(`${tally.identical} charts identical, ${tally.different} different; ${tally.renders} renders`);
  return tally.different === 0 ? 0 : 1;
}

interface Comparison {
  readonly helm: string;
  readonly print: (line: string) => void;
  readonly isVerbose: boolean;
}

async function compareChart(
  chart: FoundChart,
  all: readonly FoundChart[],
  comparison: Comparison,
  tally: Tally,
): Promise<void> {
  const { print } = comparison;
  const folder = await mkdtemp(join(tmpdir(), 'towpath-conformance-'));
  try {
    const target = join(folder, chart.name);
    const missing = await assemble(chart, all, target);
    if (missing.length > 0) {
      tally.incomplete.push(`${chart.label} (${missing.join(' ')})`);
      return;
    }
    const differences: string[] = [];
    for (const valuesFile of ['', ...(await valuesFilesOf(target))]) {
      tally.renders += 1;
      const difference = await compareRender(target, valuesFile, comparison.helm);
      if (difference !== undefined) differences.push(`  ${valuesFile || 'defaults'}: ${difference}`);
    }
    if (differences.some((difference) => difference.endsWith(remoteSchema))) {
      tally.incomplete.push(`${chart.label} (its schema is on the network)`);
      return;
    }
    if (differences.length === 0) tally.identical += 1;
    else tally.different += 1;
    if (differences.length > 0 || comparison.isVerbose)
      print(`${differences.length === 0 ? 'same' : 'DIFFERENT'} ${chart.label}`);
    for (const difference of differences) print(difference);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compareRender(folder: string, valuesFile: string, helm: string): Promise<string | undefined> {
  const valuesPath = join(folder, 'ci', valuesFile);
  const args = ['--kube-version', kubeVersion, ...(valuesFile === '' ? [] : ['-f', valuesPath])];
  const expected = await helmTemplate(helm, folder, args);
  const actual = await ownTemplate(folder, valuesFile === '' ? undefined : valuesPath);
  if (actual.error.includes(remoteSchema)) return remoteSchema;
  if (expected.error !== '' || actual.error !== '') {
    if (expected.error === actual.error) return undefined;
    return `Helm: ${expected.error || 'fine'}\n    here: ${actual.error || 'fine'}`;
  }
  if (expected.output === actual.output) return undefined;
  // A second later, dates differ too.
  await new Promise((done) => setTimeout(done, 1100));
  const again = await helmTemplate(helm, folder, args);
  const difference = firstDifference(expected.output, actual.output, changingLines(expected.output, again.output));
  if (difference === undefined) return undefined;
  return `line ${difference.line}\n    Helm: ${difference.expected}\n    here: ${difference.actual}`;
}

async function ownTemplate(folder: string, valuesPath: string | undefined): Promise<HelmAnswer> {
  try {
    const chart = await loadChart(await readFolder(folder));
    const valueFiles = valuesPath === undefined ? [] : [{ name: valuesPath, text: await readFile(valuesPath, 'utf8') }];
    const result = render({
      chart,
      values: valuesFromFlags({ valueFiles }),
      release: { name: 'release-name', namespace: 'default', revision: 1, isInstall: true, isUpgrade: false },
      capabilities: { ...defaultCapabilities, kubeVersion },
      clock,
      random: seededRandom(1),
    });
    return { output: templateOutput(result), error: '' };
  } catch (error) {
    return { output: '', error: error instanceof Error ? error.message : String(error) };
  }
}
