/** A thread that spoils charts and takes them through the engine, so that a hang or a full memory ends the thread alone. */

import { parentPort, workerData } from 'node:worker_threads';
import { seededRandom } from '@towpath/kit';
import { fromDraft, mutate, type Draft } from './mutations.ts';
import { survive, surviveArchive } from './survive.ts';

/** What the thread is started with. */
export interface MutationWork {
  readonly mutation: true;
  readonly drafts: readonly Draft[];
  /** Of one render. */
  readonly timeMs: number;
}

/** What came of one seed: `fine`, an error code, or the text of an error that is a bug. */
export interface MutationResult {
  readonly outcome: string;
  readonly isBug: boolean;
  /** Of the processor. */
  readonly tookMs: number;
}

/** Spoils the chart of a seed: the same seed gives the same files. */
export function spoiled(drafts: readonly Draft[], seed: number): ReturnType<typeof mutate> {
  return mutate(drafts[seed % drafts.length] ?? new Map(), seededRandom(seed));
}

/** True in a thread that was started for this. */
export function isMutationThread(): boolean {
  return typeof workerData === 'object' && workerData !== null && 'mutation' in workerData;
}

/** Answers every seed with a result. */
export function serveMutations(): void {
  const { drafts, timeMs } = workerData as MutationWork;
  parentPort?.on('message', (seed: number) => {
    void answer(drafts, seed, timeMs).then((result) => parentPort?.postMessage(result));
  });
}

async function answer(drafts: readonly Draft[], seed: number, timeMs: number): Promise<MutationResult> {
  const files = fromDraft(spoiled(drafts, seed).draft);
  const random = seededRandom(seed);
  // What the machine does besides is no fault of the chart's.
  const before = process.cpuUsage();
  const took = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  try {
    const outcome =
      random.integer(20) === 0
        ? await surviveArchive(files, random.integer(1000) / 1000, random.integer(256))
        : await survive(files, { timeMs });
    return { outcome, isBug: false, tookMs: took() };
  } catch (error) {
    return {
      outcome: error instanceof Error ? (error.stack ?? error.message) : String(error),
      isBug: true,
      tookMs: took(),
    };
  }
}
