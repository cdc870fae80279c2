/** `npm run conformance -- charts --from DIR`: renders every chart below a folder here and with the real Helm. */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findCharts, type FoundChart } from './charts.ts';
import { compareChart, type ChartReport, type ComparisonOptions } from './comparison.ts';
import { findHelm } from './helm.ts';
import { mutationCampaign } from './mutation-campaign.ts';
import { isMutationThread, serveMutations } from '../mutation/worker.ts';
import { chartLines, listText, summaryLines } from './summary.ts';

const usage = `usage: npm run conformance -- charts --from DIR [option…]
  --only TEXT      charts whose path holds TEXT
  --wide NUMBER    also CRDs, an upgrade, an old cluster and NUMBER values turned over
  --lint           also what lint finds
  --mutate SECONDS  instead spoils charts, those below DIR or a small one, for so long; nothing may hang or crash
  --against-helm   with --mutate: compares what comes of mildly spoiled charts with Helm
  --seed NUMBER    of the first spoiled chart; with --mutate 0 only of this one
  --jobs NUMBER    processes of Helm at once, 2 when left out
  --list FILE      writes what was compared as a Markdown table
  --helm PATH      another helm than the one on PATH
  --verbose        says what came of every chart`;

/** Prints what differs and a summary; the exit code is 1 when anything does. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      helm: { type: 'string' },
      only: { type: 'string' },
      wide: { type: 'string' },
      jobs: { type: 'string' },
      list: { type: 'string' },
      lint: { type: 'boolean' },
      verbose: { type: 'boolean' },
      mutate: { type: 'string' },
      seed: { type: 'string' },
      'against-helm': { type: 'boolean' },
    },
  });
  if (flags.mutate !== undefined) {
    return mutationCampaign({
      from: flags.from,
      only: flags.only ?? '',
      seconds: Number(flags.mutate),
      seed: Number(flags.seed ?? 1),
      helm: flags['against-helm'] === true ? await findHelm(flags.helm, print) : undefined,
      thread: new URL(import.meta.url),
      print,
    });
  }
  if (flags.from === undefined) {
    print(usage);
    return 2;
  }
  const helm = await findHelm(flags.helm, print);
  const all = await findCharts(flags.from);
  const { only = '', wide, lint = false, verbose = false } = flags;
  const charts = all.filter((chart) => !chart.isLibrary && chart.label.includes(only));
  const options = { helm, wide: wide === undefined ? undefined : Number(wide), lint };
  const reports = await compareAll(charts, all, { ...options, jobs: Number(flags.jobs ?? 2) }, (report) => {
    for (const line of chartLines(report, verbose)) print(line);
  });
  for (const line of summaryLines(reports)) print(line);
  if (flags.list !== undefined) await writeFile(flags.list, listText(reports));
  return reports.some(({ renders }) => renders.some(({ outcome }) => outcome === 'different')) ? 1 : 0;
}

/** Some charts at once; the reports stand in the charts' order. */
async function compareAll(
  charts: readonly FoundChart[],
  all: readonly FoundChart[],
  options: ComparisonOptions & { readonly jobs: number },
  done: (report: ChartReport) => void,
): Promise<ChartReport[]> {
  const reports: ChartReport[] = [];
  const waiting = [...charts.entries()].toReversed();
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [index, chart] = next;
      const report = await compareChart(chart, all, options);
      reports[index] = report;
      done(report);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return reports;
}

// The campaign's thread is started from the same bundle.
if (isMutationThread()) serveMutations();
