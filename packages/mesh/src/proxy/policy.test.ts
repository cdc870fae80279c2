import { afterEach, describe, expect, it } from 'vitest';
import type { Fabric, FabricPod } from '../testing/fabric.ts';
import { ask, Bench, countsBy } from '../testing/programs.ts';

const bench = new Bench();
afterEach(() => bench.close());

interface Stage {
  readonly fabric: Fabric;
  readonly client: FabricPod;
  readonly web: FabricPod;
  /** Paths and selected headers of the requests that reached the program. */
  readonly seen: string[];
}

/** A client, and `web` whose program answers /STATUS with that status, /slow never, and /later after a failure. */
async function stage(): Promise<Stage> {
  const fabric = bench.fabric();
  const client = fabric.pod({ name: 'client', sidecar: true });
  const web = fabric.pod({ name: 'web', sidecar: true });
  const seen: string[] = [];
  const port = await bench.http((request, response) => {
    const path = request.url ?? '';
    seen.push(`${request.method} ${request.headers.host} ${path} ${String(request.headers['x-added'] ?? '')}`.trim());
    const tries = seen.filter((line) => line.includes(path)).length;
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      if (path.startsWith('/slow')) return;
      if (path.startsWith('/break') && tries < 3) request.socket.destroy();
      else if (path.startsWith('/later') && tries < 3) response.writeHead(503).end();
      else response.writeHead(Number(/^\/(\d{3})/.exec(path)?.[1] ?? 200), { 'x-from': 'web' }).end(`ok ${body}`);
    });
  });
  web.serve(8080, port);
  fabric.service('web', { port: 80, targetPort: 8080, pods: [web] });
  return { fabric, client, web, seen };
}

const toWeb = { route: [{ destination: { host: 'web' } }] };

describe('retries', () => {
  it('repeats what the policy names, body included, and counts one request at the source', async () => {
    const { fabric, client, web, seen } = await stage();
    const retries = { attempts: 3, retryOn: '5xx' };
    fabric.virtualService('web', { hosts: ['web'], http: [{ ...toWeb, retries }] });

    const later = await ask(client, 'http://web/later', { method: 'POST', body: 'again' });
    const broken = await ask(client, 'http://web/break');

    expect(later).toMatchObject({ status: 200, body: 'ok again' });
    expect(broken.status).toBe(200);
    expect(seen.length).toBe(6);
    expect(countsBy(client, 'response_code')).toEqual({ 200: 2 });
    expect(countsBy(web, 'response_code')).toEqual({ 503: 4, 200: 2 });
  });

  it('gives up after its attempts with the last answer and flag URX', async () => {
    const { fabric, client, seen } = await stage();
    fabric.virtualService('web', { hosts: ['web'], http: [{ ...toWeb, retries: { attempts: 2, retryOn: '500' } }] });

    expect((await ask(client, 'http://web/500')).status).toBe(500);
    expect(seen.length).toBe(3);
    expect(countsBy(client, 'response_flags')).toEqual({ URX: 1 });
  });

  it('does not repeat a 503 without being told', async () => {
    const { client, seen } = await stage();

    expect((await ask(client, 'http://web/503')).status).toBe(503);
    expect(seen.length).toBe(1);
  });

  it('tries another endpoint where the first does not answer, and says UF where none does', async () => {
    const { fabric, client, web } = await stage();
    const dead = fabric.pod({ name: 'dead', sidecar: false });
    fabric.service('pair', { port: 80, targetPort: 8080, pods: [dead, web] });
    fabric.service('none', { port: 80, targetPort: 8080, pods: [dead] });

    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(client, 'http://pair/')));
    const none = await ask(client, 'http://none/');

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(none.status).toBe(503);
    expect(none.body).toContain('connection failure');
    expect(countsBy(client, 'response_flags')).toEqual({ '-': 4, 'UF,URX': 1 });
  });

  it('tries another endpoint where the sidecar cannot reach its program', async () => {
    const { fabric, client, web } = await stage();
    const ending = fabric.pod({ name: 'ending', sidecar: true });
    fabric.service('pair', { port: 80, targetPort: 8080, pods: [ending, web] });
    fabric.service('only', { port: 80, targetPort: 8080, pods: [ending] });

    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((body) => ask(client, 'http://pair/', { method: 'POST', body })),
    );
    const only = await ask(client, 'http://only/');

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(only).toMatchObject({ status: 503, body: expect.stringContaining('connection failure') });
    expect(only.headers['x-towpath-unreached']).toBeUndefined();
    expect(countsBy(client, 'response_flags')).toEqual({ '-': 4, 'UF,URX': 1 });
  });
});

