/** Holds one chart's renders against the real Helm's. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, systemClock } from '@towpath/kit';
import { loadChart } from '../chart/load.ts';
import type { Chart, ChartFiles } from '../chart/types.ts';
import { assemble, readFolder, valuesFilesOf, type FoundChart } from './charts.ts';
import { differenceButChance, firstDifference, type Difference } from './compare.ts';
import { helmLint, helmTemplate, type HelmAnswer } from './helm.ts';
import { ownLint, ownTemplate } from './own.ts';
import { helmFlags, plainVariants, wideVariants, type Variant } from './variants.ts';

/** What came of one render: the same text, the same but for chance, refused with the same sentence, or not the same. */
export type Outcome = 'identical' | 'chance' | 'refused' | 'different';

export interface RenderReport {
  readonly label: string;
  readonly isLint: boolean;
  readonly outcome: Outcome;
  /** What differs, for people. */
  readonly detail: string;
}

export interface ChartReport {
  readonly chart: FoundChart;
  readonly renders: readonly RenderReport[];
  /** Why the chart is not counted; '' when it is. */
  readonly absent: string;
}

export interface ComparisonOptions {
  readonly helm: string;
  /** Values turned over in further renders; undefined for the defaults and ci/ alone. */
  readonly wide: number | undefined;
  /** `helm lint` is compared, too. */
  readonly lint: boolean;
}

/** What this engine refuses on purpose, where Helm asks the network. */
export const remoteSchema = 'references outside values.schema.json are not followed';
/** Dates of two runs differ after this time. */
const secondMs = 1100;
/** Minutes and days turn over, and small random numbers are the same by chance: looked at again so often. */
const attempts = 3;

/** Compares a chart with its defaults, its ci/ values and what else is asked for. */
export async function compareChart(
  chart: FoundChart,
  all: readonly FoundChart[],
  options: ComparisonOptions,
): Promise<ChartReport> {
  const temporary = await mkdtemp(join(tmpdir(), 'towpath-conformance-'));
  try {
    const folder = join(temporary, chart.name);
    const missing = await assemble(chart, all, folder);
    if (missing.length > 0) return { chart, renders: [], absent: `without ${missing.join(', ')}` };
    const renders = await compareFolder(folder, options);
    const isRemote = renders.some(({ detail }) => detail.includes(remoteSchema));
    return isRemote ? { chart, renders: [], absent: 'its schema is on the network' } : { chart, renders, absent: '' };
  } catch (error) {
    return { chart, renders: [], absent: `not comparable: ${messageOf(error)}` };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The same for a chart that stands in a folder with its dependencies. */
export async function compareFolder(folder: string, options: ComparisonOptions): Promise<RenderReport[]> {
  const files = await readFolder(folder);
  const { chart, error } = await loaded(files);
  const plain = plainVariants(await valuesFilesOf(folder));
  const wide = options.wide === undefined || chart === undefined ? [] : wideVariants(chart, options.wide);
  const reports: RenderReport[] = [];
  for (const variant of [...plain, ...wide]) {
    const ask = (): Promise<HelmAnswer> => helmTemplate(options.helm, folder, helmFlags(variant));
    const own = async (): Promise<HelmAnswer> =>
      chart === undefined ? { output: '', error } : ownTemplate(chart, variant);
    reports.push({ label: variant.label, isLint: false, ...(await compareAnswers(ask, own)) });
  }
  if (options.lint) for (const variant of plain) reports.push(await compareLint(files, folder, variant, options.helm));
  return reports;
}

async function loaded(files: ChartFiles): Promise<{ chart?: Chart; error: string }> {
  try {
    return { chart: await loadChart(files), error: '' };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** Asks both, and Helm again where the two differ: at once, then after a second, when dates have gone on. */
async function compareAnswers(
  ask: () => Promise<HelmAnswer>,
  own: () => Promise<HelmAnswer>,
): Promise<Pick<RenderReport, 'outcome' | 'detail'>> {
  let detail = '';
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const first = await ask();
    const ours = await own();
    if (first.error !== '' || ours.error !== '') {
      if (first.error === ours.error) return { outcome: 'refused', detail: first.error };
      detail = `Helm: ${first.error || 'fine'}\n    here: ${ours.error || 'fine'}`;
      continue;
    }
    if (first.output === ours.output) return { outcome: 'identical', detail: '' };
    if (attempt > 0) await systemClock.sleep(secondMs);
    const second = await ask();
    const difference = differenceButChance({ first: first.output, second: second.output, ours: ours.output });
    if (difference === undefined) return { outcome: 'chance', detail: '' };
    detail = printed(difference);
  }
  return { outcome: 'different', detail };
}

function printed({ line, expected, actual }: Difference): string {
  return `line ${line}\n    Helm: ${expected}\n    here: ${actual}`;
}

async function compareLint(files: ChartFiles, folder: string, variant: Variant, helm: string): Promise<RenderReport> {
  const expected = await helmLint(helm, folder, helmFlags(variant));
  const actual = await ownLint(files, folder, variant).catch(messageOf);
  const end = expected.indexOf('\n\n1 chart(s) linted');
  const difference = firstDifference((end < 0 ? expected : expected.slice(0, end)).trim(), actual.trim());
  const label = `lint ${variant.label}`;
  if (difference === undefined) return { label, isLint: true, outcome: 'identical', detail: '' };
  return { label, isLint: true, outcome: 'different', detail: printed(difference) };
}
