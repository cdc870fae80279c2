/** Which repository a start uses, and when it may. */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGit, createGitServer, type GitServer } from '@towpath/git';
import { silentLogger, systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourceOf, takeRepository, type OwnRepository } from './own-repository.ts';

const identity = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@b' };
const git = createGit({ clock: systemClock });
const signal = new AbortController().signal;

let folder: string;
let data: { path: string };
let server: GitServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-own-'));
  data = { path: join(folder, 'data') };
  await mkdir(data.path);
  server = gitServer(join(data.path, 'git'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function gitServer(dir: string): GitServer {
  return createGitServer({ dir, log: silentLogger, clock: systemClock, onPush: () => {} });
}

async function checkout(name: string): Promise<string> {
  const path = join(folder, name);
  await git.run({ args: ['init', '--quiet', '--initial-branch=main', path], subject: path });
  await writeFile(join(path, 'a.txt'), 'one');
  await git.run({ args: ['-C', path, 'add', '-A'], subject: path });
  await git.run({ args: ['-C', path, 'commit', '--quiet', '-m', 'one'], subject: path, env: identity });
  return path;
}

function take(text?: string, trust = false): Promise<OwnRepository | undefined> {
  const request = text === undefined ? undefined : { from: sourceOf(text, folder), trust };
  return takeRepository({ request, data, git: server, clock: systemClock, signal });
}

describe('sourceOf', () => {
  it.each([
    { text: 'https://example.com/a/b.git', kind: 'url' },
    { text: 'git@example.com:a/b.git', kind: 'url' },
    { text: 'example.com:b.git', kind: 'url' },
    { text: './a', kind: 'folder' },
    { text: 'a', kind: 'folder' },
    { text: '/a/b:c', kind: 'folder' },
  ])('$text is a $kind', ({ text, kind }) => {
    expect(sourceOf(text, '/somewhere').kind).toBe(kind);
  });
});

describe('takeRepository', () => {
  it("is the shop's turn when nothing was ever asked for", async () => {
    expect(await take()).toBeUndefined();
  });

  it.each([
    { folder: 'app', name: 'local/app' },
    { folder: 'My App.git', name: 'local/my-app' },
    { folder: '_x--y..z_', name: 'local/x-y.z' },
    { folder: '___', name: 'local/repository' },
  ])('copies the folder $folder as $name without asking, and keeps it', async ({ folder: path, name }) => {
    const source = await checkout(path);

    expect(await take(path)).toEqual({ name, source, path: '', isNew: true });
    expect(server.repository(name)).toBeDefined();
    expect(await take()).toEqual({ name, source, path: '', isNew: false });
    expect(await take(path)).toEqual({ name, source, path: '', isNew: false });
  });

  it('copies again what a killed start has not finished', async () => {
    const source = await checkout('app');
    await take('app');
    await rm(server.folder('local/app'), { recursive: true });

    expect(await take()).toEqual({ name: 'local/app', source, path: '', isNew: true });
  });

  it('follows the folder deploy when there is one, and goes on with what it followed', async () => {
    const path = await checkout('app');
    await mkdir(join(path, 'deploy'));
    await writeFile(join(path, 'deploy', 'a.yaml'), '');
    await git.run({ args: ['-C', path, 'add', '-A'], subject: path });
    await git.run({ args: ['-C', path, 'commit', '--quiet', '-m', 'two'], subject: path, env: identity });

    expect(await take('app')).toMatchObject({ path: 'deploy', isNew: true });
    await rm(server.folder('local/app'), { recursive: true });
    await git.run({
      args: ['clone', '--quiet', '--bare', '--', path, server.folder('local/app')],
      subject: path,
      remote: { url: path, allowFile: true },
    });
    await git.run({
      args: ['update-ref', 'refs/heads/main', 'HEAD~1'],
      gitDir: server.folder('local/app'),
      subject: path,
    });

    expect(await take()).toMatchObject({ path: 'deploy', isNew: false });
  });

  it('refuses another repository on the same data folder, and one where the shop is', async () => {
    await checkout('app');
    await checkout('other');
    await take('app');

    await expect(take('other')).rejects.toMatchObject({
      code: 'REPOSITORY_OTHER',
      message: expect.stringMatching(/holds the repository .*app, not .*other$/),
    });
    await rm(join(data.path, 'repository.json'));
    await server.create('acme/microservices-demo');

    await expect(take('app')).rejects.toMatchObject({
      code: 'REPOSITORY_OTHER',
      message: expect.stringContaining('the demonstration shop'),
    });
  });

  it('forgets what could not be copied', async () => {
    await mkdir(join(folder, 'empty'));

    await expect(take('empty')).rejects.toMatchObject({ code: 'GIT_NOT_FOUND' });
    expect(await take()).toBeUndefined();
  });
});

describe('takeRepository of a URL', () => {
  let http: Server;
  let url: string;

  beforeEach(async () => {
    const remote = gitServer(join(folder, 'remote'));
    http = createServer((request, response) => remote.handle(request, response));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    url = `http://user:secret@127.0.0.1:${(http.address() as AddressInfo).port}/acme/app.git`;
    const path = await checkout('work');
    await git.run({ args: ['-C', path, 'push', '--quiet', url, 'main'], subject: path });
  });

  afterEach(() => {
    http.closeAllConnections();
    http.close();
  });

  it('asks for trust once, says why, and writes no credentials', async () => {
    await expect(take(url)).rejects.toMatchObject({
      code: 'TRUST_NEEDED',
      message: expect.stringContaining('its pipeline and images would run as your user'),
      next: expect.stringContaining('--trust'),
    });
    expect(existsSync(join(data.path, 'repository.json'))).toBe(false);

    const trusted = await take(url, true);

    expect(trusted).toMatchObject({ name: 'local/app', isNew: true });
    expect(trusted?.source).not.toContain('secret');
    expect(await readFile(join(data.path, 'repository.json'), 'utf8')).not.toContain('secret');
    expect(await take(url)).toMatchObject({ name: 'local/app', isNew: false });
    expect(await take()).toMatchObject({ name: 'local/app', isNew: false });
  });
});
