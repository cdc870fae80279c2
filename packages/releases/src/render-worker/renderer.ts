/** Renders charts without holding up the event loop: what is quick in place, what is not in a worker. */

import { Worker } from 'node:worker_threads';
import { defaultRenderLimits, type Chart, type LookupRequest } from '@towpath/charts';
import { TowpathError, type Clock, type UnknownRecord } from '@towpath/kit';
import type { Rendered } from '../actions/rendered.ts';
import { releaseError } from '../errors.ts';
import { answerKey, type RenderJob, type RenderReply } from './job.ts';

/** A render whose defaults, files and answers the renderer adds itself. */
export interface RenderRequest extends Omit<
  RenderJob,
  'chartId' | 'files' | 'defaults' | 'answers' | 'nowMs' | 'timeMs'
> {
  readonly chart: Chart;
}

/** Answers `lookup`; undefined where nothing is found. */
export type AwaitedLookup = (request: LookupRequest) => Promise<UnknownRecord | undefined>;

export interface Renderer {
  /** Throws what the chart engine throws, and `RENDER_LIMIT` for a render that had to be stopped. */
  render(request: RenderRequest, lookup: AwaitedLookup | undefined): Promise<Rendered>;
  dispose(): Promise<void>;
}

export interface RendererOptions {
  /** The worker's program, entry.ts as the build made it. */
  readonly workerFile: string | URL;
  readonly clock: Clock;
  /** 30 s when left out, as for every render. */
  readonly timeMs?: number;
}

/** A chart may loop where the engine does not look: then the thread is ended, this long after its time is over. */
const graceMs = 2000;
/** Each round answers one lookup. */
const lookupRoundsMax = 1000;
const heapMib = 1024;

/** One worker, started when it is first needed, which takes one render after the other. */
export function createRenderer(options: RendererOptions): Renderer {
  const { clock, timeMs = defaultRenderLimits.timeMs } = options;
  const ids = new WeakMap<object, number>();
  let lastId = 0;
  let worker: Worker | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const idOf = (chart: Chart): number => {
    // Copies of a chart with other defaults share its files.
    const known = ids.get(chart.raw);
    if (known !== undefined) return known;
    lastId += 1;
    ids.set(chart.raw, lastId);
    return lastId;
  };
  const ask = (job: RenderJob, name: string): Promise<RenderReply> => {
    const asked = (worker ??= startWorker(options.workerFile));
    const end = (): void => {
      // The next render starts another one.
      if (worker === asked) worker = undefined;
      void asked.terminate();
    };
    return replyOf(asked, job, { clock, name, afterMs: timeMs + graceMs, end });
  };
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };

  return {
    async render({ chart, ...request }, lookup) {
      const answers = new Map<string, UnknownRecord | undefined>();
      const { name } = chart.metadata;
      const nowMs = clock.nowMs();
      const about = { ...request, chartId: idOf(chart), defaults: chart.values, nowMs, timeMs };
      for (let round = 0; round < lookupRoundsMax; round += 1) {
        const job: RenderJob = { ...about, answers: lookup === undefined ? undefined : answers };
        const reply = await inTurn(async () => {
          const first = await ask(job, name);
          return first.type === 'files' ? ask({ ...job, files: chart.raw }, name) : first;
        });
        if (reply.type === 'done') return reply.rendered;
        if (reply.type === 'failed') throw errorOf(reply.error);
        if (reply.type === 'lookup') answers.set(answerKey(reply.request), await lookup?.(reply.request));
      }
      throw releaseError('RENDER_LIMIT', `the chart asks for more than ${lookupRoundsMax} objects by lookup`, {
        next: 'look up lists instead of single objects',
      });
    },
    async dispose() {
      await worker?.terminate();
    },
  };
}

function startWorker(file: string | URL): Worker {
  const worker = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: heapMib }, env: {} });
  // A worker that waits for work keeps no program alive.
  worker.unref();
  return worker;
}

/** The worker's answer, or why there is none; a worker that does not answer in time is ended. */
function replyOf(
  worker: Worker,
  job: RenderJob,
  limit: { clock: Clock; name: string; afterMs: number; end: () => void },
): Promise<RenderReply> {
  return new Promise((resolve, reject) => {
    const stopped = (why: string): TowpathError =>
      releaseError('RENDER_LIMIT', `rendering ${limit.name} ${why}`, {
        next: 'look for an endless loop in its templates',
      });
    const settle = (finish: () => void): void => {
      timer.cancel();
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      finish();
    };
    const onMessage = (reply: RenderReply): void => settle(() => resolve(reply));
    const fail = (why: string): void => {
      limit.end();
      settle(() => reject(stopped(why)));
    };
    const onError = (error: Error): void => fail(`ended its worker: ${error.message}`);
    const onExit = (): void => fail('ended its worker');
    const timer = limit.clock.startTimer(limit.afterMs, () =>
      fail(`took longer than ${limit.afterMs / 1000} s and was stopped`),
    );
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(job);
  });
}

function errorOf({
  code,
  message,
  next,
  details,
}: { code: string } & Pick<TowpathError, 'message' | 'next' | 'details'>) {
  return new TowpathError(code, message, {
    ...(next !== undefined && { next }),
    ...(details !== undefined && { details }),
  });
}
