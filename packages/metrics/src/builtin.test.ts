import { duplexPair } from 'node:stream';
import type { BuiltinContext, InboundConnection, PodNetwork } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { silentLogger, systemClock } from '@towpath/kit';
import { expect, it } from 'vitest';
import { createPrometheusBuiltin, parseFlags } from './builtin.ts';
import { queryInstant } from './client/index.ts';

/** A pod network whose listeners are reached through `connect`. */
function fakeNetwork(): PodNetwork & { connect: (port: number) => InboundConnection['stream'] } {
  const listeners = new Map<number, (connection: InboundConnection) => void>();
  return {
    podIP: '10.244.0.3',
    listen(port, onConnection) {
      listeners.set(port, onConnection);
      return { close: () => void listeners.delete(port) };
    },
    attachSidecar: () => ({ close: () => {} }),
    connect(port) {
      const [near, far] = duplexPair();
      listeners.get(port)?.({ stream: far, port });
      return near;
    },
  };
}

it('serves its API on the pod’s port until it is stopped', async () => {
  const cluster = await startTestCluster();
  const network = fakeNetwork();
  const stop = new AbortController();
  const context: BuiltinContext = {
    args: ['--scrape.interval=15s'],
    env: {},
    pod: {
      namespace: 'istio-system',
      pod: 'prometheus-x',
      uid: '1',
      labels: {},
      serviceAccount: 'prometheus',
      node: 'node-1',
    },
    transport: cluster.transport(),
    dialer: { dial: () => Promise.reject(new Error('nobody listens')) },
    network,
    hostUrl: (url) => url,
    log: silentLogger,
    print: () => {},
    scratchDir: '',
    mounts: {},
    signal: stop.signal,
  };
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const { done } = await createPrometheusBuiltin({ clock: systemClock, pause })(context);
  const connect = ({ port }: { port: number }): Promise<InboundConnection['stream']> =>
    Promise.resolve(network.connect(port));
  const answer = await queryInstant({ address: 'http://prometheus:9090', query: 'vector(1)', connect });

  expect(answer).toEqual([{ labels: {}, value: 1 }]);
  stop.abort();
  await done;
  await cluster.dispose();
});

it('refuses flags it does not know', () => {
  expect(parseFlags(['--scrape.mesh-interval=2s']).config.meshIntervalMs).toBe(2000);
  expect(() => parseFlags(['--web.enable-lifecycle'])).toThrow('prometheus: unknown flag --web.enable-lifecycle');
  expect(() => parseFlags(['--scrape.interval=soon'])).toThrow('--scrape.interval "soon" is no duration');
});
