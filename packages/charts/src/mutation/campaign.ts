/** Spoils charts for a while: nothing may hang, end the process, pass the limits, or fail with anything but an error of ours. */

import { Worker } from 'node:worker_threads';
import { systemClock, type Random } from '@towpath/kit';
import { spoiled, type MutationResult, type MutationWork } from './worker.ts';
import type { Draft } from './mutations.ts';

/** A chart to spoil. */
export interface Victim {
  readonly label: string;
  readonly draft: Draft;
}

export interface CampaignOptions {
  readonly victims: readonly Victim[];
  readonly seconds: number;
  /** Of the first case; each further one is one more. */
  readonly seed: number;
  /** The bundle that serves the thread. */
  readonly thread: URL;
  readonly print: (line: string) => void;
}

/** Of one render; the engine must keep to it by itself. */
const renderMs = 2000;
/** Processor time of one case: load, render, lint, and each of them once more for the error's place. */
const caseMs = 20_000;
/** The same on a busy machine. A case beyond it hangs. */
const hangMs = 120_000;
/** Of the thread: what one chart may take. */
const heapMb = 1536;

/** Gives the number of cases that came to harm. */
export async function runCampaign(options: CampaignOptions): Promise<number> {
  const { victims, seed: first, print } = options;
  const drafts = victims.map(({ draft }) => draft);
  const counts = new Map<string, number>();
  const endMs = systemClock.monotonicMs() + options.seconds * 1000;
  let slowest = { seed: first, tookMs: 0 };
  let harmed = 0;
  let worker = startThread(options.thread, drafts);
  let seed = first;
  do {
    const answer = await oneCase(worker, seed);
    const isSlow = !answer.isBug && answer.tookMs > caseMs;
    const result = isSlow ? { ...answer, isBug: true, outcome: `${answer.outcome} after ${answer.tookMs} ms` } : answer;
    const code = result.isBug ? 'harm' : result.outcome;
    counts.set(code, (counts.get(code) ?? 0) + 1);
    if (result.tookMs > slowest.tookMs) slowest = { seed, tookMs: result.tookMs };
    if (result.isBug) {
      harmed += 1;
      const { done } = spoiled(drafts, seed);
      print(
        `HARM seed ${seed}, ${victims[seed % victims.length]?.label ?? ''} with ${done.join(' and ')}:\n  ${result.outcome}`,
      );
      await worker.terminate();
      worker = startThread(options.thread, drafts);
    }
    seed += 1;
  } while (systemClock.monotonicMs() < endMs);
  await worker.terminate();
  const list = [...counts].map(([code, count]) => `${code} ${count}`).join(', ');
  print(`${seed - first} spoiled charts (seeds ${first} to ${seed - 1}, ${victims.length} originals): ${list}`);
  print(`slowest: seed ${slowest.seed} with ${Math.round(slowest.tookMs)} ms`);
  return harmed;
}

function startThread(thread: URL, drafts: readonly Draft[]): Worker {
  const workerData: MutationWork = { mutation: true, drafts, timeMs: renderMs };
  return new Worker(thread, { workerData, resourceLimits: { maxOldGenerationSizeMb: heapMb } });
}

async function oneCase(worker: Worker, seed: number): Promise<MutationResult> {
  return new Promise((resolve) => {
    const finish = (result: MutationResult): void => {
      timer.cancel();
      worker.off('message', finish).off('error', onError).off('exit', onExit);
      resolve(result);
    };
    const harm = (outcome: string): void => finish({ outcome, isBug: true, tookMs: hangMs });
    const onError = (error: unknown): void =>
      harm(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const onExit = (): void => harm('the thread ended');
    const timer = systemClock.startTimer(hangMs, () => harm(`no answer within ${hangMs} ms`));
    worker.on('message', finish).on('error', onError).on('exit', onExit);
    worker.postMessage(seed);
  });
}

/** At most `count` of them, evenly. */
export function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  const rest = [...items];
  const chosen: T[] = [];
  while (chosen.length < count && rest.length > 0) chosen.push(...rest.splice(random.integer(rest.length), 1));
  return chosen;
}
