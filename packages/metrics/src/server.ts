/** The metrics server put together: discovery, scraping, store, engine and API. */

import {
  EndpointSlices,
  Pods,
  ServiceMonitors,
  Services,
  type AnyObject,
  type EndpointSlice,
  type KubeObject,
  type Pod,
  type ResourceType,
  type Service,
} from '@towpath/api';
import { Disposer, type Clock, type Disposable, type Logger, type Timer } from '@towpath/kit';
import { createInformer, type Client, type Informer } from '@towpath/runtime';
import { createApiHandler, type RequestHandler } from './api/handler.ts';
import type { Connect } from './http/exchange.ts';
import { createEngine, type Engine } from './promql/engine.ts';
import type { QueryLimits } from './promql/environment.ts';
import { discover } from './scrape/discovery.ts';
import { createScraper } from './scrape/scraper.ts';
import type { ScrapeTarget } from './scrape/target.ts';
import { SeriesStore } from './store/series-store.ts';

export interface MetricsServerConfig {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly meshIntervalMs: number;
  readonly retentionMs: number;
  readonly limits: Partial<QueryLimits>;
}

/** The chart's defaults. */
export const defaultMetricsServerConfig: MetricsServerConfig = {
  intervalMs: 5000,
  timeoutMs: 4000,
  meshIntervalMs: 1000,
  retentionMs: 2 * 3_600_000,
  limits: {},
};

export interface MetricsServerOptions {
  /** Where targets are discovered; absent: only `targets`. */
  readonly client?: Client;
  /** Targets that no object describes. */
  readonly targets?: readonly ScrapeTarget[];
  readonly connect: Connect;
  readonly clock: Clock;
  readonly log: Logger;
  /** Lets other work run between slices of a long query: `setImmediate` as a promise. */
  readonly pause: () => Promise<void>;
  readonly config?: Partial<MetricsServerConfig>;
}

export interface MetricsServer extends Disposable {
  readonly handler: RequestHandler;
  readonly engine: Engine;
  readonly store: SeriesStore;
}

/** Changes of objects are gathered this long before targets are computed again. */
const rediscoverAfterMs = 200;
const pruneEveryMs = 60_000;

/** Starts discovering and scraping; serve `handler` wherever the API is wanted. */
export function createMetricsServer(options: MetricsServerOptions): MetricsServer {
  const { clock, log } = options;
  const config = { ...defaultMetricsServerConfig, ...options.config };
  const disposer = new Disposer();
  const store = new SeriesStore({ clock, retentionMs: config.retentionMs });
  const engine = createEngine({ source: store, clock, pause: options.pause, limits: config.limits });
  const scraper = disposer.own(createScraper({ store, clock, log, connect: options.connect }));
  let refusals: readonly string[] = [];
  const fixed = options.targets ?? [];
  scraper.setTargets(fixed);
  if (options.client !== undefined) {
    const view = disposer.own(watchCluster(options.client, clock, log));
    view.onChange(() => {
      const found = discover(view.read(), config);
      for (const refusal of found.refusals) if (!refusals.includes(refusal)) log.warn('target refused', { refusal });
      refusals = found.refusals;
      scraper.setTargets([...fixed, ...found.targets]);
    });
  }
  disposer.add(repeat(clock, pruneEveryMs, () => store.prune()));
  const handler = createApiHandler({
    store,
    engine,
    scraper,
    clock,
    log,
    startedAtMs: clock.nowMs(),
    retention: `${config.retentionMs / 1000}s`,
    refusals: () => refusals,
  });
  return { handler, engine, store, dispose: () => disposer.dispose() };
}

interface ClusterWatch extends Disposable {
  read(): Parameters<typeof discover>[0];
  onChange(run: () => void): void;
}

function watchCluster(client: Client, clock: Clock, log: Logger): ClusterWatch {
  const disposer = new Disposer();
  const watch = <Object extends KubeObject>(type: ResourceType<Object>): Informer<Object> => {
    const informer = disposer.own(createInformer({ client, type, clock, log }));
    informer.start();
    return informer;
  };
  const pods: Informer<Pod> = watch(Pods);
  const services: Informer<Service> = watch(Services);
  const slices: Informer<EndpointSlice> = watch(EndpointSlices);
  const monitors: Informer<AnyObject> = watch(ServiceMonitors);
  let timer: Timer | undefined;
  disposer.add(() => timer?.cancel());
  return {
    read: () => ({ pods: pods.list(), services: services.list(), slices: slices.list(), monitors: monitors.list() }),
    onChange(run) {
      const soon = (): void => {
        timer ??= clock.startTimer(rediscoverAfterMs, () => {
          timer = undefined;
          run();
        });
      };
      for (const end of [
        pods.onChange(soon),
        services.onChange(soon),
        slices.onChange(soon),
        monitors.onChange(soon),
      ]) {
        disposer.add(end);
      }
    },
    dispose: () => disposer.dispose(),
  };
}

function repeat(clock: Clock, everyMs: number, run: () => void): () => void {
  let timer: Timer;
  const arm = (): void => {
    timer = clock.startTimer(everyMs, () => {
      run();
      arm();
    });
  };
  arm();
  return () => timer.cancel();
}
