/** Canaries judged by the real scraper, store and PromQL engine over sidecar pages, on a fake clock. */

import { createServer, type RequestListener } from 'node:http';
import { duplexPair, type Duplex } from 'node:stream';
import { silentLogger } from '@towpath/kit';
import { settle, type FakeClock } from '@towpath/kit/testing';
import { createMetricsServer, labelsOf, type MetricsServer, type ScrapeTarget } from '@towpath/metrics';
import { afterEach, expect, it } from 'vitest';
import type { CanaryMetric } from './canary.ts';
import { prometheusProviders } from './providers/prometheus.ts';
import { frontendCanary } from './testing/canaries.ts';
import { namespace, startWorld, type World } from './testing/world.ts';

/** What reaches the two workloads; requests per second. */
interface Traffic {
  source: string;
  perSecond: number;
  /** Share of the canary's answers that are 500, 0 to 1. */
  canaryErrorRatio: number;
  /** True: the routes' weights apply. False: everything goes to the primary. */
  routed: boolean;
  metricsAway: boolean;
}

const workloads = { 'frontend-primary': '10.244.0.1', frontend: '10.244.0.2' } as const;
type WorkloadName = keyof typeof workloads;

class Sidecars {
  readonly traffic: Traffic = {
    source: 'istio-ingressgateway',
    perSecond: 20,
    canaryErrorRatio: 0,
    routed: true,
    metricsAway: false,
  };
  readonly #counts = new Map<string, number>();

  send(weights: readonly number[]): void {
    const { perSecond, routed, canaryErrorRatio } = this.traffic;
    const canaryShare = routed ? (weights[1] ?? 0) / 100 : 0;
    this.#add('frontend-primary', '200', perSecond * (1 - canaryShare));
    this.#add('frontend', '200', perSecond * canaryShare * (1 - canaryErrorRatio));
    this.#add('frontend', '500', perSecond * canaryShare * canaryErrorRatio);
  }

  #add(workload: WorkloadName, code: string, requests: number): void {
    const key = `${workload} ${code} ${this.traffic.source}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + requests);
  }

  page(workload: string): string {
    const lines: string[] = [];
    for (const [key, count] of this.#counts) {
      const [name, code, source] = key.split(' ');
      if (name !== workload) continue;
      const labels =
        `reporter="destination",source_workload="${source}",source_workload_namespace="shop",` +
        `destination_workload="${name}",destination_workload_namespace="${namespace}",` +
        `destination_service="frontend.${namespace}.svc.cluster.local",response_code="${code}"`;
      lines.push(`istio_requests_total{${labels}} ${count}`);
      for (const le of ['25', '500', '+Inf']) {
        lines.push(`istio_request_duration_milliseconds_bucket{${labels},le="${le}"} ${count}`);
      }
    }
    return `${lines.join('\n')}\n`;
  }
}

/** A connection to a handler that never leaves the process. */
function connectTo(handler: RequestListener): Duplex {
  const [near, far] = duplexPair();
  createServer(handler).emit('connection', far);
  return near;
}

function target(workload: WorkloadName): ScrapeTarget {
  return {
    id: workload,
    pool: 'istio-mesh',
    host: workloads[workload],
    port: 15020,
    path: '/stats/prometheus',
    query: '',
    intervalMs: 1000,
    timeoutMs: 4000,
    honorLabels: false,
    labels: labelsOf({ job: 'istio-mesh', pod: workload }),
    discoveredLabels: {},
  };
}

let world: World;
let metrics: MetricsServer;
let sidecars: Sidecars;

async function start(): Promise<void> {
  sidecars = new Sidecars();
  const providers = (clock: FakeClock): ReturnType<typeof prometheusProviders> => {
    metrics = createMetricsServer({
      targets: [target('frontend'), target('frontend-primary')],
      clock,
      log: silentLogger,
      pause: () => Promise.resolve(),
      connect({ host }) {
        const workload = host === workloads.frontend ? 'frontend' : 'frontend-primary';
        return Promise.resolve(connectTo((_request, response) => response.end(sidecars.page(workload))));
      },
    });
    return prometheusProviders({
      connect: () => {
        if (sidecars.traffic.metricsAway) return Promise.reject(new Error('connect ECONNREFUSED'));
        return Promise.resolve(connectTo(metrics.handler));
      },
    });
  };
  const everySecond = async (at: World): Promise<void> => {
    sidecars.send(await at.weights());
    await settle(8);
  };
  const metricsOf = (interval: string): CanaryMetric[] => [
    { name: 'request-duration', thresholdRange: { max: 500 }, interval },
    { name: 'request-success-rate', thresholdRange: { min: 99 }, interval },
  ];
  const analysis = { interval: '10s', threshold: 2, stepWeight: 15, maxWeight: 30, metrics: metricsOf('10s') };
  world = await startWorld(frontendCanary({ analysis }), { providers, everySecond });
  await world.pass(12);
  expect(await world.summary()).toBe('Initialized 0 0');
  await world.setImage('acme/frontend:v0.0.3');
}

afterEach(async () => {
  await world.dispose();
  await metrics.dispose();
});

it('promotes what answers well', async () => {
  await start();
  await world.pass(61);

  expect(await world.summary()).toBe('Succeeded 0 0');
});

it('rolls back what answers with errors', async () => {
  await start();
  sidecars.traffic.canaryErrorRatio = 0.25;
  await world.pass(41);

  expect(await world.summary()).toBe('Failed 0 0');
  expect((await world.events()).join('\n')).toMatch(
    /Halt frontend\.microservices-demo advancement success rate 7\d\.\d\d% < 99%/,
  );
});

it('finds out that the load bypasses the gateway', async () => {
  await start();
  Object.assign(sidecars.traffic, { source: 'loadgenerator', routed: false });
  await world.pass(41);

  expect(await world.summary()).toBe('Failed 0 0');
  const events = await world.events();
  expect(events).toContain(
    'Warning Synced Halt advancement no values found for istio metric request-duration probably frontend.microservices-demo is not receiving traffic (x2)',
  );
  expect(events.join('\n')).toMatch(
    /Diagnosis traffic bypasses the canary: requests reach frontend-primary\.microservices-demo through gateway mesh \(loadgenerator\.shop calling frontend/,
  );
});

it('tells no traffic and a metrics server that is away apart', async () => {
  await start();
  sidecars.traffic.perSecond = 0;
  await world.pass(21);
  sidecars.traffic.metricsAway = true;
  await world.pass(10);

  const events = (await world.events()).join('\n');
  expect(events).toMatch(/Diagnosis no request reached frontend\.microservices-demo or frontend-primary/);
  expect(events).toMatch(/Prometheus query failed: running query failed: request failed: connect ECONNREFUSED/);
  expect(events).toMatch(/Diagnosis metrics server http:\/\/prometheus:9090 does not answer/);
});
