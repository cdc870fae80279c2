/** Probes on a fake clock: thresholds, startup before the others, quiet first attempts. */

import { Duplex } from 'node:stream';
import type { Dialer } from '@towpath/api';
import { silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { expect, onTestFinished, test } from 'vitest';
import type { CoreContainer } from '../core.ts';
import type { RunningContainer } from '../runtimes/runtime.ts';
import { Prober } from './prober.ts';

const port = { tcpSocket: { port: 80 } };

function setUp(container: Partial<CoreContainer>, listens: () => boolean): { clock: FakeClock; seen: string[] } {
  const clock = new FakeClock();
  const seen: string[] = [];
  const note = (text: string): void => void seen.push(`${clock.monotonicMs() / 1000} ${text}`);
  const dialer: Dialer = {
    dial: () =>
      listens()
        ? Promise.resolve(new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }))
        : Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
  };
  const spec = { name: 'main', ...container };
  const prober = new Prober({
    container: spec,
    target: { podIP: '10.244.1.2', container: spec, running: {} as RunningContainer, dialer, clock },
    clock,
    log: silentLogger,
    events: {
      started: () => note('started'),
      ready: (isReady) => note(isReady ? 'ready' : 'unready'),
      failed: (kind, message) => note(`${kind} ${message.slice(0, 8)}`),
      unhealthy: (kind) => note(`kill ${kind}`),
    },
  });
  onTestFinished(() => prober.stop());
  return { clock, seen };
}

test('without probes a container is started and ready at once', async () => {
  const { clock, seen } = setUp({}, () => true);
  await clock.advance(0);
  expect(seen).toEqual(['0 started', '0 ready']);
});

test('readiness comes soon after the program listens, is lost after three failures and comes back', async () => {
  let listens = false;
  const { clock, seen } = setUp({ readinessProbe: { ...port, periodSeconds: 10 } }, () => listens);
  await clock.advance(1_000);
  listens = true;
  await clock.advance(2_000);
  expect(seen).toHaveLength(2);
  expect(seen[1]).toMatch(/^1\.\d+ ready$/);

  listens = false;
  await clock.advance(40_000);
  expect(seen.slice(2, 6).map((line) => line.split(' ').slice(1).join(' '))).toEqual([
    'Readiness dial tcp',
    'Readiness dial tcp',
    'Readiness dial tcp',
    'unready',
  ]);
  listens = true;
  await clock.advance(10_000);
  expect(seen.at(-1)).toContain(' ready');
});

test('the startup probe holds the others back and kills in the end', async () => {
  const probe = { ...port, periodSeconds: 2, failureThreshold: 2 };
  const { clock, seen } = setUp({ startupProbe: probe, livenessProbe: port }, () => false);
  await clock.advance(10_000);
  expect(seen).toEqual(['2 Startup dial tcp', '2 kill Startup']);
});

test('liveness kills after its threshold, not before its delay', async () => {
  const { clock, seen } = setUp({ livenessProbe: { ...port, initialDelaySeconds: 5, periodSeconds: 1 } }, () => false);
  await clock.advance(20_000);
  expect(seen).toEqual([
    '0 started',
    '0 ready',
    '5 Liveness dial tcp',
    '6 Liveness dial tcp',
    '7 Liveness dial tcp',
    '7 kill Liveness',
  ]);
});
