/** Measures primary and canary at a steady pace, and keeps the last half hour. */

import { background, messageOf, type Clock, type Disposable, type Logger, type Timer } from '@towpath/kit';
import type { CanaryCard, Measures, MetricPoint, MetricSeries } from './model.ts';

/** An instant query: one sample per series. Rejects when the metrics server does not answer. */
export type PrometheusQuery = (
  query: string,
) => Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>;

const paceMs = 5000;
const keptPoints = 360;
/** At least two scrapes have to fall into it. */
const window = '30s';

export interface Measurements extends Disposable {
  series(): MetricSeries[];
}

export interface MeasurementsDeps {
  readonly query: PrometheusQuery;
  readonly canaries: () => readonly CanaryCard[];
  readonly onPoint: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Starts at once; canaries that go away are forgotten. */
export function startMeasurements(deps: MeasurementsDeps): Measurements {
  const { clock, log } = deps;
  const kept = new Map<string, MetricPoint[]>();
  let timer: Timer | undefined;
  let stopped = false;

  async function measureAll(): Promise<void> {
    const canaries = deps.canaries();
    const names = new Set(canaries.map(nameOf));
    for (const name of kept.keys()) if (!names.has(name)) kept.delete(name);
    for (const canary of canaries) {
      try {
        const point = await measure(canary, deps);
        kept.set(nameOf(canary), [...(kept.get(nameOf(canary)) ?? []), point].slice(-keptPoints));
      } catch (error) {
        log.debug('no measurement', { canary: nameOf(canary), error: messageOf(error) });
      }
    }
    if (canaries.length > 0) deps.onPoint();
  }

  function run(): void {
    const round = measureAll().finally(() => {
      if (!stopped) timer = clock.startTimer(paceMs, run);
    });
    background('measure canaries', round, log);
  }

  run();
  return {
    series: () => [...kept].map(([canary, points]) => ({ canary, points })),
    dispose() {
      stopped = true;
      timer?.cancel();
    },
  };
}

/** `namespace/name`, as the page names a canary's series. */
function nameOf(canary: { readonly namespace: string; readonly name: string }): string {
  return `${canary.namespace}/${canary.name}`;
}

async function measure(canary: CanaryCard, { query, clock }: MeasurementsDeps): Promise<MetricPoint> {
  const queries = queriesFor(canary);
  const [total, good, p99] = await Promise.all([query(queries.total), query(queries.good), query(queries.p99)]);
  const measures = (workload: string): Measures => {
    const of = (samples: typeof total): number | null => {
      const value = samples?.find(({ labels }) => labels['destination_workload'] === workload)?.value;
      return value === undefined || !Number.isFinite(value) ? null : value;
    };
    const perSecond = of(total);
    const successPercent = perSecond === null || perSecond === 0 ? null : (100 * (of(good) ?? 0)) / perSecond;
    return { perSecond, successPercent, p99Ms: of(p99) };
  };
  return {
    atSeconds: Math.round(clock.nowMs() / 1000),
    primary: measures(`${canary.target}-primary`),
    canary: measures(canary.target),
  };
}

/** What Flagger's built-in checks ask, for both workloads at once. */
function queriesFor({ namespace, target }: CanaryCard): { total: string; good: string; p99: string } {
  const who = `reporter="destination",destination_workload_namespace="${namespace}",destination_workload=~"${target}|${target}-primary"`;
  const rate = (metric: string, more = ''): string => `rate(${metric}{${who}${more}}[${window}])`;
  const buckets = rate('istio_request_duration_milliseconds_bucket');
  return {
    total: `sum by (destination_workload) (${rate('istio_requests_total')})`,
    good: `sum by (destination_workload) (${rate('istio_requests_total', ',response_code!~"5.*"')})`,
    p99: `histogram_quantile(0.99, sum by (le, destination_workload) (${buckets}))`,
  };
}
