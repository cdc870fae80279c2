/** Exact counters and histograms of one proxy, under Istio's names, with every series born at zero. */

import type { Logger } from '@towpath/kit';
import type { Workload } from '../model/workload.ts';
import { requestLabels, tcpLabels, type RequestOutcome, type Subject } from './labels.ts';

/** Upper bounds in milliseconds (and, as Istio has it, bytes). Source: envoy histogram_impl.cc. */
export const histogramBounds: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** Label sets one proxy keeps; hosts and codes come from outside, so their number is not ours to decide. */
const maxSeries = 5000;

interface Histogram {
  readonly counts: number[];
  sum: number;
}

interface RequestSeries {
  readonly labels: string;
  count: number;
  readonly durationMs: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  /** A scrape has shown its zero. */
  announced: boolean;
}

interface TcpSeries {
  readonly labels: string;
  sentBytes: number;
  receivedBytes: number;
  opened: number;
  closed: number;
  announced: boolean;
}

export interface RequestMeasures {
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Counts one TCP connection; bytes are seen from the destination: sent is what it answered. */
export interface TcpMeter {
  sent(bytes: number): void;
  received(bytes: number): void;
  close(): void;
}

/** Written by one proxy, read by its metrics listener. */
export class Telemetry {
  readonly #requests = new Map<string, RequestSeries>();
  readonly #tcp = new Map<string, TcpSeries>();
  readonly #subjects = new Map<string, Map<string, RequestSeries>>();
  readonly #log: Logger;
  #full = false;

  constructor(options: { log: Logger }) {
    this.#log = options.log;
  }

  /** Counts a finished request. */
  request(subject: Subject, outcome: RequestOutcome, measures: RequestMeasures): void {
    const series = this.#requestSeries(subject, outcome);
    if (series === undefined) return;
    series.count++;
    observe(series.durationMs, measures.durationMs);
    observe(series.requestBytes, measures.requestBytes);
    observe(series.responseBytes, measures.responseBytes);
  }

  /** Counts a connection as opened. */
  connection(subject: Subject, flags = '-'): TcpMeter {
    const series = this.#tcpSeries(tcpLabels(subject, flags));
    series.opened++;
    return {
      sent: (bytes) => {
        series.sentBytes += bytes;
      },
      received: (bytes) => {
        series.receivedBytes += bytes;
      },
      close: () => {
        series.closed++;
      },
    };
  }

