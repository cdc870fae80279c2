import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CustomResourceDefinitions,
  findCondition,
  reconcileRequestAnnotation,
  Secrets,
  type AnyObject,
} from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { parseAllYaml, silentLogger, systemClock } from '@towpath/kit';
import { Client, createRecorder } from '@towpath/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitRepositories } from '../kinds.ts';
import { Receivers, type Receiver, type ReceiverSpec } from './kinds.ts';
import { reconcileReceiver, webhookPath } from './reconcile.ts';
import { answerWebhook } from './webhook.ts';

const namespace = 'default';
const token = 'f00';
const body = '{"ref":"refs/heads/main"}';
const resources = [{ kind: 'GitRepository', name: 'app' }];
const secretRef = { name: 'token' };
const json = { 'content-type': 'application/json' };

let cluster: TestCluster;
let client: Client;
let server: Server;
let receivers: Receiver[] = [];

beforeAll(async () => {
  cluster = await startTestCluster();
  client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  for (const file of ['source.yaml', 'notification.yaml']) {
    const text = await readFile(new URL(`../../../../charts/towpath/crds/${file}`, import.meta.url), 'utf8');
    for (const object of parseAllYaml(text, { file })) {
      await client.create(CustomResourceDefinitions, object as AnyObject);
    }
  }
  const secret = { apiVersion: 'v1', kind: 'Secret' };
  const data = { token: Buffer.from(token).toString('base64') };
  await client.create(Secrets, { ...secret, metadata: { namespace, name: 'token' }, data });
  await client.create(Secrets, { ...secret, metadata: { namespace, name: 'empty' }, data: {} });
  for (const [name, labels] of [
    ['app', { team: 'a' }],
    ['web', { team: 'a' }],
    ['other', { team: 'b' }],
  ] as const) {
    const spec = { url: 'https://example.com/app.git', interval: '1h' };
    const type = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository' };
    await client.create(GitRepositories, { ...type, metadata: { namespace, name, labels: { ...labels } }, spec });
  }
  const deps = {
    client,
    clock: systemClock,
    log: silentLogger,
    receivers: () => receivers,
    noCrossNamespaceRefs: true,
  };
  server = createServer((request, response) => void answerWebhook(request, response, deps));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await cluster.dispose();
});

async function reconciled(name: string, spec: ReceiverSpec): Promise<Receiver> {
  await client.create(Receivers, {
    apiVersion: 'notification.toolkit.fluxcd.io/v1',
    kind: 'Receiver',
    metadata: { namespace, name },
    spec,
  });
  const recorder = createRecorder({ client, component: 'notification-controller', clock: systemClock });
  await reconcileReceiver(
    { namespace, name },
    { client, clock: systemClock, log: silentLogger, recorder, failures: new Map() },
  );
  receivers = (await client.list(Receivers, { namespace })).items;
  const receiver = receivers.find(({ metadata }) => metadata.name === name);
  if (receiver === undefined) throw new Error(`${name} is gone`);
  return receiver;
}

async function post(path: string, headers: Record<string, string>, data: string | Uint8Array = body): Promise<number> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(data) });
  if (path.startsWith('/hook/')) expect(await response.text()).toBe('');
  return response.status;
}

async function requestedAt(name: string): Promise<string | undefined> {
  const object = await client.get(GitRepositories, { namespace, name });
  return object?.metadata.annotations?.[reconcileRequestAnnotation];
}

const sign = (algorithm: string, key = token): string => createHmac(algorithm, key).update(body).digest('hex');

describe('a receiver', () => {
  test('tells its path, and gives it up with its secret', async () => {
    const { status, metadata } = await reconciled('ready', { type: 'github', secretRef, resources });
    const path = webhookPath({ token, name: 'ready', namespace });
    expect(status?.webhookPath).toBe(path);
    expect(metadata.finalizers).toEqual(['finalizers.fluxcd.io']);
    expect(status?.conditions).toMatchObject([
      { type: 'Ready', status: 'True', reason: 'Succeeded', message: `Receiver initialized for path: ${path}` },
    ]);
  });

  const refused: readonly [name: string, spec: Partial<ReceiverSpec>, reason: string, message: string][] = [
    ['gone', { secretRef: { name: 'gone' } }, 'TokenNotFound', `secret 'default/gone' error: secrets "gone" not found`],
    [
      'empty',
      { secretRef: { name: 'empty' } },
      'TokenNotFound',
      `'default/empty' secret data: required fields 'token'`,
    ],
    ['gcr', { type: 'gcr' }, 'NotSupported', 'spec.type gcr'],
    ['cel', { resourceFilter: 'true' }, 'NotSupported', 'spec.resourceFilter'],
    ['one-cel', { resources: [{ kind: 'Bucket', name: 'a', filter: 'true' }] }, 'NotSupported', 'resources[0].filter'],
  ];
  test.each(refused)('%s is not ready: %o', async (name, spec, reason, message) => {
    const { status } = await reconciled(`not-${name}`, { type: 'github', secretRef, resources, ...spec });
    const ready = findCondition(status?.conditions, 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason });
    expect(ready?.message).toContain(message);
    expect(status?.webhookPath).toBeUndefined();
  });

  test('whose type needs no secret says so', async () => {
    const { status } = await reconciled('no-secret', { type: 'generic', resources });
    expect(findCondition(status?.conditions, 'Ready')?.reason).toBe('ValidationFailed');
  });
});

