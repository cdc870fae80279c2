/** What an evaluation may use and how much of it: samples, time, and pauses that let other work run. */

import type { Clock } from '@towpath/kit';
import { metricsError } from '../errors.ts';
import type { Labels } from '../labels.ts';
import type { Matcher } from '../matchers.ts';
import { mergeColumns, type Column, type Steps, type VectorValue } from './value.ts';

/** The samples of one series in a time span, oldest first; `values` and `bits` share their memory. */
export interface Samples {
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** The values' bits, which tell a stale marker from another NaN. */
  readonly bits: Uint32Array;
  readonly length: number;
}

/** A stored series. */
export interface StoredSeries {
  readonly labels: Labels;
  /** Samples with `afterMs < time <= untilMs`. */
  samples(afterMs: number, untilMs: number): Samples;
}

/** Where selectors look. */
export interface SampleSource {
  select(matchers: readonly Matcher[]): readonly StoredSeries[];
}

/** The limits of one query. */
export interface QueryLimits {
  /** Samples read and values computed; Prometheus' `--query.max-samples`. */
  readonly maxSamples: number;
  readonly timeoutMs: number;
  /** How far back an instant selector looks. */
  readonly lookbackMs: number;
  /** Step of a subquery without one. */
  readonly subqueryStepMs: number;
  /** Names are dropped at the end instead of at once (Prometheus' feature `promql-delayed-name-removal`). */
  readonly delayedNameRemoval: boolean;
}

export const defaultQueryLimits: QueryLimits = {
  maxSamples: 20_000_000,
  timeoutMs: 60_000,
  lookbackMs: 300_000,
  subqueryStepMs: 60_000,
  delayedNameRemoval: false,
};

/** How long an evaluation runs before it lets the event loop go round. */
const sliceMs = 8;

export interface EnvironmentOptions {
  readonly source: SampleSource;
  readonly limits: QueryLimits;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Lets other work run: `setImmediate` as a promise. */
  readonly pause: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  /** The span of the whole query, for `@ start()` and `@ end()`. */
  readonly span: { readonly startMs: number; readonly endMs: number };
}

/** One evaluation's budget. Its methods throw `PROMQL_EXECUTION`, `PROMQL_TIMEOUT` or `PROMQL_CANCELED`. */
export class Environment {
  readonly source: SampleSource;
  readonly limits: QueryLimits;
  readonly span: { readonly startMs: number; readonly endMs: number };
  readonly #options: EnvironmentOptions;
  readonly #startedAtMs: number;
  #sliceStartedAtMs: number;
  #samples = 0;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.source = options.source;
    this.limits = options.limits;
    this.span = options.span;
    this.#startedAtMs = options.clock.monotonicMs();
    this.#sliceStartedAtMs = this.#startedAtMs;
  }

  /** Samples touched so far. */
  get samples(): number {
    return this.#samples;
  }

  /** Counts work against the limit. */
  spend(samples: number): void {
    this.#samples += samples;
    if (this.#samples > this.limits.maxSamples) {
      throw metricsError(
        'PROMQL_EXECUTION',
        'query processing would load too many samples into memory in query execution',
        {
          next: 'ask for a shorter range, a longer step or fewer series',
        },
      );
    }
  }

  /** Call between series: gives way when the slice is used up, and stops a query that is too old or unwanted. */
  async breathe(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#sliceStartedAtMs < sliceMs) return;
    if (nowMs - this.#startedAtMs > this.limits.timeoutMs) {
      throw metricsError('PROMQL_TIMEOUT', 'query timed out in expression evaluation');
    }
    if (this.#options.signal?.aborted === true) {
      throw metricsError('PROMQL_CANCELED', 'query was canceled in expression evaluation');
    }
    await this.#options.pause();
    this.#sliceStartedAtMs = this.#options.clock.monotonicMs();
  }

  /** A vector whose columns lost their names: at once, or marked to lose them at the end. */
  nameless(columns: readonly Column[], steps: Steps): VectorValue {
    if (this.limits.delayedNameRemoval) return { type: 'vector', columns };
    return { type: 'vector', columns: mergeColumns(columns, steps) };
  }
}