  /**
   * The metrics in text format 0.0.4. With `announce`, a series that no such reading has shown yet is written as
   * zero, so that a rate sees its first increment: the true value follows with the next reading.
   */
  expose(options: { announce: boolean }): string {
    const lines: string[] = [];
    writeRequests([...this.#requests.values()], options.announce, lines);
    writeTcp([...this.#tcp.values()], options.announce, lines);
    if (options.announce) {
      for (const series of this.#requests.values()) series.announced = true;
      for (const series of this.#tcp.values()) series.announced = true;
    }
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  /** Two short keys instead of one text of 25 labels: this is on the path of every request. */
  #requestSeries(subject: Subject, outcome: RequestOutcome): RequestSeries | undefined {
    const who = `${subject.reporter}|${idOf(subject.source)}|${idOf(subject.destination)}|${subject.service?.host}`;
    let bySubject = this.#subjects.get(who);
    if (bySubject === undefined) {
      // Pods come and go: the short keys are only a cache and may be forgotten at any time.
      if (this.#subjects.size >= maxSeries) this.#subjects.clear();
      bySubject = new Map();
      this.#subjects.set(who, bySubject);
    }
    const what = `${outcome.protocol}|${outcome.responseCode}|${outcome.grpcStatus}|${outcome.flags}`;
    const known = bySubject.get(what);
    if (known !== undefined) return known;
    const created = this.#seriesOf(requestLabels(subject, outcome));
    if (created !== undefined) bySubject.set(what, created);
    return created;
  }

  #seriesOf(labels: string): RequestSeries | undefined {
    const known = this.#requests.get(labels);
    if (known !== undefined) return known;
    if (this.#requests.size >= maxSeries) {
      if (!this.#full) this.#log.warn('too many metric series, new ones are dropped', { limit: maxSeries });
      this.#full = true;
      return undefined;
    }
    const series: RequestSeries = {
      labels,
      count: 0,
      durationMs: emptyHistogram(),
      requestBytes: emptyHistogram(),
      responseBytes: emptyHistogram(),
      announced: false,
    };
    this.#requests.set(labels, series);
    return series;
  }

  #tcpSeries(labels: string): TcpSeries {
    const known = this.#tcp.get(labels);
    if (known !== undefined) return known;
    const series: TcpSeries = { labels, sentBytes: 0, receivedBytes: 0, opened: 0, closed: 0, announced: false };
    this.#tcp.set(labels, series);
    return series;
  }
}

function idOf(workload: Workload | undefined): string {
  return workload === undefined ? '' : workload.uid;
}

function emptyHistogram(): Histogram {
  return { counts: histogramBounds.map(() => 0), sum: 0 };
}

/** Buckets hold their own observations; they are summed up when they are written. */
function observe(histogram: Histogram, value: number): void {
  histogram.sum += value;
  const { counts } = histogram;
  for (let index = 0; index < histogramBounds.length; index++) {
    if (value <= (histogramBounds[index] ?? 0)) {
      counts[index] = (counts[index] ?? 0) + 1;
      return;
    }
  }
}

function writeRequests(all: readonly RequestSeries[], announce: boolean, lines: string[]): void {
  if (all.length === 0) return;
  const hidden = (series: RequestSeries): boolean => announce && !series.announced;
  lines.push('# TYPE istio_requests_total counter');
  for (const series of all) {
    lines.push(`istio_requests_total{${series.labels}} ${hidden(series) ? 0 : series.count}`);
  }
  const families = [
    ['istio_request_duration_milliseconds', 'durationMs'],
    ['istio_request_bytes', 'requestBytes'],
    ['istio_response_bytes', 'responseBytes'],
  ] as const;
  for (const [name, member] of families) {
    lines.push(`# TYPE ${name} histogram`);
    for (const series of all) {
      writeHistogram(
        { name, labels: series.labels, histogram: series[member], count: series.count, zero: hidden(series) },
        lines,
      );
    }
  }
}

interface HistogramText {
  readonly name: string;
  readonly labels: string;
  readonly histogram: Histogram;
  readonly count: number;
  readonly zero: boolean;
}

function writeHistogram({ name, labels, histogram, count, zero }: HistogramText, lines: string[]): void {
  const head = `${name}_bucket{${labels},le="`;
  let cumulative = 0;
  for (let index = 0; index < histogramBounds.length; index++) {
    cumulative += zero ? 0 : (histogram.counts[index] ?? 0);
    lines.push(`${head}${histogramBounds[index]}"} ${cumulative}`);
  }
  lines.push(
    `${head}+Inf"} ${zero ? 0 : count}`,
    `${name}_sum{${labels}} ${zero ? 0 : histogram.sum}`,
    `${name}_count{${labels}} ${zero ? 0 : count}`,
  );
}

function writeTcp(all: readonly TcpSeries[], announce: boolean, lines: string[]): void {
  if (all.length === 0) return;
  const families = [
    ['istio_tcp_sent_bytes_total', 'sentBytes'],
    ['istio_tcp_received_bytes_total', 'receivedBytes'],
    ['istio_tcp_connections_opened_total', 'opened'],
    ['istio_tcp_connections_closed_total', 'closed'],
  ] as const;
  for (const [name, member] of families) {
    lines.push(`# TYPE ${name} counter`);
    for (const series of all) {
      lines.push(`${name}{${series.labels}} ${announce && !series.announced ? 0 : series[member]}`);
    }
  }
}
