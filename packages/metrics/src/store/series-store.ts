/** The series of the last hours, in memory: appended by scrapes, read by selectors. */

import type { Clock } from '@towpath/kit';
import { labelPairs, labelsKey, labelValue, type Labels } from '../labels.ts';
import { matchesAll, matchesEmpty, type Matcher } from '../matchers.ts';
import type { Samples, SampleSource, StoredSeries } from '../promql/environment.ts';
import { Chunk, SampleBuffer } from './chunk.ts';

export interface StoreOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Older samples are dropped; default 2 hours. */
  readonly retentionMs?: number;
  /** New series beyond this are refused, so that a label gone wild cannot take all memory; default 200,000. */
  readonly maxSeries?: number;
}

export interface StoreStatus {
  readonly series: number;
  readonly samplesAppended: number;
  readonly sizeBytes: number;
  readonly refusedSeries: number;
  readonly oldestMs: number | undefined;
}

/** What a metric is, from its HELP and TYPE lines. */
export interface MetricMetadata {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

const defaultRetentionMs = 2 * 3_600_000;
const defaultMaxSeries = 200_000;
const maxMetadata = 10_000;

/** One series of the store; valid until the store forgets it (`gone`). */
export class Series implements StoredSeries {
  readonly labels: Labels;
  #chunks: Chunk[] = [];
  /** True once retention removed it: append through the store again. */
  gone = false;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  get lastMs(): number {
    return this.#chunks.at(-1)?.endMs ?? -Infinity;
  }

  get firstMs(): number {
    return this.#chunks[0]?.startMs ?? Infinity;
  }

