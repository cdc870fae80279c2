/** Images from a registry that asks for a login, and from one that sends other bytes than it says. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { basicHeader, digestOf } from '@towpath/registry';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImageStore } from './images/image-store.ts';
import { registryImages } from './registry-images.ts';

let dir: string;
let server: Server;
let host: string;
let tampered = false;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-'));
  tampered = false;
  const layer = await layerBytes();
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      config: { Cmd: ['run'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(layer), size: layer.length }],
    }),
  );
  const bodies = new Map([
    [digestOf(config), config],
    [digestOf(layer), layer],
  ]);
  server = createServer((request, response) => {
    if (request.headers.authorization !== basicHeader({ username: 'me', password: 'secret' })) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const path = request.url ?? '';
    if (path === '/v2/acme/app/manifests/1') {
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(manifest);
      return;
    }
    const body = bodies.get(path.replace('/v2/acme/app/blobs/', ''));
    if (body === undefined) response.writeHead(404).end();
    else response.end(tampered && body === layer ? Buffer.from(body).fill('y', 600, 601) : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(dir, { recursive: true, force: true });
});

const right = { username: 'me', password: 'secret' };
const wrong = { username: 'me', password: 'wrong' };

test.each([
  { what: 'nobody', auths: [], file: undefined, isLetIn: false },
  { what: 'a pull secret', auths: [right], file: undefined, isLetIn: true },
  { what: 'the second pull secret', auths: [wrong, right], file: undefined, isLetIn: true },
  { what: 'a wrong pull secret', auths: [wrong], file: undefined, isLetIn: false },
  { what: 'the login of the user', auths: [], file: right, isLetIn: true },
])('a registry with a login opens for $what: $isLetIn', async ({ auths, file, isLetIn }) => {
  const authFile = join(dir, 'config.json');
  if (file !== undefined) {
    const auth = Buffer.from(`${file.username}:${file.password}`).toString('base64');
    await writeFile(authFile, JSON.stringify({ auths: { [host]: { auth } } }));
  }

  const pulling = pull(
    auths.map((credentials) => ({ place: host, credentials })),
    authFile,
  );

  if (isLetIn) expect(await readFile(join((await pulling).image.rootfs, 'file'), 'utf8')).toBe('x'.repeat(100));
  else await expect(pulling).rejects.toThrow(/refused|denied|401|access/);
});

test('a layer with another digest than the manifest says is refused, and nothing is kept', async () => {
  tampered = true;
  const auths = [{ place: host, credentials: right }];
  await expect(pull(auths)).rejects.toThrow(/digest/);
  tampered = false;
  const { image, present } = await pull(auths);
  expect(present).toBe(false);
  expect(await readFile(join(image.rootfs, 'file'), 'utf8')).toBe('x'.repeat(100));
});

function pull(auths: { place: string; credentials: typeof right }[], authFile = join(dir, 'none')) {
  const source = registryImages({ mirror: undefined, architecture: 'x64', authFiles: [authFile] });
  const store = new ImageStore({ dir: join(dir, 'images'), source });
  return store.ensure(`${host}/acme/app:1`, 'IfNotPresent', { signal: new AbortController().signal, auths });
}

async function layerBytes(): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'file' }, 'x'.repeat(100));
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
