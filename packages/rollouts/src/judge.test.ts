import { describe, expect, it } from 'vitest';
import { judge } from './judge.ts';
import { readPlan, type MetricPlan } from './plan.ts';
import type { Measurement } from './providers/provider.ts';
import { istioQueries, placeholders, renderQuery } from './providers/queries.ts';
import { frontendCanary } from './testing/canaries.ts';

const defaults = { meshProvider: 'istio', metricsServer: 'http://prometheus:9090' };
const { plan } = readPlan(frontendCanary(), defaults);
if (plan === undefined) throw new Error('the canary of the tests is refused');

const rate: MetricPlan = {
  name: 'request-success-rate',
  kind: 'request-success-rate',
  interval: '30s',
  threshold: { min: 99, max: undefined },
  query: '',
  templateRef: undefined,
  variables: {},
};
const duration: MetricPlan = {
  ...rate,
  name: 'request-duration',
  kind: 'request-duration',
  threshold: { min: undefined, max: 500 },
};
const custom: MetricPlan = { ...duration, name: 'latency', kind: 'template' };
const value = (number: number): Measurement => ({ type: 'value', value: number });

describe('judge', () => {
  it.each([
    ['enough successes', rate, value(99), undefined],
    [
      'too few successes',
      rate,
      value(98.256),
      'Halt frontend.microservices-demo advancement success rate 98.26% < 99%',
    ],
    ['quick enough', duration, value(500.9), undefined],
    [
      'too slow',
      duration,
      value(1515.2),
      'Halt frontend.microservices-demo advancement request duration 1.515s > 500ms',
    ],
    ['custom metric', custom, value(512.5), 'Halt frontend.microservices-demo advancement latency 512.50 > 500'],
    [
      'no success rate',
      rate,
      { type: 'no-values' },
      'Halt advancement no values found for istio metric request-success-rate probably frontend.microservices-demo is not receiving traffic: running query failed: no values found',
    ],
    [
      'no duration',
      duration,
      { type: 'no-values' },
      'Halt advancement no values found for istio metric request-duration probably frontend.microservices-demo is not receiving traffic',
    ],
    [
      'no custom value',
      custom,
      { type: 'no-values' },
      'Halt advancement no values found for custom metric: latency: no values found',
    ],
    [
      'provider down',
      custom,
      { type: 'failed', error: 'ECONNREFUSED' },
      'Metric query failed for latency: ECONNREFUSED',
    ],
  ] as const)('%s', (_name, metric, measurement, want) => {
    expect(judge(plan, metric, measurement)?.message).toBe(want);
  });
});

describe('queries', () => {
  it('fills the builtin ones', () => {
    expect(renderQuery(istioQueries['request-duration'], placeholders(plan, duration))).toBe(
      'histogram_quantile( 0.99, sum( rate( istio_request_duration_milliseconds_bucket{ reporter="destination", destination_workload_namespace="microservices-demo", destination_workload=~"frontend" }[30s] ) ) by (le) )',
    );
  });

  it('fills variables and the 2020 spelling, and refuses the rest', () => {
    const values = placeholders(plan, { interval: '1m', variables: { reporter: 'source' } });

    expect(renderQuery('{{ variables.reporter }} {{ .Namespace }} {{target}}', values)).toBe(
      'source microservices-demo frontend',
    );
    expect(() => renderQuery('{{ nonsense }}', values)).toThrow(/placeholder \{\{ nonsense \}\} is unknown/);
    expect(() => renderQuery('{{ if target }}x{{ end }}', values)).toThrow(/not supported|unknown/);
  });
});

describe('plan', () => {
  it.each([
    [{ stepWeight: 5, maxWeight: 30 }, [5, 10, 15, 20, 25, 30]],
    [{ stepWeight: 20, maxWeight: 50 }, [20, 40, 60]],
    [{ stepWeights: [1, 5, 50] }, [1, 5, 50]],
    [{ stepWeight: 50 }, [50, 100]],
    [{}, []],
  ])('weights of %j', (analysis, want) => {
    expect(readPlan(frontendCanary({ analysis }), defaults).plan?.weights).toEqual(want);
  });

  it.each([
    ['5s', 10_000],
    ['1m', 60_000],
    ['soon', 60_000],
    [undefined, 60_000],
  ])('interval %s is %d ms', (interval, want) => {
    const analysis = interval === undefined ? {} : { interval };
    expect(readPlan(frontendCanary({ analysis }), defaults).plan?.intervalMs).toBe(want);
  });

  it('takes the deprecated threshold either way', () => {
    const metrics = [
      { name: 'request-success-rate', threshold: 99 },
      { name: 'request-duration', threshold: 500 },
    ];
    const read = readPlan(frontendCanary({ analysis: { metrics } }), defaults).plan;

    expect(read?.metrics.map(({ threshold }) => threshold)).toEqual([
      { min: 99, max: undefined },
      { min: undefined, max: 500 },
    ]);
    expect(read?.threshold).toBe(1);
  });
});
