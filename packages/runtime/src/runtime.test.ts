import { ConfigMaps, type ConfigMap, type Key, type Transport, type TransportRequest } from '@towpath/api';
import { AsyncQueue, silentLogger } from '@towpath/kit';
import { FakeClock, settle } from '@towpath/kit/testing';
import { describe, expect, test } from 'vitest';
import { Client, createController, createInformer, createRecorder, done, isConflict, requeue } from './index.ts';

/** A transport that answers from a script and remembers what it was asked. */
function scripted(
  answer: (request: TransportRequest) => { status?: number; body?: unknown; stream?: AsyncIterable<string> },
) {
  const requests: TransportRequest[] = [];
  const transport: Transport = {
    async request(request) {
      requests.push(request);
      const { status = 200, body, stream } = answer(request);
      return {
        status,
        headers: {},
        text: async () => JSON.stringify(body),
        chunks: () => stream ?? (async function* () {})(),
      };
    },
  };
  return { transport, requests };
}

function configMap(name: string, resourceVersion: string): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', uid: name, resourceVersion } };
}

describe('Client', () => {
  test('get of a missing object is undefined', async () => {
    const { transport } = scripted(() => ({ status: 404, body: { kind: 'Status', reason: 'NotFound', code: 404 } }));

    expect(await new Client({ transport }).get(ConfigMaps, { namespace: 'shop', name: 'x' })).toBeUndefined();
  });

  test('a failure carries the reason', async () => {
    const { transport } = scripted(() => ({
      status: 409,
      body: { kind: 'Status', reason: 'Conflict', code: 409, message: 'stale' },
    }));

    const failure = await new Client({ transport })
      .update(ConfigMaps, configMap('x', '1'))
      .catch((error: unknown) => error);

    expect(isConflict(failure)).toBe(true);
  });

  test('list items get their kind', async () => {
    const { metadata } = configMap('x', '1');
    const { transport } = scripted(() => ({ body: { metadata: { resourceVersion: '5' }, items: [{ metadata }] } }));

    const list = await new Client({ transport }).list(ConfigMaps, { namespace: 'shop' });

    expect(list).toMatchObject({ resourceVersion: '5', items: [{ apiVersion: 'v1', kind: 'ConfigMap' }] });
  });
});

describe('Informer', () => {
  test('lists, follows, and survives lines cut in two', async () => {
    const stream = new AsyncQueue<string>({ limit: 100 });
    const { transport, requests } = scripted(({ query }) =>
      query?.['watch'] === 'true'
        ? { stream }
        : { body: { metadata: { resourceVersion: '1' }, items: [configMap('a', '1')] } },
    );
    const clock = new FakeClock();
    const informer = createInformer({ client: new Client({ transport }), type: ConfigMaps, clock, log: silentLogger });
    const seen: string[] = [];
    informer.onChange((event) => seen.push(`${event.type} ${event.object.metadata.name}`));

    informer.start();
    await informer.synced();
    const line = `${JSON.stringify({ type: 'ADDED', object: configMap('b', '2') })}\n`;
    stream.push(line.slice(0, 20));
    stream.push(line.slice(20) + JSON.stringify({ type: 'DELETED', object: configMap('a', '3') }) + '\n');
    await settle();

    expect(seen).toEqual(['add a', 'add b', 'delete a']);
    expect(informer.list().map((object) => object.metadata.name)).toEqual(['b']);
    expect(requests[1]?.query).toMatchObject({ resourceVersion: '1' });
    stream.close();
    await informer.dispose();
  });

  test('an expired watch lists again and reports what changed in between', async () => {
    let lists = 0;
    const expired = `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`;
    const silence = new AsyncQueue<string>({ limit: 1 });
    const { transport } = scripted(({ query }) => {
      if (query?.['watch'] === 'true')
        return {
          stream:
            lists === 1
              ? (async function* () {
                  yield expired;
                })()
              : silence,
        };
      lists++;
      return {
        body: {
          metadata: { resourceVersion: `${lists}` },
          items: lists === 1 ? [configMap('a', '1')] : [configMap('b', '2')],
        },
      };
    });
    const clock = new FakeClock();
    const informer = createInformer({ client: new Client({ transport }), type: ConfigMaps, clock, log: silentLogger });
    const seen: string[] = [];
    informer.onChange((event) => seen.push(`${event.type} ${event.object.metadata.name}`));

    informer.start();
    await clock.advance(1000);

    expect(seen).toEqual(['add a', 'delete a', 'add b']);
    silence.close();
    await informer.dispose();
  });
});

describe('Controller', () => {
  const key: Key = { namespace: 'shop', name: 'a' };

  test('a failure is tried again with backoff, a success clears it', async () => {
    const clock = new FakeClock();
    const runs: number[] = [];
    const controller = createController({
      name: 'test',
      clock,
      log: silentLogger,
      reconcile: async () => {
        runs.push(clock.monotonicMs());
        if (runs.length < 3) throw new Error('not yet');
        return done();
      },
    });

    controller.start();
    controller.enqueue(key);
    await clock.advance(10_000);

    expect(runs).toEqual([0, 100, 300]);
    await controller.dispose();
  });

  test('a key that comes in while it runs is run once more, never twice at once', async () => {
    const clock = new FakeClock();
    let running = 0;
    let most = 0;
    let runs = 0;
    const controller = createController({
      name: 'test',
      clock,
      log: silentLogger,
      reconcile: async () => {
        runs++;
        most = Math.max(most, ++running);
        if (runs === 1) for (let i = 0; i < 5; i++) controller.enqueue(key);
        await settle(1);
        running--;
        return done();
      },
    });

    controller.start();
    controller.enqueue(key);
    await controller.idle();

    expect({ runs, most }).toEqual({ runs: 2, most: 1 });
    await controller.dispose();
  });

  test('requeue comes back after its time', async () => {
    const clock = new FakeClock();
    const runs: number[] = [];
    const controller = createController({
      name: 'test',
      clock,
      log: silentLogger,
      reconcile: async () => {
        runs.push(clock.monotonicMs());
        return runs.length < 2 ? requeue({ afterMs: 5000 }) : done();
      },
    });

    controller.start();
    controller.enqueue(key);
    await clock.advance(20_000);

    expect(runs).toEqual([0, 5000]);
    await controller.dispose();
  });
});

test('a repeated event becomes a count', async () => {
  const clock = new FakeClock();
  const { transport, requests } = scripted(() => ({ body: {} }));
  const recorder = createRecorder({ client: new Client({ transport }), component: 'flagger', clock });
  const object = configMap('frontend', '1');

  await recorder.event(object, { type: 'Warning', reason: 'Synced', message: 'halt' });
  await clock.advance(10_000);
  await recorder.event(object, { type: 'Warning', reason: 'Synced', message: 'halt' });

  expect(requests.map((request) => request.method)).toEqual(['POST', 'PATCH']);
  expect(JSON.parse(String(requests[1]?.body))).toMatchObject({ count: 2, lastTimestamp: '2026-01-01T00:00:10Z' });
});
