/** Names, addresses and ports to destinations. */

import type { EndpointSlice, KubeObject, Service } from '@towpath/api';
import type { Informer } from '@towpath/runtime';
import { expect, test } from 'vitest';
import { createClusterView } from './cluster-view.ts';
import { createResolver, type Route } from './resolver.ts';

const services: Service[] = [
  service('web', { clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80 }] }),
  service('named', {
    clusterIP: '10.96.0.11',
    ports: [
      { name: 'a', port: 80 },
      { name: 'b', port: 90 },
    ],
  }),
  service('db', { clusterIP: 'None', ports: [{ port: 5432 }] }),
  service('alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
  service('away', { type: 'ExternalName', externalName: 'example.org' }),
  service('circle', { type: 'ExternalName', externalName: 'circle.shop.svc' }),
  {
    ...service('kubernetes', { clusterIP: '10.96.0.1', ports: [{ port: 443 }] }),
    metadata: { name: 'kubernetes', namespace: 'default' },
  },
];
const slices: EndpointSlice[] = [
  slice(
    'web',
    [{ name: 'http', port: 8080 }],
    [{ addresses: ['10.244.1.2'] }, { addresses: ['10.244.1.3'], conditions: { ready: false } }],
  ),
  slice(
    'named',
    [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ],
    [{ addresses: ['10.244.1.4'] }],
  ),
  slice(
    'db',
    [{ name: '', port: 5432 }],
    [
      { addresses: ['10.244.1.5'], hostname: 'db-0' },
      { addresses: ['10.244.1.6'], hostname: 'db-1' },
    ],
  ),
];
const resolver = createResolver({
  view: createClusterView({ services: fixed(services), slices: fixed(slices) }),
  hostServices: { 'git.towpath-system:80': { port: 3000 }, 'kubernetes.default:443': { port: 6443 } },
});

const web = backends(['10.244.1.2:8080'], 'web.shop');
const table: { host: string; port?: number; namespace?: string; route: Route }[] = [
  { host: 'web', route: web },
  { host: 'WEB.', route: web },
  { host: 'web.shop', namespace: 'other', route: web },
  { host: 'web.shop.svc', namespace: 'other', route: web },
  { host: 'web.shop.svc.cluster.local', namespace: 'other', route: web },
  { host: '10.96.0.10', route: web },
  { host: 'web', namespace: 'other', route: unknown('no service has that name') },
  { host: 'web', port: 81, route: backends([], 'web.shop') },
  { host: 'named', port: 90, route: backends(['10.244.1.4:2'], 'named.shop') },
  { host: 'db', port: 9, route: backends(['10.244.1.5:9', '10.244.1.6:9'], 'db.shop') },
  { host: 'db-1.db', port: 9, route: backends(['10.244.1.6:9'], 'db.shop') },
  { host: 'db-1.db.shop.svc.cluster.local', port: 9, route: backends(['10.244.1.6:9'], 'db.shop') },
  { host: 'alias', route: web },
  { host: 'away', route: { type: 'outside', host: 'example.org', port: 80 } },
  { host: 'circle', route: unknown('its external names form a circle') },
  { host: '10.244.9.9', port: 5, route: backends(['10.244.9.9:5'], undefined) },
  { host: 'web.shop.cluster.local', route: unknown('no service has that name') },
  { host: '10-244-1-2.shop.pod.cluster.local', port: 5, route: backends(['10.244.1.2:5'], undefined) },
  { host: '10.96.9.9', route: backends([], '10.96.9.9') },
  { host: 'git.towpath-system', route: { type: 'host', host: '127.0.0.1', port: 3000 } },
  { host: '10.97.0.1', route: { type: 'host', host: '127.0.0.1', port: 3000 } },
  { host: 'kubernetes.default.svc', port: 443, route: { type: 'host', host: '127.0.0.1', port: 6443 } },
  { host: '10.96.0.1', port: 443, route: { type: 'host', host: '127.0.0.1', port: 6443 } },
  { host: 'example.org', port: 443, route: { type: 'outside', host: 'example.org', port: 443 } },
  { host: '192.0.2.7', port: 443, route: { type: 'outside', host: '192.0.2.7', port: 443 } },
  { host: 'nosuch.shop.svc', route: unknown('no service has that name') },
];

test.each(table)('$host:$port from $namespace', ({ host, port = 80, namespace = 'shop', route }) => {
  expect(resolver.route(host, port, namespace)).toEqual(route);
});

test.each([
  { host: 'web', found: { type: 'addresses', addresses: ['10.96.0.10'] } },
  { host: 'db', found: { type: 'addresses', addresses: ['10.244.1.5', '10.244.1.6'] } },
  { host: 'db-0.db', found: { type: 'addresses', addresses: ['10.244.1.5'] } },
  { host: 'git.towpath-system', found: { type: 'addresses', addresses: ['10.97.0.1'] } },
  { host: 'kubernetes.default', found: { type: 'addresses', addresses: ['10.96.0.1'] } },
  { host: 'away', found: { type: 'outside', name: 'example.org' } },
  { host: 'nosuch', found: { type: 'unknown', because: 'no service has that name' } },
])('lookup of $host', ({ host, found }) => {
  expect(resolver.lookup(host, 'shop')).toEqual(found);
});

function backends(addresses: string[], name: string | undefined): Route {
  const list = addresses.map((address) => {
    const [ip = '', port] = address.split(':');
    return { ip, port: Number(port) };
  });
  return { type: 'backends', backends: list, service: name };
}

function unknown(because: string): Route {
  return { type: 'unknown', because };
}

function service(name: string, spec: Service['spec']): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec };
}

function slice(name: string, ports: EndpointSlice['ports'], endpoints: object[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-x`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: endpoints as EndpointSlice['endpoints'],
    ...(ports && { ports }),
  };
}

function fixed<Object extends KubeObject>(objects: Object[]): Informer<Object> {
  return {
    start: () => {},
    synced: () => Promise.resolve(),
    get: (key) => objects.find(({ metadata }) => metadata.name === key.name && metadata.namespace === key.namespace),
    list: () => objects,
    onChange(handler) {
      for (const object of objects) handler({ type: 'add', object });
      return () => {};
    },
    dispose: () => {},
  };
}

test('openings are services with something behind them, host services, then endpoints', () => {
  expect(resolver.openings().map(({ host, port }) => `${host}:${port}`)).toEqual([
    '10.96.0.10:80',
    '10.96.0.11:80',
    '10.96.0.11:90',
    '10.96.0.1:443',
    '10.97.0.1:80',
    '10.244.1.2:8080',
    '10.244.1.4:1',
    '10.244.1.4:2',
    '10.244.1.5:5432',
    '10.244.1.6:5432',
  ]);
});
