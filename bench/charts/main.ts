/** `npm run bench -- charts --from DIR`: this engine against Helm's, in one run on one machine; exits 1 below a bar. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cwd } from 'node:process';
import { parseArgs } from 'node:util';
import { assemble, findCharts } from '../../packages/charts/src/conformance/charts.ts';
import { findHelm } from '../../packages/charts/src/conformance/helm.ts';
import { startCompanion, type EngineAnswer, type EngineRequest, type LaunchAnswer } from './engine.ts';
import { timeChart, type BenchChart, type ChartTimes, type RoundOptions } from './in-process.ts';
import { buildPrograms, type Programs } from './programs.ts';
import { barsOf, chartRow, headings, processRow } from './report.ts';
import { timeProcesses, type ProcessTimes } from './whole-process.ts';

type Print = (line: string) => void;

const usage =
  'usage: npm run bench -- charts --from DIR [--helm PATH] [--only TEXT] [--rounds N] [--budget MS] [--runs N] [--clock wall|cpu]';

const ownEngine = { runner: 'scripts/run-ts.mjs', entry: 'bench/charts/ours.ts' } as const;

/** How many charts with the most output are compared as processes. */
const biggestCount = 10;

/** The exit code is 0 when every bar is met, 1 when one is not, 2 for wrong usage. */
export async function main(args: readonly string[], print: Print): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      helm: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      budget: { type: 'string', default: '150' },
      runs: { type: 'string', default: '9' },
      clock: { type: 'string', default: 'wall' },
    },
  });
  if (values.from === undefined) {
    print(usage);
    return 2;
  }
  // npm runs scripts at the repository's root.
  const root = cwd();
  const work = await mkdtemp(join(tmpdir(), 'towpath-bench-'));
  try {
    const programs = await buildPrograms(root, work);
    const helm = await findHelm(values.helm, print);
    const charts = await assembleAll(values.from, values.only ?? '', join(work, 'charts'), print);
    const options = {
      rounds: Number(values.rounds),
      budgetMs: Number(values.budget),
      clock: values.clock === 'cpu' ? 'cpu' : 'wall',
    } as const;
    const times = await timeAll(charts, programs, options, print);
    const processes = await timeAllProcesses(times, { programs, helm, runs: Number(values.runs), print });
    const bars = barsOf(times, processes);
    for (const bar of bars) print(`${bar.isMet ? 'met   ' : 'MISSED'} ${bar.text}`);
    return bars.every((bar) => bar.isMet) ? 0 : 1;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Copies of the charts that have all they depend on. */
async function assembleAll(from: string, only: string, target: string, print: Print): Promise<BenchChart[]> {
  const all = await findCharts(from);
  const charts: BenchChart[] = [];
  const incomplete: string[] = [];
  for (const chart of all) {
    if (chart.isLibrary || !chart.label.includes(only)) continue;
    const folder = join(target, String(charts.length + incomplete.length), chart.name);
    const missing = await assemble(chart, all, folder);
    if (missing.length === 0) charts.push({ label: chart.label, folder });
    else incomplete.push(`${chart.label} (${missing.join(' ')})`);
  }
  if (incomplete.length > 0) print(`not compared, dependencies are absent: ${incomplete.join(', ')}`);
  return charts;
}

async function timeAll(
  charts: readonly BenchChart[],
  programs: Programs,
  options: RoundOptions,
  print: Print,
): Promise<ChartTimes[]> {
  const ours = startCompanion<EngineRequest, EngineAnswer>(process.execPath, [ownEngine.runner, ownEngine.entry]);
  const helm = startCompanion<EngineRequest, EngineAnswer>(programs.helmEngine);
  const times: ChartTimes[] = [];
  const failed: string[] = [];
  print(headings.charts);
  try {
    for (const chart of charts) {
      const entry = await timeChart(chart, { ours, helm }, options);
      if (typeof entry === 'string') failed.push(`${chart.label}: ${entry.split('\n')[0] ?? ''}`);
      else {
        times.push(entry);
        print(chartRow(entry));
      }
    }
  } finally {
    ours.dispose();
    helm.dispose();
  }
  for (const line of failed) print(`not compared, does not render: ${line}`);
  return times;
}

interface ProcessRun {
  readonly programs: Programs;
  readonly helm: string;
  readonly runs: number;
  readonly print: Print;
}

/** The charts with the most output, then the one with the least. */
async function timeAllProcesses(times: readonly ChartTimes[], run: ProcessRun): Promise<ProcessTimes[]> {
  const { print, runs, helm, programs } = run;
  const bySize = times.filter(({ makesKeys }) => !makesKeys).toSorted((a, b) => b.outputChars - a.outputChars);
  const smallest = bySize.filter(({ outputChars }) => outputChars > 1).at(-1);
  const chosen = bySize.slice(0, biggestCount);
  if (smallest !== undefined && !chosen.includes(smallest)) chosen.push(smallest);
  const launcher = startCompanion<readonly string[], LaunchAnswer>(programs.launcher);
  const processes: ProcessTimes[] = [];
  print(headings.processes);
  try {
    for (const chart of chosen) {
      const entry = await timeProcesses(chart, { launcher, towpath: programs.towpath, helm, runs });
      processes.push(entry);
      print(processRow(entry));
    }
  } finally {
    launcher.dispose();
  }
  return processes;
}
