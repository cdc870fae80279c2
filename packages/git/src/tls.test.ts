/** Mirrors of an https server whose certificate is its own, and of one that wants to see a client's. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, Disposer, silentLogger, systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGit } from './exec.ts';
import { openMirror } from './mirror.ts';
import { authOfSecret } from './secret-auth.ts';
import { seedRepository } from './seed.ts';
import { createGitServer } from './server/server.ts';

const git = createGit({ clock: systemClock });
const openssl = 'openssl';
let ends: Disposer;
let folder: string;

beforeEach(async () => {
  ends = new Disposer();
  folder = await mkdtemp(join(tmpdir(), 'towpath-git-tls-'));
  ends.add(() => rm(folder, { recursive: true, force: true }));
});

afterEach(() => ends.dispose());

async function certificate(name: string, extension: string): Promise<{ cert: string; key: string }> {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`];
  execFileSync(openssl, [...args, '-addext', extension, '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
  return { cert: await readFile(files.cert, 'utf8'), key: await readFile(files.key, 'utf8') };
}

/** Returns the repository's URL. */
async function serve(own: { cert: string; key: string }, client: string | undefined): Promise<string> {
  const gitServer = createGitServer({
    dir: join(folder, 'git'),
    clock: systemClock,
    log: silentLogger,
    onPush: () => {},
  });
  await mkdir(join(folder, 'from'));
  await writeFile(join(folder, 'from', 'a.yaml'), 'a: 1\n');
  await seedRepository({ git, from: join(folder, 'from'), into: gitServer.folder('acme/app') });
  const mutual = client === undefined ? {} : { requestCert: true, rejectUnauthorized: true, ca: client };
  const server = createServer({ ...own, ...mutual }, (request, response) => gitServer.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/acme/app.git`;
}

async function fetchWith(url: string, data: Record<string, string>): Promise<string> {
  const mirror = openMirror({ git, dir: join(folder, 'mirror'), url, ...authOfSecret(data) });
  try {
    return Object.keys((await mirror.fetch()).branches).join(', ');
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

describe.skipIf(spawnSync(openssl, ['version']).error !== undefined)('certificates of a Git secret', () => {
  test('a server with a certificate of its own', async () => {
    const own = await certificate('server', 'subjectAltName=IP:127.0.0.1');
    const url = await serve(own, undefined);

    expect([await fetchWith(url, { username: 'a' }), await fetchWith(url, { 'ca.crt': own.cert })]).toEqual([
      'GIT_UNREACHABLE',
      'master',
    ]);
  });

  test('a server that wants one from the client', async () => {
    const own = await certificate('server', 'subjectAltName=IP:127.0.0.1');
    const client = await certificate('client', 'extendedKeyUsage=clientAuth');
    const url = await serve(own, client.cert);
    const known = { 'ca.crt': own.cert };

    const results = [
      await fetchWith(url, known),
      await fetchWith(url, { ...known, 'tls.crt': client.cert, 'tls.key': client.key }),
    ];

    expect(results).toEqual([expect.stringMatching(/^GIT_/), 'master']);
  });
});
