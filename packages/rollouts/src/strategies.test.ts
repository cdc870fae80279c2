import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigMaps, Deployments, MetricTemplates, VirtualServices } from '@towpath/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CanarySpec } from './canary.ts';
import { frontendCanary } from './testing/canaries.ts';
import { namespace, startWorld, type World } from './testing/world.ts';

let world: World;
let hooks: Server;
let hookUrl = '';
/** Status by path; 200 when absent. */
let answers: Record<string, number> = {};
let calls: { path: string; body: unknown }[] = [];

beforeEach(async () => {
  answers = {};
  calls = [];
  hooks = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const path = request.url ?? '';
      calls.push({ path, body: JSON.parse(body) });
      response.writeHead(answers[path] ?? 200).end(`answer of ${path}`);
    });
  });
  await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
  hookUrl = `http://127.0.0.1:${(hooks.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await world.dispose();
  hooks.closeAllConnections();
  hooks.close();
});

async function initialized(change: Partial<CanarySpec>): Promise<void> {
  world = await startWorld(frontendCanary(change));
  await world.pass(35);
  expect(await world.summary()).toBe('Initialized 0 0');
  await world.setImage('acme/frontend:v0.0.3');
}

/** The summary and the weights after each of `count` ticks. */
async function ticks(count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let tick = 0; tick < count; tick++) {
    await world.pass(30);
    seen.push(`${await world.summary()} ${(await world.weights()).join('/')}`);
  }
  return seen;
}

describe('blue/green', () => {
  it('iterates, then routes everything, then promotes', async () => {
    await initialized({ analysis: { interval: '30s', threshold: 2, iterations: 2 } });

    expect(await ticks(6)).toEqual([
      'Progressing 0 0 100/0',
      'Progressing 0 0 100/0',
      'Progressing 0 0 0/100',
      'Promoting 0 0 0/100',
      'Finalising 0 0 100/0',
      'Succeeded 0 0 100/0',
    ]);
    expect(await world.events()).toContain('Normal Synced Advance frontend.microservices-demo canary iteration 2/2');
  });
});

describe('A/B testing', () => {
  it('routes only matched requests to the canary', async () => {
    const match = [{ headers: { cookie: { regex: '^(.*?;)?(canary=always)(;.*)?$' } } }];
    await initialized({ analysis: { interval: '30s', threshold: 2, iterations: 2, match } });
    await world.pass(30);

    const live = await world.client.get(VirtualServices, { namespace, name: 'frontend' });

    expect(live?.['spec']).toMatchObject({
      http: [
        { match, route: [{ weight: 0 }, { destination: { host: 'frontend-canary' }, weight: 100 }] },
        { route: [{ destination: { host: 'frontend-primary' }, weight: 100 }] },
      ],
    });
    expect((await ticks(4)).at(-1)).toBe('Succeeded 0 0 100/0');
  });
});

describe('webhooks', () => {
  it('gate the rollout and the promotion, and may ask for a rollback', async () => {
    answers = { '/confirm': 403, '/rollback': 403, '/promote': 403 };
    const webhooks = [
      { name: 'gate', type: 'confirm-rollout', url: `${hookUrl}/confirm` },
      { name: 'load', url: `${hookUrl}/load`, metadata: { cmd: 'hey' } },
      { name: 'promotion', type: 'confirm-promotion', url: `${hookUrl}/promote` },
      { name: 'stop', type: 'rollback', url: `${hookUrl}/rollback` },
    ];
    await initialized({ analysis: { interval: '30s', threshold: 5, stepWeight: 50, maxWeight: 50, webhooks } });
    expect(await world.summary()).toBe('Waiting 0 0');
    expect(await world.replicas('frontend')).toBe(0);

    answers['/confirm'] = 200;
    expect(await ticks(3)).toEqual(['Progressing 0 0 100/0', 'Progressing 50 0 50/50', 'WaitingPromotion 0 0 50/50']);
    expect(calls.find(({ path }) => path === '/load')?.body).toMatchObject({
      name: 'frontend',
      namespace,
      phase: 'Progressing',
      metadata: { cmd: 'hey' },
    });
    expect(await world.events()).toContain(
      'Warning Synced Halt frontend.microservices-demo advancement waiting for promotion approval promotion',
    );

    answers['/rollback'] = 200;
    expect(await ticks(1)).toEqual(['Failed 0 0 100/0']);
    expect(await world.events()).toContain(
      'Warning Synced Rolling back frontend.microservices-demo manual webhook invoked',
    );
  });

  it('count as failed checks', async () => {
    answers = { '/test': 500 };
    const webhooks = [{ name: 'acceptance', type: 'pre-rollout', url: `${hookUrl}/test` }];
    await initialized({ analysis: { interval: '30s', threshold: 2, stepWeight: 50, webhooks } });

    expect(await ticks(3)).toEqual(['Progressing 0 1 100/0', 'Progressing 0 2 100/0', 'Failed 0 0 100/0']);
    expect(await world.events()).toContain(
      'Warning Synced Halt frontend.microservices-demo advancement pre-rollout check acceptance failed answer of /test (x2)',
    );
  });
});

describe('metric templates', () => {
  it('are filled and judged', async () => {
    await initialized({
      analysis: {
        interval: '30s',
        threshold: 2,
        stepWeight: 50,
        metrics: [
          {
            name: 'latency',
            templateRef: { name: 'latency' },
            thresholdRange: { max: 500 },
            templateVariables: { q: '0.9' },
          },
        ],
      },
    });
    await world.client.create(MetricTemplates, {
      apiVersion: 'flagger.app/v1beta1',
      kind: 'MetricTemplate',
      metadata: { name: 'latency', namespace },
      spec: { provider: { type: 'prometheus', address: '' }, query: 'q{{ variables.q }}_{{ target }}_{{ interval }}' },
    });
    const asked: string[] = [];
    world.script.measure = (query) => {
      asked.push(query);
      return { type: 'value', value: 512 };
    };

    expect(await ticks(2)).toEqual(['Progressing 50 0 50/50', 'Progressing 50 1 50/50']);
    expect(asked).toEqual(['q0.9_frontend_1m']);
    expect(await world.events()).toContain(
      'Warning Synced Halt frontend.microservices-demo advancement latency 512.00 > 500',
    );
  });
});

describe('skipAnalysis', () => {
  it('promotes in one round', async () => {
    await initialized({ skipAnalysis: true });

    expect(await ticks(1)).toEqual(['Succeeded 0 0 100/0']);
    expect(await world.image('frontend-primary')).toBe('acme/frontend:v0.0.3');
    expect(await world.events()).toContain(
      'Normal Synced Promotion completed! Canary analysis was skipped for frontend.microservices-demo',
    );
  });
});

describe('configs', () => {
  it('are copied, and a change of one starts a run', async () => {
    world = await startWorld(frontendCanary({ analysis: { interval: '30s', stepWeight: 100 } }));
    await world.client.create(ConfigMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'banner', namespace },
      data: { colour: 'blue' },
    });
    const containers = [
      { name: 'server', image: 'acme/frontend:v0.0.2', envFrom: [{ configMapRef: { name: 'banner' } }] },
    ];
    const key = { namespace, name: 'frontend' };
    await world.client.patch(Deployments, key, { spec: { template: { spec: { containers } } } }, { kind: 'strategic' });
    await world.pass(40);
    // The configuration came while the canary was initialising: it is a new revision.
    await ticks(5);
    expect(await world.summary()).toBe('Succeeded 0 0');

    await world.client.patch(ConfigMaps, { namespace, name: 'banner' }, { data: { colour: 'red' } }, { kind: 'merge' });
    await world.pass(31);
    expect(await world.summary()).toBe('Progressing 0 0');
    await ticks(5);

    expect(await world.summary()).toBe('Succeeded 0 0');
    const copy = await world.client.get(ConfigMaps, { namespace, name: 'banner-primary' });
    expect(copy?.data).toEqual({ colour: 'red' });
    const primary = await world.client.get(Deployments, { namespace, name: 'frontend-primary' });
    expect(primary?.spec.template.spec.containers[0]?.envFrom).toEqual([{ configMapRef: { name: 'banner-primary' } }]);
  });
});
