import type { AnyObject } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import type { RequestView } from '../model/http-match.ts';
import { workloadOfCaller } from '../model/workload.ts';
import { World } from '../model/world.ts';
import { planRequest, type HttpPlan, type Site } from './plan.ts';
import { RouteTable } from './route-table.ts';

const route = (host: string, extra: Record<string, unknown> = {}) => ({ route: [{ destination: { host, ...extra } }] });

function object(
  kind: string,
  name: string,
  spec: Record<string, unknown>,
  options: { ns?: string; age?: number } = {},
): AnyObject {
  return {
    apiVersion: 'networking.istio.io/v1beta1',
    kind,
    metadata: {
      name,
      namespace: options.ns ?? 'shop',
      creationTimestamp: `2026-01-0${9 - (options.age ?? 1)}T00:00:00Z`,
    },
    spec,
  };
}

function service(world: World, name: string, ns = 'shop', port = 80): void {
  world.setService({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: ns },
    spec: { clusterIP: `10.96.${ns.length}.${name.length}`, selector: { app: name }, ports: [{ name: 'http', port }] },
  });
}

function worldWith(virtualServices: readonly AnyObject[], gateways: readonly AnyObject[] = []): World {
  const world = new World();
  for (const name of ['frontend', 'frontend-primary', 'frontend-canary', 'cart']) service(world, name);
  service(world, 'reviews', 'books');
  for (const item of virtualServices) world.setVirtualService(item);
  for (const item of gateways) world.setGateway(item);
  return world;
}

interface Asked {
  readonly host?: string;
  readonly path?: string;
  readonly port?: number;
  readonly headers?: Record<string, string>;
}

function plan(world: World, asked: Asked, gateway?: { labels: Record<string, string> }): HttpPlan {
  const workload = workloadOfCaller(
    { namespace: gateway === undefined ? 'shop' : 'istio-system', pod: 'client', uid: 'u' },
    { labels: gateway?.labels ?? { app: 'client' }, name: 'client', ip: '10.244.0.9' },
  );
  const site: Site = {
    world,
    routes: new RouteTable(world),
    workload,
    gateways: gateway === undefined ? undefined : world.gatewaysFor(gateway.labels),
    port: asked.port ?? 80,
    host: asked.host ?? 'frontend',
  };
  const view: RequestView = {
    method: 'GET',
    scheme: 'http',
    authority: asked.host ?? 'frontend',
    path: asked.path ?? '/',
    header: (name) => asked.headers?.[name],
  };
  return planRequest(site, view);
}

/** `rule:<hosts>`, `service:<name>`, `reply:<status> <location>` or `passthrough`. */
function text(decided: HttpPlan): string {
  switch (decided.type) {
    case 'rule':
      return `rule:${decided.rule.action.type === 'route' ? decided.rule.action.destinations.map(({ host, weight }) => `${host.split('.')[0]}=${weight}`).join(',') : ''}`;
    case 'service':
      return `service:${decided.service.fqdn}`;
    case 'reply':
      return `reply:${decided.status} ${decided.flag ?? ''}${decided.headers.map(([, value]) => value).join('')}${decided.body}`.trim();
    case 'passthrough':
      return 'passthrough';
  }
}

const canary = object('VirtualService', 'frontend', {
  hosts: ['frontend'],
  gateways: ['frontend'],
  http: [
    {
      route: [
        { destination: { host: 'frontend-primary' }, weight: 95 },
        { destination: { host: 'frontend-canary' }, weight: 5 },
      ],
    },
  ],
});
const anyHost = { ...canary, spec: { ...(canary['spec'] as object), hosts: ['*'] } };
const frontendGateway = object('Gateway', 'frontend', {
  selector: { istio: 'ingressgateway' },
  servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
});
const ingress = { labels: { istio: 'ingressgateway' } };

