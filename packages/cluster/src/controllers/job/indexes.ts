/** Completion indexes of Jobs: which pod has which, and how sets of them are written (`0,2-4`). */

import type { Pod } from '@towpath/api';
import type { Job } from '../types.ts';

export const completionIndexAnnotation = 'batch.kubernetes.io/job-completion-index';

export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed';
}

/** The index of a pod; undefined when it has none, or one the Job does not have (any more). */
export function indexOf(job: Job, pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[completionIndexAnnotation] ?? '';
  const index = Number(text);
  return /^\d+$/.test(text) && index < (job.spec.completions ?? 0) ? index : undefined;
}

/** `0,2-4` → 0, 2, 3, 4. What is no index is left out, and so is what is not below `completions`. */
export function parseIndexes(text: string, completions = Infinity): number[] {
  return text.split(',').flatMap((part) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const first = Number(from ?? Infinity);
    const last = Math.min(Number(to ?? first), completions - 1);
    return first < completions ? Array.from({ length: last - first + 1 }, (_, offset) => first + offset) : [];
  });
}

export function writeIndexes(indexes: ReadonlySet<number>): string {
  const ranges: { from: number; to: number }[] = [];
  for (const index of [...indexes].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.to + 1 === index) last.to = index;
    else ranges.push({ from: index, to: index });
  }
  return ranges
    .map(({ from, to }) => (from === to ? String(from) : to === from + 1 ? `${from},${to}` : `${from}-${to}`))
    .join(',');
}
