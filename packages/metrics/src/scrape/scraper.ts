/** Scrapes a changing set of targets on time and appends what they say to the store. */

import { background, isAbort, messageOf, type Clock, type Disposable, type Logger } from '@towpath/kit';
import { labelsFromPairs, labelPairs, labelsKey, labelValue, metricNameLabel, type Labels } from '../labels.ts';
import { httpExchange, type Connect } from '../http/exchange.ts';
import type { Series, SeriesStore } from '../store/series-store.ts';
import { maxPageChars, parseExposition, parseSeriesLabels } from './exposition.ts';
import type { ScrapeTarget, TargetHealth } from './target.ts';

export interface ScraperOptions {
  readonly store: SeriesStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens the connection of a scrape, past any sidecar. */
  readonly connect: Connect;
}

export interface Scraper extends Disposable {
  /** Starts new targets, ends the ones that are gone (their series become stale), keeps the rest. */
  setTargets(targets: readonly ScrapeTarget[]): void;
  targets(): readonly (ScrapeTarget & TargetHealth)[];
}

/** Scrapes begin right away and then run on multiples of their interval, so that timestamps are aligned. */
export function createScraper(options: ScraperOptions): Scraper {
  const running = new Map<string, TargetLoop>();
  return {
    setTargets(targets) {
      const wanted = new Map(targets.map((target) => [loopKey(target), target]));
      for (const [key, loop] of running) {
        if (wanted.has(key)) continue;
        running.delete(key);
        loop.dispose();
      }
      for (const [key, target] of wanted) {
        if (!running.has(key)) running.set(key, new TargetLoop(target, options));
      }
    },
    targets: () => [...running.values()].map((loop) => ({ ...loop.target, ...loop.health })),
    dispose() {
      for (const loop of running.values()) loop.dispose();
      running.clear();
    },
  };
}

/** A target whose address, labels or interval changed is another loop. */
function loopKey({ id, host, port, path, query, intervalMs, labels }: ScrapeTarget): string {
  return [id, host, port, path, query, intervalMs, labelsKey(labels)].join(' ');
}

interface KnownSeries {
  series: Series;
  /** The scrape that last had it. */
  seenIn: number;
}

const accept = ['application/openmetrics-text;version=1.0.0;q=0.5', 'text/plain;version=0.0.4;q=0.3', '*/*;q=0.1'].join(
  ',',
);

/** A target may have this many series; the rest of its page is dropped with a warning. */
const maxSeriesPerTarget = 20_000;

class TargetLoop implements Disposable {
  readonly target: ScrapeTarget;
  health: TargetHealth = { health: 'unknown', lastError: '', lastScrapeAtMs: 0, lastDurationMs: 0 };
  readonly #options: ScraperOptions;
  readonly #stop = new AbortController();
  /** Series text of the page → series in the store, so that labels are parsed once. */
  readonly #known = new Map<string, KnownSeries>();
  #scrapes = 0;