describe('requests in the mesh', () => {
  it.each([
    { name: 'a Service without rules', asked: { host: 'cart' }, want: 'service:cart.shop.svc.cluster.local' },
    { name: 'by its longer name', asked: { host: 'cart.shop:80' }, want: 'service:cart.shop.svc.cluster.local' },
    {
      name: 'by its full name',
      asked: { host: 'cart.shop.svc.cluster.local' },
      want: 'service:cart.shop.svc.cluster.local',
    },
    { name: 'in another namespace', asked: { host: 'reviews.books' }, want: 'service:reviews.books.svc.cluster.local' },
    { name: 'on a port it does not have', asked: { host: 'cart', port: 8080 }, want: 'passthrough' },
    { name: 'a host outside', asked: { host: 'example.com' }, want: 'passthrough' },
  ])('$name', ({ asked, want }) => {
    expect(text(plan(worldWith([]), asked))).toBe(want);
  });

  it('ignores a VirtualService that names only a gateway', () => {
    const world = worldWith([canary], [frontendGateway]);

    expect(text(plan(world, {}))).toBe('service:frontend.shop.svc.cluster.local');
    expect(text(plan(worldWith([anyHost], [frontendGateway]), {}))).toBe('service:frontend.shop.svc.cluster.local');
  });

  it('applies one that names the mesh as well', () => {
    const both = { ...canary, spec: { ...(canary['spec'] as object), gateways: ['frontend', 'mesh'] } };

    expect(text(plan(worldWith([both]), {}))).toBe('rule:frontend-primary=95,frontend-canary=5');
  });

  it.each([
    { name: 'the first rule that holds', asked: { path: '/cart/1' }, want: 'rule:cart=1' },
    { name: 'a condition on headers', asked: { headers: { 'x-beta': '1' } }, want: 'rule:frontend-canary=1' },
    { name: 'no rule', asked: { path: '/none' }, want: 'reply:404 NR' },
    { name: 'a redirect', asked: { path: '/old?x=1' }, want: 'reply:302 http://new.example/moved?x=1' },
    { name: 'a direct response', asked: { path: '/teapot' }, want: 'reply:418 short' },
    { name: 'a delegate', asked: { path: '/books/1' }, want: 'rule:reviews=1' },
    { name: 'a delegate without a rule for it', asked: { path: '/books/none' }, want: 'reply:404 NR' },
  ])('takes $name', ({ asked, want }) => {
    const rules = object('VirtualService', 'rules', {
      hosts: ['frontend'],
      http: [
        { match: [{ uri: { prefix: '/cart' } }], ...route('cart') },
        { match: [{ headers: { 'x-beta': {} } }], ...route('frontend-canary') },
        {
          match: [{ uri: { prefix: '/old' } }],
          redirect: { uri: '/moved', authority: 'new.example', redirectCode: 302 },
        },
        { match: [{ uri: { exact: '/teapot' } }], directResponse: { status: 418, body: { string: 'short' } } },
        { match: [{ uri: { prefix: '/books' } }], delegate: { name: 'books', namespace: 'books' } },
      ],
    });
    const delegate = object(
      'VirtualService',
      'books',
      { http: [{ match: [{ uri: { exact: '/books/1' } }], ...route('reviews') }] },
      { ns: 'books' },
    );

    expect(text(plan(worldWith([rules, delegate]), asked))).toBe(want);
  });

  it('prefers the most specific host, then the oldest object', () => {
    const wide = object('VirtualService', 'wide', { hosts: ['*.example.com'], http: [route('cart')] });
    const exact = object('VirtualService', 'exact', { hosts: ['a.example.com'], http: [route('frontend')] });
    const older = object('VirtualService', 'older', { hosts: ['a.example.com'], http: [route('reviews')] }, { age: 3 });

    expect(text(plan(worldWith([wide, exact]), { host: 'a.example.com' }))).toBe('rule:frontend=1');
    expect(text(plan(worldWith([wide, exact]), { host: 'b.example.com' }))).toBe('rule:cart=1');
    expect(text(plan(worldWith([exact, older]), { host: 'a.example.com' }))).toBe('rule:reviews=1');
  });

  it('sees only what is exported to its namespace', () => {
    const hidden = object(
      'VirtualService',
      'hidden',
      { hosts: ['frontend.shop.svc.cluster.local'], exportTo: ['.'], http: [route('cart')] },
      { ns: 'other' },
    );

    expect(text(plan(worldWith([hidden]), {}))).toBe('service:frontend.shop.svc.cluster.local');
  });
});

