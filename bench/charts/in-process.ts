/** Times both engines in process, chart by chart, in alternating rounds. */

import { best, geometricMean, median } from './figures.ts';
import type { Companion, EngineAnswer, EngineClock, EngineRequest } from './engine.ts';

export type Engine = Companion<EngineRequest, EngineAnswer>;

/** A chart with its dependencies, ready to be rendered by both. */
export interface BenchChart {
  readonly label: string;
  readonly folder: string;
}

interface Pair {
  readonly ours: number;
  readonly helm: number;
}

/** One chart's times in milliseconds. */
export interface ChartTimes extends BenchChart {
  readonly outputChars: number;
  readonly makesKeys: boolean;
  /** Prepare, render and sort of a loaded chart. */
  readonly render: { readonly median: Pair; readonly best: Pair };
  /** With reading and parsing its files. */
  readonly whole: { readonly median: Pair; readonly best: Pair };
}

export interface RoundOptions {
  /** After one that only warms up. */
  readonly rounds: number;
  readonly budgetMs: number;
  readonly clock: EngineClock;
}

/** The times of one chart, or why there are none. */
export async function timeChart(
  chart: BenchChart,
  engines: { readonly ours: Engine; readonly helm: Engine },
  { rounds, budgetMs, clock }: RoundOptions,
): Promise<ChartTimes | string> {
  const ours: EngineAnswer[] = [];
  const helm: EngineAnswer[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    // The first round lets the compiler see the chart.
    const request = { folder: chart.folder, clock, budgetMs: round === 0 ? budgetMs * 3 : budgetMs };
    const theirs = await engines.helm.ask(request);
    if (theirs.error !== undefined) return `Helm: ${theirs.error}`;
    const own = await engines.ours.ask(request);
    if (own.error !== undefined) return `here: ${own.error}`;
    if (round === 0) continue;
    ours.push(own);
    helm.push(theirs);
  }
  const last = ours.at(-1);
  return {
    ...chart,
    outputChars: last?.outputChars ?? 0,
    makesKeys: last?.makesKeys === true,
    render: figures(ours, helm, 'renderMs'),
    whole: figures(ours, helm, 'wholeMs'),
  };
}

function figures(ours: readonly EngineAnswer[], helm: readonly EngineAnswer[], kind: 'renderMs' | 'wholeMs') {
  const own = ours.flatMap((answer) => answer[kind]);
  const theirs = helm.flatMap((answer) => answer[kind]);
  return {
    median: { ours: median(own), helm: median(theirs) },
    best: { ours: best(own), helm: best(theirs) },
  };
}

/** How many times faster this engine is: over all charts, and where it is the least. */
export function speedUp(
  times: readonly ChartTimes[],
  kind: 'render' | 'whole',
  by: 'median' | 'best',
): { readonly mean: number; readonly slowest: number; readonly slower: readonly string[] } {
  const ratios = times.map((entry) => entry[kind][by].helm / entry[kind][by].ours);
  const slower = times.filter((_entry, index) => (ratios[index] ?? 0) < 1).map(({ label }) => label);
  return { mean: geometricMean(ratios), slowest: Math.min(...ratios), slower };
}
