import type { AnyObject, EndpointSlice, Pod, Service } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { labelRecord, labelsOf } from '../labels.ts';
import { discover, type ClusterView } from './discovery.ts';
import { targetLabels } from './scraper.ts';

const options = { intervalMs: 5000, timeoutMs: 4000, meshIntervalMs: 1000 };

function pod(
  name: string,
  change: { annotations?: Record<string, string>; sidecar?: boolean; phase?: string } = {},
): Pod {
  const { annotations, sidecar = false, phase = 'Running' } = change;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      labels: { app: 'frontend', 'app.kubernetes.io/part-of': 'shop' },
      ...(annotations && { annotations }),
    },
    spec: {
      containers: [
        { name: 'server', ports: [{ name: 'http', containerPort: 8080 }] },
        ...(sidecar ? [{ name: 'istio-proxy' }] : []),
      ],
    },
    status: { phase, podIP: '10.244.0.7' },
  };
}

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'frontend', namespace: 'shop', labels: { app: 'frontend' } },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
};
const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'frontend-x', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'frontend' } },
  addressType: 'IPv4',
  endpoints: [
    { addresses: ['10.244.0.7'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'a' } },
    { addresses: ['10.244.0.8'], conditions: { ready: false }, targetRef: { kind: 'Pod', name: 'b' } },
  ],
  ports: [{ name: 'http', port: 8080 }],
};

function monitor(endpoint: Record<string, unknown>, spec: Record<string, unknown> = {}): AnyObject {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: 'frontend', namespace: 'shop' },
    spec: { selector: { matchLabels: { app: 'frontend' } }, endpoints: [endpoint], ...spec },
  };
}

function view(change: Partial<ClusterView>): ClusterView {
  return { pods: [], services: [], slices: [], monitors: [], ...change };
}

function shown(change: Partial<ClusterView>): unknown[] {
  return discover(view(change), options).targets.map(({ port, path, intervalMs, labels }) => {
    return { port, path, intervalMs, ...labelRecord(labels) };
  });
}

const address = { instance: '10.244.0.7:15020', namespace: 'shop', pod: 'a' };

describe('discover', () => {
  it('finds sidecars without being asked', () => {
    expect(shown({ pods: [pod('a', { sidecar: true }), pod('b', { sidecar: true, phase: 'Pending' })] })).toEqual([
      { port: 15020, path: '/stats/prometheus', intervalMs: 1000, job: 'istio-mesh', ...address },
    ]);
  });

  it('follows annotations, once', () => {
    const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9102', 'prometheus.io/path': '/m' };
    const merged = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '15020' };

    expect(shown({ pods: [pod('a', { annotations })] })).toEqual([
      {
        port: 9102,
        path: '/m',
        intervalMs: 5000,
        app: 'frontend',
        app_kubernetes_io_part_of: 'shop',
        instance: '10.244.0.7:9102',
        job: 'kubernetes-pods',
        kubernetes_namespace: 'shop',
        kubernetes_pod_name: 'a',
        namespace: 'shop',
        pod: 'a',
      },
    ]);
    expect(shown({ pods: [pod('a', { annotations: merged, sidecar: true })] })).toHaveLength(1);
  });

  it('follows ServiceMonitors to ready endpoints', () => {
    const cluster = { pods: [pod('a'), pod('b')], services: [service], slices: [slice] };

    expect(shown({ ...cluster, monitors: [monitor({ port: 'http', interval: '15s' })] })).toEqual([
      {
        port: 8080,
        path: '/metrics',
        intervalMs: 15_000,
        container: 'server',
        endpoint: 'http',
        instance: '10.244.0.7:8080',
        job: 'frontend',
        namespace: 'shop',
        pod: 'a',
        service: 'frontend',
      },
    ]);
    expect(shown({ ...cluster, monitors: [monitor({ targetPort: 'http' })] })).toHaveLength(1);
    expect(shown({ ...cluster, monitors: [monitor({ port: 'grpc' })] })).toEqual([]);
    const elsewhere = { namespaceSelector: { matchNames: ['other'] } };
    expect(shown({ ...cluster, monitors: [monitor({ port: 'http' }, elsewhere)] })).toEqual([]);
    expect(
      shown({ ...cluster, monitors: [monitor({ port: 'http' }, { namespaceSelector: { any: true } })] }),
    ).toHaveLength(1);
  });

  it('names what it leaves out', () => {
    const monitors = [monitor({ port: 'http', scheme: 'https', metricRelabelings: [] })];

    expect(discover(view({ monitors }), options).refusals).toEqual([
      'ServiceMonitor shop/frontend: endpoints[].metricRelabelings is not supported and left out',
      'ServiceMonitor shop/frontend: endpoints[].scheme "https" is not supported, only http',
    ]);
  });
});

describe('targetLabels', () => {
  const own = labelsOf({ __name__: 'x', job: 'own', code: '200' });
  const labels = labelsOf({ job: 'frontend', instance: 'a' });

  it.each([
    [false, { __name__: 'x', code: '200', exported_job: 'own', instance: 'a', job: 'frontend' }],
    [true, { __name__: 'x', code: '200', instance: 'a', job: 'own' }],
  ])('honorLabels %s', (honorLabels, want) => {
    expect(labelRecord(targetLabels(own, { labels, honorLabels }))).toEqual(want);
  });
});