describe('requests at a gateway', () => {
  it('follows the weights of a VirtualService bound to it, for any host', () => {
    const world = worldWith([anyHost], [frontendGateway]);

    expect(text(plan(world, { host: '127.0.0.1:31080' }, ingress))).toBe('rule:frontend-primary=95,frontend-canary=5');
  });

  it.each([
    {
      name: 'a host that no Gateway takes',
      gateway: { hosts: ['shop.example'] },
      asked: { host: 'other' },
      want: 'reply:404 NR',
    },
    {
      name: 'a host of the Gateway',
      gateway: { hosts: ['shop.example'] },
      asked: { host: 'shop.example' },
      want: 'rule:frontend-primary=95,frontend-canary=5',
    },
    {
      name: 'a namespace that may bind',
      gateway: { hosts: ['shop/*'] },
      asked: {},
      want: 'rule:frontend-primary=95,frontend-canary=5',
    },
    { name: 'a namespace that may not', gateway: { hosts: ['books/*'] }, asked: {}, want: 'reply:404 NR' },
    { name: 'another port', gateway: { hosts: ['*'] }, asked: { port: 8080 }, want: 'reply:404 NR' },
    {
      name: 'a redirect to https',
      gateway: { hosts: ['*'], tls: { httpsRedirect: true } },
      asked: { host: 'a', path: '/x' },
      want: 'reply:301 https://a/x',
    },
  ])('$name', ({ gateway, asked, want }) => {
    const server = { port: { number: 80, name: 'http', protocol: 'HTTP' }, ...gateway };
    const object80 = object('Gateway', 'frontend', { selector: { istio: 'ingressgateway' }, servers: [server] });

    expect(text(plan(worldWith([anyHost], [object80]), asked, ingress))).toBe(want);
  });

  it('does not serve a Gateway for other pods, nor a VirtualService for the mesh', () => {
    const meshOnly = object('VirtualService', 'mesh-only', { hosts: ['*'], http: [route('cart')] });

    expect(text(plan(worldWith([anyHost], [frontendGateway]), {}, { labels: { istio: 'other' } }))).toBe(
      'reply:404 NR',
    );
    expect(text(plan(worldWith([meshOnly], [frontendGateway]), {}, ingress))).toBe('reply:404 NR');
  });

  it('merges VirtualServices of one host, catch-alls last', () => {
    const all = object(
      'VirtualService',
      'all',
      { hosts: ['*'], gateways: ['frontend'], http: [route('frontend')] },
      { age: 5 },
    );
    const some = object('VirtualService', 'some', {
      hosts: ['*'],
      gateways: ['shop/frontend'],
      http: [{ match: [{ uri: { prefix: '/cart' } }], ...route('cart') }],
    });
    const world = worldWith([all, some], [frontendGateway]);

    expect(text(plan(world, { path: '/cart' }, ingress))).toBe('rule:cart=1');
    expect(text(plan(world, { path: '/' }, ingress))).toBe('rule:frontend=1');
  });
});

describe('what is not supported', () => {
  it.each([
    {
      name: 'TLS routes',
      spec: { hosts: ['a'], tls: [{}] },
      problem: 'spec.tls: is not supported by the embedded mesh',
    },
    {
      name: 'a rule that goes nowhere',
      spec: { hosts: ['a'], http: [{}] },
      problem: 'spec.http[0]: has no route, redirect, directResponse or delegate',
    },
    {
      name: 'a negative weight',
      spec: {
        hosts: ['a'],
        http: [
          {
            route: [
              { destination: { host: 'a' }, weight: -1 },
              { destination: { host: 'b' }, weight: 2 },
            ],
          },
        ],
      },
      problem: 'spec.http[0].route[0].weight: -1 is below 0',
    },
    {
      name: 'weights that are all zero',
      spec: { hosts: ['a'], http: [{ route: [{ destination: { host: 'a' } }, { destination: { host: 'b' } }] }] },
      problem: 'spec.http[0].route: total destination weight is 0',
    },
    {
      name: 'an unknown retry condition',
      spec: { hosts: ['a'], http: [{ ...route('a'), retries: { retryOn: 'sometimes' } }] },
      problem: 'spec.http[0].retries.retryOn: does not know "sometimes"',
    },
    {
      name: 'a duration that is none',
      spec: { hosts: ['a'], http: [{ ...route('a'), timeout: 'soon' }] },
      problem: 'spec.http[0].timeout: "soon" is no duration, write for example 1s or 250ms',
    },
  ])('names $name', ({ spec, problem }) => {
    const { problems } = new World().setVirtualService(object('VirtualService', 'bad', spec));

    expect(problems.map(({ field, message }) => `${field}: ${message}`)).toEqual([problem]);
  });

  it('names parts of DestinationRules and Gateways', () => {
    const world = new World();
    const rule = world.setDestinationRule(
      object('DestinationRule', 'dr', {
        host: 'cart',
        trafficPolicy: { outlierDetection: {}, tls: { mode: 'MUTUAL' }, loadBalancer: { consistentHash: {} } },
      }),
    );
    const gateway = world.setGateway(
      object('Gateway', 'gw', { servers: [{ port: { number: 443, protocol: 'HTTPS' }, hosts: ['*'] }] }),
    );

    expect(rule.problems.map(({ field }) => field)).toEqual([
      'spec.trafficPolicy.tls.mode',
      'spec.trafficPolicy.loadBalancer.consistentHash',
      'spec.trafficPolicy.outlierDetection',
    ]);
    expect(gateway.problems.map(({ field }) => field)).toEqual(['spec.servers[0].port.protocol']);
  });
});
