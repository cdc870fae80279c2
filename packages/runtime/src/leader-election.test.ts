import { Leases, type Key, type Transport } from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { codeOf, silentLogger } from '@towpath/kit';
import { FakeClock, settle } from '@towpath/kit/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client, runAsLeader } from './index.ts';

const lease: Key = { namespace: 'kube-system', name: 'helm-operator' };

describe('leader election', () => {
  let clock: FakeClock;
  let cluster: TestCluster;
  let replicas: Replica[];

  beforeEach(async () => {
    clock = new FakeClock();
    cluster = await startTestCluster();
    replicas = [];
  });

  afterEach(async () => {
    for (const replica of replicas) {
      replica.stop();
      await replica.ended.catch(() => {});
    }
    await cluster.dispose();
  });

  function startReplica(identity: string, transport: Transport = cluster.transport()): Replica {
    const replica = startOne({ identity, clock, transport });
    replicas.push(replica);
    return replica;
  }

  const advance = async (byMs: number): Promise<void> => {
    for (let passed = 0; passed < byMs; passed += 500) {
      await clock.advance(500);
      await turns();
    }
  };

  test('one works, the other waits, and follows at once when the first gives the lease back', async () => {
    const first = startReplica('one');
    await until(() => first.isWorking());
    const second = startReplica('two');
    await advance(30_000);

    expect([first.isWorking(), second.isWorking()]).toEqual([true, false]);

    first.stop();
    await first.ended;
    await until(() => second.isWorking());

    const held = await new Client({ transport: cluster.transport() }).get(Leases, lease);
    expect(held?.['spec']).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1, leaseDurationSeconds: 15 });
  });

  test('a leader that was killed is followed when its lease is over, not before', async () => {
    const first = startReplica('one', untilCut());
    await until(() => first.isWorking());
    const second = startReplica('two');
    await advance(4_000);
    cut = true;
    await advance(9_000);

    expect(second.isWorking()).toBe(false);

    await advance(9_000);
    await until(() => second.isWorking());
  });

  test('a leader that cannot renew stops before its lease is over', async () => {
    const first = startReplica('one', untilCut());
    await until(() => first.isWorking());
    cut = true;
    await advance(12_500);

    expect(first.isWorking()).toBe(false);
    expect(codeOf(await first.ended.catch((error: unknown) => error))).toBe('LEADERSHIP_LOST');
  });

  let cut = false;
  function untilCut(): Transport {
    cut = false;
    const inner = cluster.transport();
    return { request: (request) => (cut ? Promise.reject(new Error('no route to host')) : inner.request(request)) };
  }
});

interface Replica {
  readonly ended: Promise<void>;
  isWorking(): boolean;
  stop(): void;
}

function startOne({
  identity,
  clock,
  transport,
}: {
  identity: string;
  clock: FakeClock;
  transport: Transport;
}): Replica {
  const stop = new AbortController();
  let isWorking = false;
  const client = new Client({ transport, fieldManager: identity });
  const ended = runAsLeader({ client, clock, log: silentLogger, lease, identity, signal: stop.signal }, (signal) => {
    isWorking = true;
    return new Promise((resolve) => {
      const end = (): void => {
        isWorking = false;
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  });
  ended.catch(() => {});
  return { ended, isWorking: () => isWorking, stop: () => stop.abort() };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await settle();
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !condition(); turn++) await settle();
  expect(condition()).toBe(true);
}
