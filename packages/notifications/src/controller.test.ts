/** The controller beside a real API server, called over real HTTP as Git servers call it. */

import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import {
  CustomResourceDefinitions,
  findCondition,
  reconcileRequestAnnotation,
  Secrets,
  type AnyObject,
  type BuiltinContext,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { Disposer, parseAllYaml, silentLogger } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createNotificationController } from './controller.ts';
import { Receivers, type Receiver } from './kinds.ts';

const namespace = 'default';
const token = 'a-token';
const body = '{"ref":"refs/heads/main"}';
const ends = new Disposer();
let client: Client;
let url: string;

const GitRepositories: ResourceType<KubeObject & { spec: unknown }> = {
  group: 'source.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'GitRepository',
  plural: 'gitrepositories',
  namespaced: true,
};

beforeAll(async () => {
  const cluster = await startTestCluster();
  ends.add(cluster);
  client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  for (const name of ['notification', 'source']) {
    const file = new URL(`../../../charts/towpath/crds/${name}.yaml`, import.meta.url);
    for (const object of parseAllYaml(await readFile(file, 'utf8'), { file: name })) {
      await client.create(CustomResourceDefinitions, object as AnyObject);
    }
  }
  await client.create(Secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name: 'token' },
    data: { token: Buffer.from(token).toString('base64') },
  });
  for (const name of ['app', 'other']) await createRepository(name, { team: 'a' });
  const stop = new AbortController();
  let port: Promise<number> | undefined;
  const listen: BuiltinContext['network']['listen'] = (asked, onConnection) => {
    const server = createServer((stream) => onConnection({ stream, port: asked }));
    const listening = new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
    if (asked === 9292) port = listening;
    return { close: () => server.close() };
  };
  // Only the members this controller reads.
  const context = {
    args: ['--watch-all-namespaces=true'],
    transport: cluster.transport(),
    log: silentLogger,
    pod: { namespace },
    network: { listen },
    signal: stop.signal,
  } as unknown as BuiltinContext;
  const { done } = await createNotificationController()(context);
  ends.add(async () => {
    stop.abort();
    await done;
  });
  url = `http://127.0.0.1:${await port}`;
});

afterAll(() => ends.dispose());

async function createRepository(name: string, labels: Record<string, string>): Promise<void> {
  const spec = { url: 'https://git.example.com/a/b.git', interval: '1h' };
  const metadata = { namespace, name, labels };
  await client.create(GitRepositories, {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata,
    spec,
  });
}

async function createReceiver(name: string, spec: Partial<Receiver['spec']>): Promise<void> {
  await client.create(Receivers, {
    apiVersion: 'notification.toolkit.fluxcd.io/v1',
    kind: 'Receiver',
    metadata: { namespace, name },
    spec: {
      type: 'github',
      secretRef: { name: 'token' },
      resources: [{ kind: 'GitRepository', name: 'app' }],
      ...spec,
    },
  });
}

/** The receiver once its condition Ready says this. */
async function ready(name: string, status: string): Promise<Receiver> {
  return vi.waitUntil(
    async () => {
      const receiver = await client.get(Receivers, { namespace, name });
      const condition = findCondition(receiver?.status?.conditions, 'Ready');
      return condition?.status === status && receiver;
    },
    { timeout: 10_000, interval: 20 },
  );
}

async function requestOf(name: string): Promise<string | undefined> {
  const repository = await client.get(GitRepositories, { namespace, name });
  return repository?.metadata.annotations?.[reconcileRequestAnnotation];
}

function post(path: string | undefined, headers: Record<string, string> = {}, content = body): Promise<Response> {
  const signature = `sha256=${createHmac('sha256', token).update(content).digest('hex')}`;
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-hub-signature-256': signature,
      ...headers,
    },
    body: content,
  });
}

describe('a receiver', () => {
  test('has a path, a finalizer, and wakes its resource', async () => {
    await createReceiver('hook', {});
    const { metadata, status } = await ready('hook', 'True');
    expect(metadata.finalizers).toEqual(['finalizers.fluxcd.io']);
    expect(status?.webhookPath).toMatch(/^\/hook\/[0-9a-f]{64}$/);
    expect(status?.observedGeneration).toBe(1);
    expect(status?.conditions).toMatchObject([
      { type: 'Ready', reason: 'Succeeded', message: `Receiver initialized for path: ${status?.webhookPath}` },
    ]);
    expect((await post(status?.webhookPath)).status).toBe(200);
    const first = await requestOf('app');
    expect(first).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000 UTC$/);
    expect(await requestOf('other')).toBeUndefined();
    expect((await post(status?.webhookPath)).status).toBe(200);
    expect(await requestOf('app')).not.toBe(first);
  });

  test('refuses what is not signed, unknown paths and bodies that are too large, with a status alone', async () => {
    await createReceiver('strict', { resources: [{ kind: 'GitRepository', name: '*', matchLabels: { team: 'b' } }] });
    const { status } = await ready('strict', 'True');
    const answers = await Promise.all([
      post(status?.webhookPath, { 'x-hub-signature-256': 'sha256=00' }),
      post('/hook/unknown'),
      post(status?.webhookPath, {}, 'x'.repeat(3 * 1024 * 1024 + 1)),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([400, 404, 413]);
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(['', '', '']);
  });

  test('wakes all with labels, and answers 500 when one cannot be asked', async () => {
    await createReceiver('labels', {
      type: 'generic',
      resources: [
        { kind: 'GitRepository', name: 'missing' },
        { kind: 'GitRepository', name: '*', matchLabels: { team: 'a' } },
      ],
    });
    const { status } = await ready('labels', 'True');
    expect((await post(status?.webhookPath)).status).toBe(500);
    expect(await requestOf('other')).toBeDefined();
  });

  test('without its token is not ready, and is as soon as it is there', async () => {
    await createReceiver('late', { secretRef: { name: 'later' } });
    const { status } = await ready('late', 'False');
    expect(status?.webhookPath).toBeUndefined();
    expect(status?.conditions).toMatchObject([
      { type: 'Reconciling', reason: 'ProgressingWithRetry' },
      {
        type: 'Ready',
        reason: 'TokenNotFound',
        message: `unable to read token from secret 'default/later' error: secrets "later" not found`,
      },
    ]);
    const metadata = { namespace, name: 'later' };
    await client.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data: { token: 'eA==' } });
    await ready('late', 'True');
  });

  test.each([
    [{ type: 'cdevents' }, 'Unsupported', 'spec.type cdevents is not supported by Towpath'],
    [{ resourceFilter: 'true' }, 'Unsupported', 'spec.resourceFilter is not supported by Towpath'],
  ])('with %j is refused by name', async (spec, reason, message) => {
    const name = `refused-${Object.keys(spec)[0]?.toLowerCase()}`;
    await createReceiver(name, spec);
    const { status } = await ready(name, 'False');
    const text = `Reconciliation failed terminally due to configuration error: ${message}`;
    expect(findCondition(status?.conditions, 'Stalled')).toMatchObject({ reason, message: text });
  });

  test('that is suspended answers 503', async () => {
    await createReceiver('paused', {});
    const { status } = await ready('paused', 'True');
    await client.patch(Receivers, { namespace, name: 'paused' }, { spec: { suspend: true } }, { kind: 'merge' });
    await vi.waitUntil(async () => (await post(status?.webhookPath)).status === 503, { timeout: 5_000, interval: 20 });
  });
});