  constructor(target: ScrapeTarget, options: ScraperOptions) {
    this.target = target;
    this.#options = options;
    background('scrape', this.#run(), options.log);
  }

  dispose(): void {
    this.#stop.abort();
    const nowMs = this.#options.clock.nowMs();
    this.#endUnseen(nowMs, Infinity);
    this.#appendReport(nowMs, undefined);
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { intervalMs } = this.target;
    const { signal } = this.#stop;
    let atMs = clock.nowMs();
    while (!signal.aborted) {
      await this.#scrape(atMs);
      if (signal.aborted) return;
      const nowMs = clock.nowMs();
      const nextMs = (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
      try {
        await clock.sleep(nextMs - nowMs, signal);
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        throw error;
      }
      atMs = nextMs;
    }
  }

  async #scrape(atMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const startedAtMs = clock.monotonicMs();
    this.#scrapes++;
    let [samples, added] = [0, 0];
    let lastError = '';
    try {
      const page = await this.#fetch();
      if (this.#stop.signal.aborted) return;
      ({ samples, added } = this.#append(page, atMs));
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      lastError = messageOf(error);
      if (this.health.health !== 'down') {
        log.warn('scrape failed', { pool: this.target.pool, target: address(this.target), error: lastError });
      }
    }
    this.#endUnseen(atMs, this.#scrapes);
    const lastDurationMs = clock.monotonicMs() - startedAtMs;
    this.#appendReport(atMs, { up: lastError === '' ? 1 : 0, seconds: lastDurationMs / 1000, samples, added });
    this.health = { health: lastError === '' ? 'up' : 'down', lastError, lastScrapeAtMs: atMs, lastDurationMs };
  }

  async #fetch(): Promise<{ text: string; openMetrics: boolean }> {
    const { host, port, path, query, timeoutMs } = this.target;
    const response = await httpExchange({
      host,
      port,
      path: query === '' ? path : `${path}?${query}`,
      headers: {
        accept,
        'user-agent': 'Prometheus/towpath',
        'x-prometheus-scrape-timeout-seconds': `${timeoutMs / 1000}`,
      },
      timeoutMs,
      maxBodyBytes: maxPageChars,
      connect: this.#options.connect,
      signal: this.#stop.signal,
    });
    if (response.status !== 200) throw new Error(`server returned HTTP status ${response.status}`);
    return { text: response.body, openMetrics: response.contentType.startsWith('application/openmetrics-text') };
  }

  #append(page: { text: string; openMetrics: boolean }, atMs: number): { samples: number; added: number } {
    let [samples, added, appended] = [0, 0, 0];
    const described = new Map<string, { type: string; help: string; unit: string }>();
    parseExposition(page.text, page.openMetrics, {
      sample: (sample) => {
        samples++;
        let known = this.#known.get(sample.series);
        if (known === undefined || known.series.gone) {
          const series = this.#resolve(sample.series);
          if (series === undefined) return;
          if (known === undefined) added++;
          known = { series, seenIn: 0 };
          this.#known.set(detached(sample.series), known);
        }
        // A page's own timestamps are kept, and such series never become stale by absence.
        known.seenIn = sample.atMs === undefined ? this.#scrapes : Infinity;
        if (known.series.append(sample.atMs ?? atMs, sample.value)) appended++;
      },
      // Descriptions hardly ever change: the first scrape is enough.
      ...(this.#scrapes === 1 && {
        metadata: ({ metric, type, help, unit }) => {
          const before = described.get(metric) ?? { type: 'unknown', help: '', unit: '' };
          described.set(metric, { type: type ?? before.type, help: help ?? before.help, unit: unit ?? before.unit });
        },
      }),
    });
    for (const [metric, metadata] of described) this.#options.store.describe(metric, metadata);
    this.#options.store.countAppended(appended);
    return { samples, added };
  }

  #resolve(text: string): Series | undefined {
    if (this.#known.size >= maxSeriesPerTarget) return undefined;
    return this.#options.store.series(targetLabels(parseSeriesLabels(detached(text)), this.target));
  }

  /** Ends the series that scrape number `scrape` did not have. */
  #endUnseen(atMs: number, scrape: number): void {
    for (const [text, known] of this.#known) {
      if (known.seenIn >= scrape) continue;
      known.series.append(atMs, undefined);
      this.#known.delete(text);
    }
  }

  /** `up` and its companions; undefined ends them. */
  #appendReport(
    atMs: number,
    report: { up: number; seconds: number; samples: number; added: number } | undefined,
  ): void {
    const values = {
      up: report?.up,
      scrape_duration_seconds: report?.seconds,
      scrape_samples_scraped: report?.samples,
      scrape_samples_post_metric_relabeling: report?.samples,
      scrape_series_added: report?.added,
    };
    for (const [name, value] of Object.entries(values)) {
      const labels = labelsFromPairs([...labelPairs(this.target.labels), [metricNameLabel, name]]);
      this.#options.store.append(labels, atMs, value);
    }
  }
}

/** A copy of its own: a slice would keep the whole page it was cut from in memory. */
function detached(slice: string): string {
  return Buffer.from(slice, 'utf8').toString('utf8');
}

/** A series' labels joined with its target's. Source: Prometheus configuration, honor_labels. */
export function targetLabels(own: Labels, target: Pick<ScrapeTarget, 'labels' | 'honorLabels'>): Labels {
  const pairs: [string, string][] = [];
  for (const [name, value] of labelPairs(own)) {
    const clashes = labelValue(target.labels, name) !== '';
    pairs.push([clashes && !target.honorLabels ? `exported_${name}` : name, value]);
  }
  const names = new Set(pairs.map(([name]) => name));
  for (const [name, value] of labelPairs(target.labels)) if (!names.has(name)) pairs.push([name, value]);
  return labelsFromPairs(pairs);
}

function address({ host, port, path }: ScrapeTarget): string {
  return `http://${host}:${port}${path}`;
}