describe('time limits', () => {
  it('answers 504 with flag UT, and stops the server side', async () => {
    const { fabric, client, web } = await stage();
    fabric.virtualService('web', { hosts: ['web'], http: [{ ...toWeb, timeout: '50ms' }] });

    expect(await ask(client, 'http://web/slow')).toMatchObject({ status: 504, body: 'upstream request timeout' });
    expect(countsBy(client, 'response_flags')).toEqual({ UT: 1 });
    await expect.poll(() => countsBy(web, 'response_flags')).toEqual({ DC: 1 });
  });

  it('limits each try', async () => {
    const { fabric, client, seen } = await stage();
    const retries = { attempts: 1, perTryTimeout: '250ms', retryOn: '5xx' };
    fabric.virtualService('web', { hosts: ['web'], http: [{ ...toWeb, retries }] });

    expect((await ask(client, 'http://web/slow')).status).toBe(504);
    expect(seen.length).toBe(2);
  });
});

describe('changes to requests and answers', () => {
  it('rewrites path and host, sets, adds and removes headers', async () => {
    const { fabric, client, seen } = await stage();
    fabric.virtualService('web', {
      hosts: ['web'],
      http: [
        {
          match: [{ uri: { prefix: '/api/' } }],
          rewrite: { uri: '/', authority: 'inner' },
          headers: {
            request: { set: { 'x-added': 'yes' } },
            response: { remove: ['x-from'], add: { 'x-by': 'mesh' } },
          },
          ...toWeb,
        },
      ],
    });

    const answer = await ask(client, 'http://web/api/200?a=1');

    expect(seen).toEqual(['GET inner /200?a=1 yes']);
    expect(answer.headers).toMatchObject({ 'x-by': 'mesh' });
    expect(answer.headers['x-from']).toBeUndefined();
  });

  it('answers preflights of allowed origins itself', async () => {
    const { fabric, client, seen } = await stage();
    const corsPolicy = { allowOrigins: [{ exact: 'http://a' }], allowMethods: ['GET', 'PUT'], maxAge: '24h' };
    fabric.virtualService('web', { hosts: ['web'], http: [{ ...toWeb, corsPolicy }] });
    const headers = { origin: 'http://a', 'access-control-request-method': 'PUT' };

    const preflight = await ask(client, 'http://web/', { method: 'OPTIONS', headers });
    const simple = await ask(client, 'http://web/', { headers: { origin: 'http://a' } });
    const foreign = await ask(client, 'http://web/', { headers: { origin: 'http://b' } });

    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'http://a',
      'access-control-allow-methods': 'GET,PUT',
      'access-control-max-age': '86400',
    });
    expect(simple.headers['access-control-allow-origin']).toBe('http://a');
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
    expect(seen.length).toBe(2);
  });

  it('copies requests to a mirror and forgets its answers', async () => {
    const { fabric, client, web } = await stage();
    const shadow = fabric.pod({ name: 'shadow', sidecar: true });
    const copies: string[] = [];
    shadow.serve(
      8080,
      await bench.http((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => {
          copies.push(`${request.headers.host} ${body}`);
          response.writeHead(500).end();
        });
      }),
    );
    fabric.service('shadow', { port: 80, targetPort: 8080, pods: [shadow] });
    fabric.virtualService('web', { hosts: ['web'], http: [{ ...toWeb, mirror: { host: 'shadow' } }] });

    const answer = await ask(client, 'http://web/', { method: 'POST', body: 'order' });

    expect(answer).toMatchObject({ status: 200, body: 'ok order' });
    await expect.poll(() => copies).toEqual(['web-shadow order']);
    await expect.poll(() => countsBy(shadow, 'response_code')).toEqual({ 500: 1 });
    expect(countsBy(web, 'response_code')).toEqual({ 200: 1 });
  });
});

