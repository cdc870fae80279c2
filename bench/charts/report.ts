/** The rows of the benchmark's tables, and its bars. */

import { speedUp, type ChartTimes } from './in-process.ts';
import type { ProcessTimes } from './whole-process.ts';

export interface Bar {
  readonly text: string;
  readonly isMet: boolean;
}

/** Source: issue "chart engine", how it is shown. */
const limits = { speedUp: 3, smallestRatio: 2, peakMiB: 90 } as const;

export const headings = {
  charts: `\n${'ms, median (best)'.padEnd(52)}${cells(['render', 'Helm', 'ratio', 'whole', 'Helm', 'ratio'])}`,
  processes: `\n${'processes: ms, median (best); CPU ms; peak MiB'.padEnd(52)}${cells(['ours', 'Helm', 'ratio', 'CPU/Helm', 'peak/Helm'])}`,
};

function cells(texts: readonly string[]): string {
  return texts.map((text) => text.padStart(17)).join('');
}

function both(median: number, best: number): string {
  return `${median.toFixed(2)} (${best.toFixed(2)})`;
}

export function chartRow({ label, makesKeys, render, whole }: ChartTimes): string {
  const columns = [render, whole].flatMap((kind) => [
    both(kind.median.ours, kind.best.ours),
    both(kind.median.helm, kind.best.helm),
    `${(kind.median.helm / kind.median.ours).toFixed(2)} (${(kind.best.helm / kind.best.ours).toFixed(2)})`,
  ]);
  return `${shorten(label, makesKeys ? ' *keys' : '')}${cells(columns)}`;
}

function shorten(label: string, mark: string): string {
  const room = 51 - mark.length;
  return `${label.length > room ? `…${label.slice(1 - room)}` : label}${mark}`.padEnd(52);
}

export function processRow({ label, ours, helm }: ProcessTimes): string {
  const columns = [
    `${ours.medianMs.toFixed(0)} (${ours.bestMs.toFixed(0)})`,
    `${helm.medianMs.toFixed(0)} (${helm.bestMs.toFixed(0)})`,
    `${(ours.medianMs / helm.medianMs).toFixed(2)} (${(ours.bestMs / helm.bestMs).toFixed(2)})`,
    `${ours.cpuMs.toFixed(0)}/${helm.cpuMs.toFixed(0)} = ${(ours.cpuMs / helm.cpuMs).toFixed(2)}`,
    `${ours.peakMiB.toFixed(0)}/${helm.peakMiB.toFixed(0)}`,
  ];
  return `${shorten(label, '')}${cells(columns)}`;
}

/** Judged by the best times, since noise only adds; the last of `processes` is the smallest chart, the others are the biggest. */
export function barsOf(times: readonly ChartTimes[], processes: readonly ProcessTimes[]): Bar[] {
  const judged = times.filter(({ makesKeys }) => !makesKeys);
  const render = speedUp(judged, 'render', 'best');
  const renderMedian = speedUp(judged, 'render', 'median');
  const whole = speedUp(judged, 'whole', 'best');
  const keys = times.filter(({ makesKeys }) => makesKeys).map(({ label }) => label);
  const without =
    keys.length === 0 ? '' : `; without ${keys.length} charts that make keys or bcrypt hashes: ${keys.join(', ')}`;
  const slower = render.slower.length === 0 ? '' : `: ${render.slower.join(', ')}`;
  return [
    {
      text:
        `render of ${judged.length} loaded charts: ${render.mean.toFixed(2)} times as fast (by medians ` +
        `${renderMedian.mean.toFixed(2)}), geometric mean; at least ${limits.speedUp} is wanted${without}`,
      isMet: render.mean >= limits.speedUp,
    },
    {
      text: `no chart slower: ${render.slower.length} slower, the least ratio is ${render.slowest.toFixed(2)}${slower}`,
      isMet: render.slower.length === 0,
    },
    {
      text: `with load and parse: ${whole.mean.toFixed(2)} times as fast, ${whole.slower.length} slower (told, not judged)`,
      isMet: true,
    },
    ...processBars(processes),
  ];
}

function processBars(processes: readonly ProcessTimes[]): Bar[] {
  const biggest = processes.slice(0, -1);
  const ratio = ({ ours, helm }: ProcessTimes): number => ours.bestMs / helm.bestMs;
  const smallest = processes.at(-1);
  const slow = biggest.filter((entry) => ratio(entry) > 1);
  const heavy = processes.filter(({ ours, helm }) => ours.peakMiB > Math.max(helm.peakMiB, limits.peakMiB));
  return [
    {
      text:
        `processes no slower on the ${biggest.length} biggest: ${slow.length} slower` +
        `${slow.map((entry) => `, ${entry.label} ${ratio(entry).toFixed(2)}`).join('')}`,
      isMet: slow.length === 0,
    },
    ...(smallest === undefined
      ? []
      : [
          {
            text:
              `process on the smallest (${smallest.label}): ${ratio(smallest).toFixed(2)} times Helm's; ` +
              `at most ${limits.smallestRatio} is wanted`,
            isMet: ratio(smallest) <= limits.smallestRatio,
          },
        ]),
    {
      text:
        `peak memory no more than Helm's or ${limits.peakMiB} MiB: ${heavy.length} above` +
        `${heavy.map(({ label, ours, helm }) => `, ${label} ${ours.peakMiB.toFixed(0)} against ${helm.peakMiB.toFixed(0)}`).join('')}`,
      isMet: heavy.length === 0,
    },
  ];
}