  get sizeBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.sizeBytes, 0);
  }

  /** False when the sample is not later than the last one, which is then ignored. */
  append(atMs: number, value: number | undefined): boolean {
    let chunk = this.#chunks.at(-1);
    if (chunk !== undefined && atMs <= chunk.endMs) return false;
    if (chunk === undefined || chunk.full) {
      chunk?.seal();
      chunk = new Chunk(atMs);
      this.#chunks.push(chunk);
    }
    chunk.append(atMs, value);
    return true;
  }

  samples(afterMs: number, untilMs: number): Samples {
    const chunks = this.#chunks.filter((chunk) => chunk.endMs > afterMs && chunk.startMs <= untilMs);
    const buffer = new SampleBuffer(chunks.reduce((sum, chunk) => sum + chunk.count, 0));
    for (const chunk of chunks) chunk.read(afterMs, untilMs, buffer);
    return buffer;
  }

  /** Drops whole chunks that end before `beforeMs`; true when nothing is left. */
  prune(beforeMs: number): boolean {
    while ((this.#chunks[0]?.endMs ?? Infinity) < beforeMs) this.#chunks.shift();
    return this.#chunks.length === 0;
  }
}

/** All series, with an index from label values to series. */
export class SeriesStore implements SampleSource {
  readonly #options: StoreOptions;
  readonly #series = new Map<string, Series>();
  readonly #postings = new Map<string, Map<string, Set<Series>>>();
  readonly #metadata = new Map<string, MetricMetadata>();
  /** Label names and values, each kept once: the same few are on every series. */
  readonly #texts = new Map<string, string>();
  #samplesAppended = 0;
  #refusedSeries = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** The series of these labels, made when new; undefined when the store is full. */
  series(labels: Labels): Series | undefined {
    const key = labelsKey(labels);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= (this.#options.maxSeries ?? defaultMaxSeries)) {
      this.#refusedSeries++;
      return undefined;
    }
    const made = new Series(labels.map((text) => this.#intern(text)));
    this.#series.set(key, made);
    for (const [name, value] of labelPairs(labels)) this.#posting(name, value).add(made);
    return made;
  }

  /** Adds a sample; `undefined` ends the series until its next sample. */
  append(labels: Labels, atMs: number, value: number | undefined): void {
    if (this.series(labels)?.append(atMs, value) === true) this.#samplesAppended++;
  }

  /** Counts samples that were appended to series directly. */
  countAppended(samples: number): void {
    this.#samplesAppended += samples;
  }

  select(matchers: readonly Matcher[]): readonly Series[] {
    const candidates = this.#candidates(matchers);
    const selected: Series[] = [];
    for (const series of candidates) if (matchesAll(matchers, series.labels)) selected.push(series);
    return selected;
  }

  /** The smallest set that an equality matcher points to; everything when there is none. */
  #candidates(matchers: readonly Matcher[]): Iterable<Series> {
    let smallest: Set<Series> | undefined;
    for (const matcher of matchers) {
      if (matcher.operator !== '=' || matchesEmpty(matcher)) continue;
      const found = this.#postings.get(matcher.name)?.get(matcher.value);
      if (found === undefined) return [];
      if (smallest === undefined || found.size < smallest.size) smallest = found;
    }
    return smallest ?? this.#series.values();
  }

  /** Names of labels on series that pass `matchers` and have samples in the span; sorted. */
  labelNames(matchers: readonly Matcher[], span: TimeSpan): string[] {
    if (matchers.length === 0) return [...this.#postings.keys()].toSorted();
    const names = new Set<string>();
    for (const series of this.#within(matchers, span)) {
      for (const [name] of labelPairs(series.labels)) names.add(name);
    }
    return [...names].toSorted();
  }

  /** Values of one label, likewise. */
  labelValues(name: string, matchers: readonly Matcher[], span: TimeSpan): string[] {
    if (matchers.length === 0) return [...(this.#postings.get(name)?.keys() ?? [])].toSorted();
    const values = new Set<string>();
    for (const series of this.#within(matchers, span)) values.add(labelValue(series.labels, name));
    values.delete('');
    return [...values].toSorted();
  }

  /** Series that pass `matchers` and have samples in the span. */
  #within(matchers: readonly Matcher[], span: TimeSpan): Series[] {
    return this.select(matchers).filter((series) => series.lastMs >= span.startMs && series.firstMs <= span.endMs);
  }

  /** As `select`, but only what has samples in the span. */
  selectWithin(matchers: readonly Matcher[], span: TimeSpan): readonly Series[] {
    return this.#within(matchers, span);
  }

  describe(metric: string, metadata: MetricMetadata): void {
    if (this.#metadata.size < maxMetadata || this.#metadata.has(metric)) this.#metadata.set(metric, metadata);
  }

  get metadata(): ReadonlyMap<string, MetricMetadata> {
    return this.#metadata;
  }

  /** Drops what is older than the retention. Call it now and then. */
  prune(): void {
    const beforeMs = this.#options.clock.nowMs() - (this.#options.retentionMs ?? defaultRetentionMs);
    this.#texts.clear();
    for (const [key, series] of this.#series) {
      if (!series.prune(beforeMs)) continue;
      series.gone = true;
      this.#series.delete(key);
      for (const [name, value] of labelPairs(series.labels)) this.#forget(name, value, series);
    }
  }

  status(): StoreStatus {
    let sizeBytes = 0;
    let oldestMs = Infinity;
    for (const series of this.#series.values()) {
      sizeBytes += series.sizeBytes;
      oldestMs = Math.min(oldestMs, series.firstMs);
    }
    return {
      series: this.#series.size,
      samplesAppended: this.#samplesAppended,
      sizeBytes,
      refusedSeries: this.#refusedSeries,
      oldestMs: Number.isFinite(oldestMs) ? oldestMs : undefined,
    };
  }

  #intern(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    return text;
  }

  #posting(name: string, value: string): Set<Series> {
    const values = this.#postings.get(name) ?? new Map<string, Set<Series>>();
    this.#postings.set(name, values);
    const found = values.get(value) ?? new Set<Series>();
    values.set(value, found);
    return found;
  }

  #forget(name: string, value: string, series: Series): void {
    const values = this.#postings.get(name);
    const found = values?.get(value);
    found?.delete(series);
    if (found?.size === 0) values?.delete(value);
    if (values?.size === 0) this.#postings.delete(name);
  }
}

export interface TimeSpan {
  readonly startMs: number;
  readonly endMs: number;
}