describe('faults', () => {
  it('aborts and delays', async () => {
    const { fabric, client, seen } = await stage();
    fabric.virtualService('web', {
      hosts: ['web'],
      http: [
        {
          match: [{ uri: { prefix: '/abort' } }],
          fault: { abort: { percentage: { value: 100 }, httpStatus: 418 } },
          ...toWeb,
        },
        { match: [{ uri: { prefix: '/never' } }], fault: { abort: { httpStatus: 418 } }, ...toWeb },
        { fault: { delay: { percentage: { value: 100 }, fixedDelay: '40ms' } }, ...toWeb },
      ],
    });
    const startedMs = performance.now();

    const statuses = [
      (await ask(client, 'http://web/abort')).status,
      (await ask(client, 'http://web/never')).status,
      (await ask(client, 'http://web/200')).status,
    ];

    expect(statuses).toEqual([418, 200, 200]);
    expect(performance.now() - startedMs).toBeGreaterThan(39);
    expect(seen.length).toBe(2);
    expect(countsBy(client, 'response_flags')).toEqual({ FI: 1, '-': 1, DI: 1 });
  });
});

describe('where requests go', () => {
  it('deals weights exactly', async () => {
    const { fabric, client, web } = await stage();
    const canary = fabric.pod({ name: 'canary', sidecar: true });
    canary.serve(8080, await bench.http((_request, response) => response.end('canary')));
    fabric.service('canary', { port: 80, targetPort: 8080, pods: [canary] });
    const route = [
      { destination: { host: 'web' }, weight: 90 },
      { destination: { host: 'canary' }, weight: 10 },
    ];
    fabric.virtualService('web', { hosts: ['web'], http: [{ route }] });

    for (let count = 0; count < 20; count++) await ask(client, 'http://web/');

    expect(countsBy(client, 'destination_workload')).toEqual({ web: 18, canary: 2 });
    expect(countsBy(web, 'response_code')).toEqual({ 200: 18 });
    expect(countsBy(canary, 'response_code')).toEqual({ 200: 2 });
  });

  it('keeps to a subset, and says NC where there is none', async () => {
    const { fabric, client } = await stage();
    const one = fabric.pod({ name: 'one', labels: { app: 'api', version: 'v1' }, sidecar: true });
    const two = fabric.pod({ name: 'two', labels: { app: 'api', version: 'v2' }, sidecar: true });
    const port = await bench.http((_request, response) => response.end('ok'));
    one.serve(8080, port);
    two.serve(8080, port);
    fabric.service('api', { port: 80, targetPort: 8080, pods: [one, two] });
    fabric.world.setDestinationRule({
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'DestinationRule',
      metadata: { name: 'api', namespace: 'shop' },
      spec: { host: 'api', subsets: [{ name: 'v2', labels: { version: 'v2' } }] },
    });
    const to = (subset: string) => ({ route: [{ destination: { host: 'api', subset } }] });
    fabric.virtualService('api', {
      hosts: ['api'],
      http: [{ match: [{ uri: { prefix: '/3' } }], ...to('v3') }, to('v2')],
    });

    for (let count = 0; count < 3; count++) await ask(client, 'http://api/');
    const missing = await ask(client, 'http://api/3');

    expect(countsBy(client, 'destination_workload')).toEqual({ two: 3, '': 1 });
    expect(missing.status).toBe(503);
    expect(countsBy(client, 'response_flags')).toEqual({ '-': 3, NC: 1 });
  });

  it('says UH where no endpoint is ready and NR where no rule holds', async () => {
    const { fabric, client } = await stage();
    fabric.service('empty', { port: 80, targetPort: 8080, pods: [] });
    fabric.virtualService('web', { hosts: ['web'], http: [{ match: [{ uri: { exact: '/only' } }], ...toWeb }] });

    expect(await ask(client, 'http://empty/')).toMatchObject({ status: 503, body: 'no healthy upstream' });
    expect(await ask(client, 'http://web/other')).toMatchObject({ status: 404, body: '' });
    expect(countsBy(client, 'response_flags')).toEqual({ UH: 1, NR: 1 });
  });
});
