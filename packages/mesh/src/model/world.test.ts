import type { EndpointSlice, Pod, Service } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { portProtocol } from './service.ts';
import { workloadOfPod } from './workload.ts';
import { World } from './world.ts';

function pod(name: string, labels: Record<string, string>, overrides: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', uid: name, labels, ...overrides },
    spec: { containers: [{ name: 'server', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { phase: 'Running', podIP: '10.244.0.5' },
  };
}

function service(name: string, spec: Partial<Service['spec']>, createdAt = '2026-01-01T00:00:00Z'): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', creationTimestamp: createdAt },
    spec: { clusterIP: `10.96.0.${name.length}`, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}

function slice(name: string, owner: string, ips: readonly string[], ready = true): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': owner } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready } })),
  };
}

describe('workloads', () => {
  const owner = (kind: string, name: string) => ({
    ownerReferences: [{ apiVersion: 'v1', kind, name, uid: 'o', controller: true }],
  });

  it.each([
    {
      name: 'a Deployment',
      labels: { 'pod-template-hash': 'abc' },
      meta: owner('ReplicaSet', 'cart-abc'),
      want: 'cart',
    },
    { name: 'a lone ReplicaSet', labels: {}, meta: owner('ReplicaSet', 'cart-abc'), want: 'cart-abc' },
    { name: 'a StatefulSet', labels: {}, meta: owner('StatefulSet', 'redis'), want: 'redis' },
    { name: 'a CronJob', labels: {}, meta: owner('Job', 'tidy-28472340'), want: 'tidy' },
    { name: 'a pod of its own', labels: {}, meta: {}, want: 'p' },
  ])('of $name is $want', ({ labels, meta, want }) => {
    expect(workloadOfPod(pod('p', labels as Record<string, string>, meta)).name).toBe(want);
  });

  it('have canonical names from labels, with Istio first', () => {
    const labels = { app: 'a', 'app.kubernetes.io/name': 'b', version: 'v3' };

    expect(workloadOfPod(pod('p', labels))).toMatchObject({
      canonicalService: 'b',
      canonicalRevision: 'v3',
      app: 'a',
      version: 'v3',
    });
    expect(workloadOfPod(pod('p', {}))).toMatchObject({
      canonicalService: 'p',
      canonicalRevision: 'latest',
      app: 'unknown',
    });
  });
});

describe('services', () => {
  it('are found by every form of their name, and by cluster IP', () => {
    const world = new World();
    world.setService(service('cart', {}));
    const forms = [
      'cart',
      'cart.shop',
      'cart.shop.svc',
      'cart.shop.svc.cluster.local',
      'cart.shop.svc.cluster.local.',
      '10.96.0.4',
    ];

    expect(forms.map((form) => world.findService(form, 'shop')?.key.name)).toEqual(forms.map(() => 'cart'));
    expect([world.findService('cart', 'other'), world.findService('cart.shop.example.com', 'shop')]).toEqual([
      undefined,
      undefined,
    ]);
    world.removeService({ namespace: 'shop', name: 'cart' });
    expect(world.findService('10.96.0.4', 'shop')).toBeUndefined();
  });

  it('gather their ready endpoints from all slices', () => {
    const world = new World();
    world.setService(service('cart', {}));
    world.setSlice(slice('a', 'cart', ['10.244.0.1']));
    world.setSlice(slice('b', 'cart', ['10.244.0.2']));
    world.setSlice(slice('c', 'cart', ['10.244.0.3'], false));
    const ips = (): string[] => {
      const found = world.findService('cart', 'shop');
      const port = found?.ports[0];
      return found === undefined || port === undefined ? [] : world.endpoints(found, port).map(({ ip }) => ip);
    };

    expect(ips()).toEqual(['10.244.0.1', '10.244.0.2']);
    world.removeSlice(slice('a', 'cart', []));
    expect(ips()).toEqual(['10.244.0.2']);
  });

  it('that select a pod on a port are known, oldest first, named target ports included', () => {
    const world = new World();
    const target = pod('p', { app: 'web' });
    world.setPod(target);
    const selector = { app: 'web' };
    world.setService(
      service('younger', { selector, ports: [{ port: 80, targetPort: 'http' }] }, '2026-01-02T00:00:00Z'),
    );
    world.setService(service('older', { selector }));
    world.setService(service('other-port', { selector, ports: [{ port: 80, targetPort: 9090 }] }));
    world.setService(service('selects-nothing', { selector: {} }));

    const names = world.servicesSelecting(workloadOfPod(target), 8080).map(({ key }) => key.name);

    expect(names).toEqual(['older', 'younger']);
  });

  it.each([
    [undefined, undefined, 'auto'],
    ['http', undefined, 'http'],
    ['http-metrics', undefined, 'http'],
    ['grpc', undefined, 'http2'],
    ['grpc-web', undefined, 'http2'],
    ['tcp-redis', undefined, 'tcp'],
    ['web', undefined, 'auto'],
    ['http', 'grpc', 'http2'],
    ['x', 'kubernetes.io/h2c', 'http2'],
  ])('port %s with appProtocol %s speaks %s', (name, appProtocol, want) => {
    expect(portProtocol(name, appProtocol)).toBe(want);
  });
});

describe('pods', () => {
  it('that have ended no longer own their address', () => {
    const world = new World();
    world.setPod(pod('p', {}));
    expect(world.workloadByIP('10.244.0.5')?.pod).toBe('p');

    world.setPod({ ...pod('p', {}), status: { phase: 'Succeeded', podIP: '10.244.0.5' } });
    expect(world.workloadByIP('10.244.0.5')).toBeUndefined();
  });
});
