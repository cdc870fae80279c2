import { silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { describe, expect, it } from 'vitest';
import { canaryCards } from './canaries.ts';
import { startMeasurements, type PrometheusQuery } from './measurements.ts';
import { canary } from './testing/objects.ts';

const workload = (name: string, value: number) => ({ labels: { destination_workload: name }, value });

describe('measurements', () => {
  it('asks for both workloads at once, every five seconds', async () => {
    const clock = new FakeClock();
    const asked: string[] = [];
    const query: PrometheusQuery = async (text) => {
      asked.push(text);
      if (text.includes('quantile')) return [workload('frontend-primary', 40), workload('frontend', NaN)];
      const good = text.includes('!~');
      return [workload('frontend-primary', good ? 9.9 : 10), ...(good ? [] : [workload('frontend', 0)])];
    };
    let points = 0;
    const measurements = startMeasurements({
      query,
      canaries: () => canaryCards([canary({ phase: 'Progressing' })], []),
      onPoint: () => points++,
      clock,
      log: silentLogger,
    });

    await clock.advance(10_000);
    await measurements.dispose();

    expect(points).toBe(3);
    expect(asked[0]).toBe(
      'sum by (destination_workload) (rate(istio_requests_total{reporter="destination",destination_workload_namespace="shop",destination_workload=~"frontend|frontend-primary"}[30s]))',
    );
    expect(measurements.series()[0]?.points.at(-1)).toEqual({
      atSeconds: clock.nowMs() / 1000,
      primary: { perSecond: 10, successPercent: 99, p99Ms: 40 },
      canary: { perSecond: 0, successPercent: null, p99Ms: null },
    });
  });

  it('goes on when the metrics server does not answer', async () => {
    const clock = new FakeClock();
    const measurements = startMeasurements({
      query: () => Promise.reject(new Error('away')),
      canaries: () => canaryCards([canary({})], []),
      onPoint: () => {},
      clock,
      log: silentLogger,
    });

    await clock.advance(20_000);
    await measurements.dispose();

    expect(measurements.series()).toEqual([]);
  });
});