describe('a request', () => {
  const sha256 = `sha256=${sign('sha256')}`;
  const rows: readonly [type: string, what: string, headers: Record<string, string>, status: number, data?: string][] =
    [
      ['generic', 'with nothing', {}, 200],
      ['generic-hmac', 'signed', { 'x-signature': sha256 }, 200],
      ['generic-hmac', 'signed with sha512', { 'x-signature': `sha512=${sign('sha512')}` }, 200],
      ['generic-hmac', 'unsigned', {}, 400],
      ['generic-hmac', 'signed with md5', { 'x-signature': `md5=${sign('md5')}` }, 400],
      ['github', 'of push', { ...json, 'x-hub-signature-256': sha256, 'x-github-event': 'Push' }, 200],
      [
        'github',
        'of push by gitea',
        { ...json, 'x-hub-signature': `sha1=${sign('sha1')}`, 'x-github-event': 'push' },
        200,
      ],
      ['github', 'of ping', { ...json, 'x-hub-signature-256': sha256, 'x-github-event': 'ping' }, 400],
      ['github', 'of another', { ...json, 'x-hub-signature-256': `sha256=${sign('sha256', 'no')}` }, 400],
      ['github', 'of plain text', { 'content-type': 'text/plain', 'x-hub-signature-256': sha256 }, 400],
      ['gitlab', 'of push', { 'x-gitlab-token': token, 'x-gitlab-event': 'push' }, 200],
      ['gitlab', 'of another', { 'x-gitlab-token': 'no', 'x-gitlab-event': 'push' }, 400],
      ['bitbucket', 'of push', { ...json, 'x-hub-signature': sha256, 'x-event-key': 'push' }, 200],
      ['harbor', 'with the token', { authorization: token }, 200],
      ['harbor', 'with another', { authorization: `${token}0` }, 400],
      ['quay', 'of JSON', {}, 200],
      ['dockerhub', 'of no JSON', {}, 400, 'push'],
      ['acr', 'of a list', {}, 400, '[]'],
      ['nexus', 'signed', { 'x-nexus-webhook-signature': sign('sha1') }, 200],
      ['nexus', 'unsigned', {}, 400],
    ];
  test.each(rows.map((row, index) => ({ name: `${row[0]} ${row[1]}`, row, index })))(
    '$name',
    async ({ row, index }) => {
      const [type, , headers, status, data] = row;
      const before = await requestedAt('app');
      const receiver = await reconciled(`r${index}`, { type, secretRef, resources, events: ['push'] });
      expect(await post(receiver.status?.webhookPath ?? '', headers, data)).toBe(status);
      const after = await requestedAt('app');
      if (status === 200) expect(after).not.toBe(before);
      else expect(after).toBe(before);
    },
  );

  test('asks all with the labels', async () => {
    const wildcard = [{ kind: 'GitRepository', name: '*', matchLabels: { team: 'a' } }];
    const { status } = await reconciled('labels', { type: 'generic', secretRef, resources: wildcard });
    expect(await post(status?.webhookPath ?? '', {})).toBe(200);
    expect(await requestedAt('web')).toBeDefined();
    expect(await requestedAt('other')).toBeUndefined();
  });

  const broken: readonly [what: string, resource: ReceiverSpec['resources'][number]][] = [
    ['a missing object', { kind: 'GitRepository', name: 'gone' }],
    ['a wildcard without labels', { kind: 'GitRepository', name: '*' }],
    ['a kind without apiVersion', { kind: 'Kustomization', name: 'app' }],
    ['another namespace', { kind: 'GitRepository', name: 'app', namespace: 'kube-system' }],
  ];
  test.each(broken)('for %s ends with 500', async (what, resource) => {
    const name = what.replaceAll(' ', '-').toLowerCase();
    const { status } = await reconciled(name, { type: 'generic', secretRef, resources: [resource] });
    expect(await post(status?.webhookPath ?? '', {})).toBe(500);
  });

  test('to a suspended receiver is turned away, to an unknown path not found, too long refused', async () => {
    const { status } = await reconciled('paused', { type: 'generic', secretRef, resources });
    const path = status?.webhookPath ?? '';
    await client.patch(Receivers, { namespace, name: 'paused' }, { spec: { suspend: true } }, { kind: 'merge' });
    receivers = (await client.list(Receivers, { namespace })).items;
    expect(await post(path, {})).toBe(503);
    expect(await post('/hook/0', {})).toBe(404);
    expect(await post(`${path}?a=b`, {})).toBe(404);
    expect(await post('/', {})).toBe(404);
    expect(await post('/hook/0', {}, new Uint8Array(3 * 1024 * 1024 + 1))).toBe(413);
  });
});
