/** The registry over real HTTP, driven by the client of this package and by plain requests. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RegistryClient } from '../client/client.ts';
import { pullImage } from '../client/pull.ts';
import { digestOf } from '../digest.ts';
import { writeLayer } from '../image/layer.ts';
import { encodeConfig, encodeManifest } from '../image/model.ts';
import { mediaTypes } from '../media-types.ts';
import { createRegistry, type Registry, type RegistryOptions, type TagEvent } from './server.ts';

let dir: string;
let registry: Registry;
let http: Server;
let url: string;
let events: TagEvent[];

async function start(options: Partial<RegistryOptions> = {}): Promise<void> {
  events = [];
  const onTag = (event: TagEvent): void => void events.push(event);
  registry = createRegistry({ dir, clock: new FakeClock(), log: silentLogger, onTag, ...options });
  http = createServer((req, res) => registry.handle(req, res));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

async function stop(): Promise<void> {
  http.closeAllConnections();
  http.close();
  await registry.idle();
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'towpath-registry-'));
  await start();
});

afterEach(async () => {
  await stop();
  await rm(dir, { recursive: true, force: true });
});

function blob(bytes: Uint8Array) {
  const open = async function* () {
    yield bytes;
  };
  return { digest: digestOf(bytes), sizeBytes: bytes.length, open };
}

async function pushImage(client: RegistryClient, repository: string, tag: string): Promise<string> {
  const file = join(dir, 'layer.tar');
  const layer = await writeLayer([{ type: 'file', path: 'app/server.js', content: Buffer.from('hello') }], file);
  const { readFile } = await import('node:fs/promises');
  const bytes = await readFile(file);
  const config = encodeConfig({
    os: 'linux',
    architecture: 'amd64',
    config: { Entrypoint: ['node', 'server.js'] },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  await client.pushBlob(repository, blob(bytes));
  await client.pushBlob(repository, blob(config));
  const manifest = encodeManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: mediaTypes.ociLayerTar, digest: layer.digest, size: layer.sizeBytes }],
  });
  return client.pushManifest(repository, tag, { mediaType: mediaTypes.ociManifest, bytes: manifest });
}

describe('createRegistry', () => {
  it('takes an image, tells of its tag, and gives it back by tag and digest', async () => {
    const client = new RegistryClient({ url });

    const digest = await pushImage(client, 'acme/frontend', 'v0.0.1');
    await registry.idle();
    const pulled = await pullImage('acme/frontend:v0.0.1', {
      mirror: url,
      mirrorOnly: true,
      platform: { os: 'linux', architecture: 'amd64' },
    });

    expect(pulled.digest).toBe(digest);
    expect(pulled.config.config?.Entrypoint).toEqual(['node', 'server.js']);
    expect(await client.tags('acme/frontend')).toEqual(['v0.0.1']);
    expect(events).toEqual([
      {
        repository: 'acme/frontend',
        tags: [{ name: 'v0.0.1', digest, pushedAt: '2026-01-01T00:00:00Z' }],
        pushed: { name: 'v0.0.1', digest },
      },
    ]);
    expect(await (await fetch(`${url}/v2/_catalog`)).json()).toEqual({ repositories: ['acme/frontend'] });
  });

  it('keeps everything over a restart and reports it again', async () => {
    const digest = await pushImage(new RegistryClient({ url }), 'acme/frontend', 'v0.0.1');
    await stop();
    await start();

    await registry.publish();

    expect(events).toEqual([
      expect.objectContaining({ repository: 'acme/frontend', tags: [expect.objectContaining({ digest })] }),
    ]);
  });

  it('does not send again what the repository holds, and mounts what another one holds', async () => {
    const client = new RegistryClient({ url });
    const bytes = blob(Buffer.from('some bytes'));

    expect(await client.pushBlob('acme/a', bytes)).toBe('pushed');
    expect(await client.pushBlob('acme/a', bytes)).toBe('existed');
    expect(await client.pushBlob('acme/b', bytes)).toBe('mounted');
  });

  it('deletes in one repository what another one keeps', async () => {
    const client = new RegistryClient({ url });
    const bytes = blob(Buffer.from('shared'));
    await client.pushBlob('acme/a', bytes);
    await client.pushBlob('acme/b', bytes);

    const deleted = await fetch(`${url}/v2/acme/a/blobs/${bytes.digest}`, { method: 'DELETE' });

    expect(deleted.status).toBe(202);
    expect(await client.hasBlob('acme/a', bytes.digest)).toBe(false);
    expect(await client.hasBlob('acme/b', bytes.digest)).toBe(true);
  });

  it('takes a blob in chunks, in order only', async () => {
    const bytes = Buffer.from('0123456789');
    const started = await fetch(`${url}/v2/acme/a/blobs/uploads/`, { method: 'POST' });
    const location = new URL(started.headers.get('location') ?? '', url).href;
    const send = (start: number, end: number) =>
      fetch(location, {
        method: 'PATCH',
        headers: { 'content-range': `${start}-${end - 1}` },
        body: bytes.subarray(start, end),
      });

    expect((await send(0, 4)).headers.get('range')).toBe('0-3');
    expect((await send(6, 8)).status).toBe(416);
    expect((await send(4, 10)).headers.get('range')).toBe('0-9');
    const finished = await fetch(`${location}?digest=${digestOf(bytes)}`, { method: 'PUT' });

    expect(finished.status).toBe(201);
    const part = await fetch(`${url}/v2/acme/a/blobs/${digestOf(bytes)}`, { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text()]).toEqual([206, '234']);
  });

  it('goes on with an upload after a restart', async () => {
    const bytes = Buffer.from('0123456789');
    const started = await fetch(`${url}/v2/acme/a/blobs/uploads/`, { method: 'POST' });
    const path = started.headers.get('location') ?? '';
    await fetch(new URL(path, url), { method: 'PATCH', body: bytes.subarray(0, 4) });
    await stop();
    await start();

    const status = await fetch(new URL(path, url));
    const finished = await fetch(`${url}${path}?digest=${digestOf(bytes)}`, { method: 'PUT', body: bytes.subarray(4) });

    expect([status.status, status.headers.get('range')]).toEqual([204, '0-3']);
    expect(finished.status).toBe(201);
  });

  it.each([
    {
      name: 'a wrong digest',
      path: `/v2/a/blobs/uploads/?digest=${digestOf('other')}`,
      method: 'POST',
      body: 'x',
      code: 'DIGEST_INVALID',
    },
    { name: 'an unknown algorithm', path: '/v2/a/blobs/md5:00', method: 'GET', code: 'DIGEST_INVALID' },
    { name: 'an upper-case name', path: '/v2/Acme/tags/list', method: 'GET', code: 'NAME_INVALID' },
    { name: 'a name that climbs', path: '/v2/a%2f..%2fb/tags/list', method: 'GET', code: 'NAME_INVALID' },
    { name: 'an unknown name', path: '/v2/none/tags/list', method: 'GET', code: 'NAME_UNKNOWN' },
    { name: 'a huge page', path: '/v2/_catalog?n=99999999999999', method: 'GET', code: 'UNSUPPORTED' },
    {
      name: 'layers and manifests',
      path: '/v2/a/manifests/x',
      method: 'PUT',
      body: '{"layers":[],"manifests":[]}',
      code: 'MANIFEST_INVALID',
    },
    {
      name: 'a manifest whose blob is missing',
      path: '/v2/a/manifests/x',
      method: 'PUT',
      body: JSON.stringify({ config: { mediaType: 'x', size: 1, digest: digestOf('none') }, layers: [] }),
      code: 'MANIFEST_BLOB_UNKNOWN',
    },
    {
      name: 'a manifest of 5 MiB',
      path: '/v2/a/manifests/x',
      method: 'PUT',
      body: ' '.repeat(5 << 20),
      code: 'SIZE_INVALID',
    },
  ])('refuses $name', async ({ path, method, body, code }) => {
    const response = await fetch(url + path, { method, ...(body !== undefined && { body }) });

    expect(await response.json()).toEqual({ errors: [expect.objectContaining({ code })] });
  });

  it('lists referrers of a subject, filtered by type', async () => {
    const client = new RegistryClient({ url });
    const subject = await pushImage(client, 'acme/a', 'v1');
    const referrer = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/x',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 },
      layers: [],
      subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 1 },
    };
    await client.pushBlob('acme/a', blob(Buffer.from('{}')));
    const bytes = Buffer.from(JSON.stringify(referrer));
    const digest = await client.pushManifest('acme/a', digestOf(bytes), { mediaType: mediaTypes.ociManifest, bytes });

    const found = await (await fetch(`${url}/v2/acme/a/referrers/${subject}?artifactType=application/x`)).json();
    const none = await (await fetch(`${url}/v2/acme/a/referrers/${subject}?artifactType=application/y`)).json();

    expect(found).toMatchObject({ manifests: [{ digest, artifactType: 'application/x' }] });
    expect(none).toMatchObject({ manifests: [] });
  });
});

describe('RegistryClient', () => {
  it('logs in with Basic, and names the registry when the credentials are wrong', async () => {
    await stop();
    await start({ authorize: (header) => header === `Basic ${Buffer.from('u:p').toString('base64')}` });
    const wrong = new RegistryClient({ url, credentials: { username: 'u', password: 'x' } });
    const right = new RegistryClient({ url, credentials: { username: 'u', password: 'p' } });

    await expect(wrong.tags('acme/a')).rejects.toMatchObject({ code: 'REGISTRY_DENIED' });

    expect(await right.pushBlob('acme/a', blob(Buffer.from('x')))).toBe('pushed');
  });

  it('gets a Bearer token from the service of the same host', async () => {
    const asked: string[] = [];
    const tokens = createServer((req, res) => {
      asked.push(`${req.url} ${req.headers.authorization ?? 'anonymous'}`);
      res.end(JSON.stringify({ token: 'abc' }));
    });
    await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
    const realm = `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`;
    await stop();
    await start({
      authorize: (header) => header === 'Bearer abc',
      challenge: `Bearer realm="${realm}",service="reg"`,
    });
    const client = new RegistryClient({ url, credentials: { username: 'u', password: 'p' } });

    const tags = await client.tags('acme/a');
    tokens.close();

    expect(tags).toBeUndefined();
    expect(asked).toEqual([
      `/token?service=reg&scope=repository%3Aacme%2Fa%3Apull Basic ${Buffer.from('u:p').toString('base64')}`,
    ]);
  });

  it('says what was tried when an image is nowhere', async () => {
    const pulled = pullImage('acme/none:v1', {
      mirror: url,
      mirrorOnly: true,
      platform: { os: 'linux', architecture: 'amd64' },
    });

    await expect(pulled).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringContaining('does not have it'),
    });
  });
});
