/** Times `towpath template` and `helm template` as processes, and reads their peak memory. */

import type { Companion, LaunchAnswer } from './engine.ts';
import { best, median } from './figures.ts';
import type { BenchChart } from './in-process.ts';

export type Launcher = Companion<readonly string[], LaunchAnswer>;

/** One program's runs on one chart. */
export interface Runs {
  readonly medianMs: number;
  readonly bestMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
}

export interface ProcessTimes {
  readonly label: string;
  readonly ours: Runs;
  readonly helm: Runs;
}

export interface ProcessOptions {
  readonly launcher: Launcher;
  readonly towpath: string;
  readonly helm: string;
  /** Of each program, in turns, after one that only warms the page cache. */
  readonly runs: number;
}

/** Throws when one of the two fails on the chart. */
export async function timeProcesses(chart: BenchChart, options: ProcessOptions): Promise<ProcessTimes> {
  const args = ['template', 'release-name', chart.folder, '--kube-version', 'v1.34.0'];
  const ours: LaunchAnswer[] = [];
  const helm: LaunchAnswer[] = [];
  for (let run = 0; run <= options.runs; run += 1) {
    const theirs = await launch(options.launcher, [options.helm, ...args]);
    const own = await launch(options.launcher, [process.execPath, options.towpath, ...args]);
    if (run === 0) continue;
    ours.push(own);
    helm.push(theirs);
  }
  return { label: chart.label, ours: summarize(ours), helm: summarize(helm) };
}

async function launch(launcher: Launcher, command: readonly string[]): Promise<LaunchAnswer> {
  const answer = await launcher.ask(command);
  if (answer.error !== undefined) throw new Error(`${command.join(' ')}: ${answer.error}`);
  return answer;
}

function summarize(answers: readonly LaunchAnswer[]): Runs {
  const wall = answers.map(({ wallMs }) => wallMs);
  return {
    medianMs: median(wall),
    bestMs: best(wall),
    cpuMs: median(answers.map(({ cpuMs }) => cpuMs)),
    peakMiB: median(answers.map(({ peakMiB }) => peakMiB)),
  };
}
