import { duplexPair } from 'node:stream';
import type { BuiltinContext, InboundConnection } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { silentLogger, systemClock } from '@towpath/kit';
import { httpExchange } from '@towpath/metrics/client';
import { expect, it } from 'vitest';
import { createFlaggerBuiltin, parseFlags } from './builtin.ts';

it('logs as zap does and shows its metrics until it is stopped', async () => {
  const cluster = await startTestCluster();
  const listeners = new Map<number, (connection: InboundConnection) => void>();
  const lines: string[] = [];
  const stop = new AbortController();
  const context: BuiltinContext = {
    args: ['-mesh-provider=istio', '-metrics-server=http://prometheus:9090'],
    env: {},
    pod: {
      namespace: 'istio-system',
      pod: 'flagger-x',
      uid: '1',
      labels: {},
      serviceAccount: 'flagger',
      node: 'node-1',
    },
    transport: cluster.transport(),
    dialer: { dial: () => Promise.reject(new Error('connect ECONNREFUSED')) },
    network: {
      podIP: '10.244.0.3',
      listen(port, onConnection) {
        listeners.set(port, onConnection);
        return { close: () => void listeners.delete(port) };
      },
      attachSidecar: () => ({ close: () => {} }),
    },
    hostUrl: (url) => url,
    log: silentLogger,
    print: (line) => lines.push(line),
    scratchDir: '',
    mounts: {},
    signal: stop.signal,
  };

  const { done } = await createFlaggerBuiltin({ clock: systemClock, version: '0.1.0' })(context);
  const page = await httpExchange({
    host: '10.244.0.3',
    port: 8080,
    path: '/metrics',
    timeoutMs: 1000,
    maxBodyBytes: 100_000,
    connect({ port }) {
      const [near, far] = duplexPair();
      listeners.get(port)?.({ stream: far, port });
      return Promise.resolve(near);
    },
  });

  expect(page.body).toContain('flagger_info{version="0.1.0",mesh_provider="istio"} 1');
  expect(lines.map((line) => JSON.parse(line) as { level: string; msg: string })).toMatchObject([
    { level: 'info', msg: 'Starting flagger version 0.1.0 revision towpath mesh provider istio' },
    { level: 'error', msg: expect.stringContaining('Metrics server http://prometheus:9090 unreachable') },
  ]);
  stop.abort();
  await done;
  expect(listeners.size).toBe(0);
  await cluster.dispose();
});

it('refuses flags it does not know', () => {
  expect(parseFlags(['-metrics-server=http://p:1'])).toMatchObject({ metricsServer: 'http://p:1', port: 8080 });
  expect(() => parseFlags(['-slack-url=x'])).toThrow('flagger: unknown flag -slack-url=x');
});
