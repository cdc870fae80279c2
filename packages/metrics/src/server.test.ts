import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { silentLogger, systemClock } from '@towpath/kit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { queryInstant } from './client/index.ts';
import { labelsOf } from './labels.ts';
import type { ScrapeTarget } from './scrape/target.ts';
import { createMetricsServer, type MetricsServer } from './server.ts';

let page = '';
let source: Server;
let server: MetricsServer;
let api: Server;
let address = '';

function portOf(listening: Server): number {
  return (listening.address() as AddressInfo).port;
}

function listen(handler: Parameters<typeof createServer>[1]): Promise<Server> {
  return new Promise((resolve) => {
    const made = createServer(handler ?? (() => {}));
    made.listen(0, '127.0.0.1', () => resolve(made));
  });
}

function target(port: number): ScrapeTarget {
  return {
    id: 'shop/frontend',
    pool: 'test',
    host: '10.244.0.7',
    port,
    path: '/metrics',
    query: '',
    intervalMs: 25,
    timeoutMs: 1000,
    labels: labelsOf({ job: 'frontend', instance: 'a' }),
    honorLabels: false,
    discoveredLabels: {},
  };
}

async function until<Value>(read: () => Promise<Value>, accept: (value: Value) => boolean): Promise<Value> {
  const deadlineMs = systemClock.monotonicMs() + 5000;
  for (;;) {
    const value = await read();
    if (accept(value) || systemClock.monotonicMs() > deadlineMs) return value;
    await systemClock.sleep(10);
  }
}

beforeEach(async () => {
  page = '# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{code="200",job="own"} 5\n';
  source = await listen((_request, response) => response.end(page));
  server = createMetricsServer({
    targets: [target(portOf(source))],
    // The dialer knows where 10.244.0.7 really is.
    connect: ({ port }) => Promise.resolve(connect(port, '127.0.0.1')),
    clock: systemClock,
    log: silentLogger,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  });
  api = await listen(server.handler);
  address = `http://127.0.0.1:${portOf(api)}`;
});

afterEach(async () => {
  await server.dispose();
  for (const one of [source, api]) {
    one.closeAllConnections();
    one.close();
  }
});

async function get(path: string): Promise<unknown> {
  return (await fetch(address + path)).json();
}

it('scrapes, stores and answers', async () => {
  const samples = await until(
    () => queryInstant({ address, query: 'requests_total' }),
    (found) => found.length > 0,
  );

  expect(samples).toEqual([
    {
      labels: { __name__: 'requests_total', code: '200', exported_job: 'own', instance: 'a', job: 'frontend' },
      value: 5,
    },
  ]);
  expect(await queryInstant({ address, query: 'up' })).toEqual([
    { labels: { __name__: 'up', instance: 'a', job: 'frontend' }, value: 1 },
  ]);
  expect(await get('/api/v1/label/code/values')).toEqual({ status: 'success', data: ['200'] });
  expect(await get('/api/v1/metadata')).toEqual({
    status: 'success',
    data: { requests_total: [{ type: 'counter', help: 'Requests.', unit: '' }] },
  });
});

it('ends a series that vanishes from the page', async () => {
  await until(
    () => queryInstant({ address, query: 'requests_total' }),
    (found) => found.length > 0,
  );

  page = 'other 1\n';

  const left = await until(
    () => queryInstant({ address, query: 'requests_total' }),
    (found) => found.length === 0,
  );
  expect(left).toEqual([]);
});

it('says in Prometheus envelopes what is wrong', async () => {
  expect(await get('/api/v1/query?query=sum(')).toEqual({
    status: 'error',
    errorType: 'bad_data',
    error: 'invalid parameter "query": 1:5: parse error: unexpected end of input',
  });
  expect(await get('/api/v1/query_range?query=up&start=0&end=12000&step=1')).toEqual({
    status: 'error',
    errorType: 'bad_data',
    error:
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
  });
  expect(await get('/api/v1/nothing')).toMatchObject({ status: 'error', errorType: 'not_found' });
  await expect(queryInstant({ address, query: 'sum(' })).rejects.toThrow(/error response: Status 400/);
});

it('evaluates at a given time and over a range', async () => {
  expect(await get('/api/v1/query?query=vector(1)&time=1000')).toEqual({
    status: 'success',
    data: { resultType: 'vector', result: [{ metric: {}, value: [1000, '1'] }] },
  });
  expect(await get('/api/v1/query_range?query=time()/0&start=0&end=30&step=15')).toEqual({
    status: 'success',
    data: {
      resultType: 'matrix',
      result: [
        {
          metric: {},
          values: [
            [0, 'NaN'],
            [15, '+Inf'],
            [30, '+Inf'],
          ],
        },
      ],
    },
  });
  expect(await (await fetch(`${address}/-/ready`)).text()).toBe('Prometheus Server is Ready.\n');
});
