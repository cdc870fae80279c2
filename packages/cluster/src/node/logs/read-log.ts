/** `kubectl logs`: tail, since, limit, timestamps, streams and following over a container's log. */

import { AsyncQueue, type Clock } from '@towpath/kit';
import type { PodLogOptions } from '../../apiserver/pod-streams.ts';
import { readRecords, type LogRecord, type LogWriter } from './log-file.ts';

/** A reader that is slower than this many lines loses the connection. */
const maxPendingLines = 100_000;

export interface LogSource {
  readonly path: string;
  /** The live writer, while the container runs. */
  readonly writer: LogWriter | undefined;
}

/** The text of the log; with `follow` it goes on until the container ends or `signal` is aborted. */
export async function* readLog(
  source: LogSource,
  options: PodLogOptions,
  context: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<string, void, undefined> {
  const live = new AsyncQueue<LogRecord>({ limit: maxPendingLines });
  const follow = options.follow && source.writer !== undefined;
  // Before the file is written out: a line in between would be in neither.
  let unsubscribe = (): void => {};
  if (follow) {
    unsubscribe = source.writer.subscribe((record) => {
      if (record === undefined) live.close();
      else live.push(record);
    });
  }
  await source.writer?.flushed();
  const stop = (): void => live.close();
  context.signal.addEventListener('abort', stop);
  try {
    let leftBytes = options.limitBytes ?? Infinity;
    let lastTime = '';
    const show = (record: LogRecord): string => {
      const text = (options.timestamps ? `${record.time} ` : '') + record.text + (record.partial ? '' : '\n');
      const bytes = Buffer.byteLength(text);
      const shown = bytes <= leftBytes ? text : Buffer.from(text).subarray(0, leftBytes).toString('utf8');
      leftBytes -= bytes;
      return shown;
    };
    for (const record of await selected(source.path, options, context.clock)) {
      lastTime = record.time;
      yield show(record);
      if (leftBytes <= 0 || context.signal.aborted) return;
    }
    if (!follow) return;
    for await (const record of live) {
      // Records written between the subscription and the end of the file come twice.
      if (record.time <= lastTime || !isWanted(record, options)) continue;
      yield show(record);
      if (leftBytes <= 0) return;
    }
  } finally {
    context.signal.removeEventListener('abort', stop);
    unsubscribe();
  }
}

async function selected(path: string, options: PodLogOptions, clock: Clock): Promise<LogRecord[]> {
  const since = sinceOf(options, clock);
  const records: LogRecord[] = [];
  const keep = options.tailLines ?? Infinity;
  for await (const record of readRecords(path)) {
    if (since !== undefined && record.time < since) continue;
    if (!isWanted(record, options)) continue;
    records.push(record);
    if (records.length > keep * 2 + 1000) records.splice(0, records.length - keep);
  }
  return keep === Infinity ? records : records.slice(Math.max(0, records.length - keep));
}

function isWanted(record: LogRecord, options: PodLogOptions): boolean {
  const stream = options.stream?.toLowerCase() ?? 'all';
  return stream === 'all' || stream === record.stream;
}

function sinceOf(options: PodLogOptions, clock: Clock): string | undefined {
  if (options.sinceSeconds !== undefined) {
    return new Date(clock.nowMs() - options.sinceSeconds * 1000).toISOString().replace('Z', '000000Z');
  }
  if (options.sinceTime === undefined) return undefined;
  const parsed = Date.parse(options.sinceTime);
  return Number.isNaN(parsed) ? undefined : new Date(parsed).toISOString().replace('Z', '000000Z');
}
