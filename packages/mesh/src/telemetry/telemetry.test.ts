import { silentLogger } from '@towpath/kit';
import { describe, expect, it } from 'vitest';
import { workloadOfPod, type Workload } from '../model/workload.ts';
import type { Subject } from './labels.ts';
import { histogramBounds, Telemetry } from './telemetry.ts';

function workload(name: string, labels: Record<string, string> = {}): Workload {
  return workloadOfPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-77d8c9f5b4-xk2lp`,
      namespace: 'shop',
      uid: `uid-${name}`,
      labels: { app: name, 'pod-template-hash': '77d8c9f5b4', ...labels },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-77d8c9f5b4`, uid: 'r', controller: true },
      ],
    },
    spec: { containers: [{ name: 'server' }, { name: 'istio-proxy' }] },
  });
}

const subject: Subject = {
  reporter: 'destination',
  source: workload('istio-ingressgateway'),
  destination: workload('frontend-primary', { version: 'v2' }),
  service: { host: 'frontend.shop.svc.cluster.local', name: 'frontend', namespace: 'shop' },
};
const ok = { protocol: 'http', responseCode: 200, grpcStatus: undefined, flags: '-' } as const;
const measures = { durationMs: 7, requestBytes: 120, responseBytes: 4000 };

describe('exposition', () => {
  it('writes all labels in their order, and every bucket', async () => {
    const telemetry = new Telemetry({ log: silentLogger });
    telemetry.request(subject, ok, measures);
    telemetry.request(subject, ok, { ...measures, durationMs: 1500 });
    telemetry.connection({ ...subject, reporter: 'source', service: undefined, destination: undefined }).sent(5);

    telemetry.expose({ announce: true });
    await expect(telemetry.expose({ announce: true })).toMatchFileSnapshot('testdata/exposition.txt');
  });

  it('shows a new series as zero before its first value, once', () => {
    const telemetry = new Telemetry({ log: silentLogger });
    const count = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => line.startsWith('istio_requests_total'))
        .map((line) => line.slice(line.indexOf('} ') + 2));

    telemetry.request(subject, ok, measures);
    telemetry.request(subject, ok, measures);
    const readings = [telemetry.expose({ announce: true }), telemetry.expose({ announce: true })];
    telemetry.request(subject, { ...ok, responseCode: 500 }, measures);
    readings.push(telemetry.expose({ announce: true }), telemetry.expose({ announce: true }));

    expect(readings.map(count)).toEqual([['0'], ['2'], ['2', '0'], ['2', '1']]);
  });

  it('does not spend the zero on readings that do not announce', () => {
    const telemetry = new Telemetry({ log: silentLogger });
    telemetry.request(subject, ok, measures);

    expect(telemetry.expose({ announce: false })).toContain('le="+Inf"} 1');
    expect(telemetry.expose({ announce: true })).not.toContain('} 1\n');
  });

  it('adds pods of one workload up', () => {
    const telemetry = new Telemetry({ log: silentLogger });
    const other = { ...subject, destination: { ...workload('frontend-primary', { version: 'v2' }), uid: 'another' } };
    telemetry.request(subject, ok, measures);
    telemetry.request(other, ok, measures);

    expect(telemetry.expose({ announce: false }).match(/^istio_requests_total.*$/gm)).toHaveLength(1);
  });

  it('puts a value on a bound into the bucket of that bound', () => {
    const telemetry = new Telemetry({ log: silentLogger });
    for (const durationMs of histogramBounds) telemetry.request(subject, ok, { ...measures, durationMs });

    const counts = telemetry
      .expose({ announce: false })
      .match(/^istio_request_duration_milliseconds_bucket.*$/gm)
      ?.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));

    expect(counts).toEqual([...histogramBounds.map((_bound, index) => index + 1), histogramBounds.length]);
  });

  it('escapes what comes from outside', () => {
    const telemetry = new Telemetry({ log: silentLogger });
    const service = { host: 'a"b\\c\nd', name: 'x', namespace: 'y' };
    telemetry.request({ ...subject, service }, ok, measures);

    expect(telemetry.expose({ announce: false })).toContain(String.raw`destination_service="a\"b\\c\nd"`);
  });
});
