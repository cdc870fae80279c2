/** What crosses the border between the program and the worker that renders, and the work itself. */

import {
  loadChart,
  render,
  type Capabilities,
  type Chart,
  type ChartFile,
  type LookupRequest,
  type RenderRelease,
  type ValueLayer,
} from '@towpath/charts';
import {
  codeOf,
  jsonEqual,
  messageOf,
  systemClock,
  systemRandom,
  TowpathError,
  type UnknownRecord,
} from '@towpath/kit';
import { renderedOf, type Rendered } from '../actions/rendered.ts';

/** Plain data: it is copied to another thread. */
export interface RenderJob {
  /** Names the chart's files among those the worker has. */
  readonly chartId: number;
  /** Sent when the worker asks for them. */
  readonly files?: readonly ChartFile[];
  /** The chart's default values: a policy may have changed those of its file. */
  readonly defaults: UnknownRecord;
  readonly values: UnknownRecord;
  readonly valueLayers?: readonly ValueLayer[] | undefined;
  readonly release: RenderRelease;
  readonly capabilities: Capabilities;
  readonly nowMs: number;
  readonly timeMs: number;
  readonly skipSchemaValidation: boolean;
  readonly subchartNotes: boolean;
  /** The objects that were looked up so far, by request as JSON; undefined where lookup finds nothing. */
  readonly answers: ReadonlyMap<string, UnknownRecord | undefined> | undefined;
}

/** Each job gets one. */
export type RenderReply =
  | { readonly type: 'done'; readonly rendered: Rendered }
  /** The worker does not have the chart: the job is to be sent again with its files. */
  | { readonly type: 'files' }
  /** The chart looks up what is not known: the job is to be sent again with the answer. */
  | { readonly type: 'lookup'; readonly request: LookupRequest }
  | { readonly type: 'failed'; readonly error: RenderFault };

/** A `TowpathError` as data. */
export interface RenderFault {
  readonly code: string;
  readonly message: string;
  readonly next: string | undefined;
  readonly details: object | undefined;
}

/** Charts that were loaded, the one used last at the end. */
export type LoadedCharts = Map<number, Chart>;

const chartsMax = 16;

/** Never throws. */
export async function runJob(job: RenderJob, charts: LoadedCharts): Promise<RenderReply> {
  let missing: LookupRequest | undefined;
  const lookup = (request: LookupRequest): UnknownRecord | undefined => {
    const key = answerKey(request);
    if (job.answers?.has(key) !== false) return job.answers?.get(key);
    missing = request;
    throw new TowpathError('LOOKUP_MISSING', 'a lookup is not answered yet');
  };
  try {
    const loaded = charts.get(job.chartId) ?? (job.files && (await loadChart(filesOf(job.files))));
    if (loaded === undefined) return { type: 'files' };
    keep(charts, job.chartId, loaded);
    const { values, valueLayers, release, capabilities, nowMs, timeMs, skipSchemaValidation, subchartNotes } = job;
    const result = render({
      chart: jsonEqual(loaded.values, job.defaults) ? loaded : { ...loaded, values: job.defaults },
      values,
      release,
      capabilities,
      skipSchemaValidation,
      subchartNotes,
      lookup,
      limits: { timeMs },
      clock: { nowMs: () => nowMs, monotonicMs: () => systemClock.monotonicMs() },
      random: systemRandom,
      ...(valueLayers !== undefined && { valueLayers }),
    });
    return { type: 'done', rendered: renderedOf(result) };
  } catch (error) {
    return missing === undefined ? { type: 'failed', error: faultOf(error) } : { type: 'lookup', request: missing };
  }
}

export function answerKey({ apiVersion, kind, namespace, name }: LookupRequest): string {
  return JSON.stringify([apiVersion, kind, namespace, name]);
}

function filesOf(files: readonly ChartFile[]): Map<string, Uint8Array> {
  return new Map(files.map(({ name, data }) => [name, data]));
}

function keep(charts: LoadedCharts, id: number, chart: Chart): void {
  charts.delete(id);
  charts.set(id, chart);
  const [oldest] = charts.keys();
  if (charts.size > chartsMax && oldest !== undefined) charts.delete(oldest);
}

function faultOf(error: unknown): RenderFault {
  const { next, details } = error instanceof TowpathError ? error : { next: undefined, details: undefined };
  return { code: codeOf(error) ?? 'RENDER_FAILED', message: messageOf(error), next, details };
}
