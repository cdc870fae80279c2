/** The Git server against the real git command as its client. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGit, type Git } from '../exec.ts';
import { zeroId } from '../objects.ts';
import { createGitServer, type GitServer, type GitServerOptions, type PushEvent } from './server.ts';

const git: Git = createGit({ clock: systemClock });
const identity = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@b' };

let folder: string;
let server: GitServer;
let http: Server;
let base: string;
let events: PushEvent[];

async function start(options: Partial<GitServerOptions> = {}): Promise<void> {
  events = [];
  server = createGitServer({
    dir: join(folder, 'repos'),
    log: silentLogger,
    clock: systemClock,
    onPush: (event) => void events.push(event),
    ...options,
  });
  http = createServer((req, res) => server.handle(req, res));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

function inWork(args: readonly string[], url = base): Promise<string> {
  return git.text({ args: ['-C', join(folder, 'work'), ...args], subject: url, env: identity });
}

async function commitFile(name: string, text: string): Promise<string> {
  await writeFile(join(folder, 'work', name), text);
  await inWork(['add', '-A']);
  await inWork(['commit', '--quiet', '-m', `set ${name}`]);
  return inWork(['rev-parse', 'HEAD']);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-git-'));
  await git.run({ args: ['init', '--quiet', '--initial-branch=main', join(folder, 'work')], subject: 'work' });
});

afterEach(async () => {
  http.closeAllConnections();
  http.close();
  await server.idle();
  await rm(folder, { recursive: true, force: true });
});

describe('createGitServer', () => {
  it('creates the repository on the first push, follows its branch and tells what moved', async () => {
    await start();
    const first = await commitFile('a.txt', 'one');

    await inWork(['push', '--quiet', `${base}/acme/shop.git`, 'main']);
    await server.idle();
    const second = await commitFile('a.txt', 'two');
    await inWork(['tag', '-a', '-m', 'v1', 'v1']);
    await inWork(['push', '--quiet', `${base}/acme/shop.git`, 'main', 'v1']);
    await server.idle();

    expect(events).toEqual([
      {
        repository: 'acme/shop',
        url: 'http://git.towpath-system/acme/shop.git',
        refs: [{ name: 'refs/heads/main', before: zeroId, after: first }],
        branches: { main: first },
        tags: {},
        defaultBranch: 'main',
      },
      {
        repository: 'acme/shop',
        url: 'http://git.towpath-system/acme/shop.git',
        refs: [
          { name: 'refs/heads/main', before: first, after: second },
          { name: 'refs/tags/v1', before: zeroId, after: second },
        ],
        branches: { main: second },
        tags: { v1: second },
        defaultBranch: 'main',
      },
    ]);
    await git.run({ args: ['clone', '--quiet', `${base}/acme/shop`, join(folder, 'clone')], subject: base });
    expect(await readFile(join(folder, 'clone', 'a.txt'), 'utf8')).toBe('two');
    expect(await server.repositories()).toEqual(['acme/shop']);
  });

  it('publishes what is there when asked, without refs that moved', async () => {
    await start();
    const head = await commitFile('a.txt', 'one');
    await inWork(['push', '--quiet', `${base}/acme/shop.git`, 'main']);
    await server.idle();
    events = [];

    await server.publish();

    expect(events).toEqual([expect.objectContaining({ repository: 'acme/shop', refs: [], branches: { main: head } })]);
  });

  it('says nothing about a push that moves nothing', async () => {
    await start();
    await commitFile('a.txt', 'one');
    await inWork(['push', '--quiet', `${base}/acme/shop.git`, 'main']);
    await inWork(['push', '--quiet', `${base}/acme/shop.git`, 'main']);
    await server.idle();

    expect(events).toHaveLength(1);
  });

  it('refuses pushes to read-only repositories, with the reason', async () => {
    await start({ isReadOnly: (name) => name.startsWith('start/') });
    await commitFile('a.txt', 'one');

    const push = inWork(['push', `${base}/start/shop.git`, 'main']);

    await expect(push).rejects.toMatchObject({ code: 'GIT_AUTH_FAILED' });
    expect(await server.repositories()).toEqual([]);
  });

  it('asks for credentials where there is an authorizer', async () => {
    await start({ authorize: (credentials) => credentials?.password === 'secret' });
    await commitFile('a.txt', 'one');
    const url = `${base}/acme/shop.git`;
    const call = { args: ['-C', join(folder, 'work'), 'push', '--quiet', url, 'main'], subject: url, env: identity };

    await expect(git.run(call)).rejects.toMatchObject({ code: 'GIT_AUTH_FAILED' });
    const auth = { type: 'http', username: 'x', password: 'secret' } as const;
    const pushed = await git.run({ ...call, remote: { url, auth } });

    expect(pushed.code).toBe(0);
  });

  it.each([
    { name: 'a path outside', path: '/acme/..%2f..%2fetc.git/info/refs?service=git-upload-pack', status: 404 },
    { name: 'a folder of the repository', path: '/acme/shop.git/config', status: 404 },
    { name: 'a repository that is not there', path: '/acme/none.git/info/refs?service=git-upload-pack', status: 404 },
    { name: 'a name that starts with a dot', path: '/.x/none.git/info/refs?service=git-receive-pack', status: 404 },
  ])('refuses $name', async ({ path, status }) => {
    await start();

    const response = await fetch(base + path);

    expect(response.status).toBe(status);
  });

  it('refuses browsers', async () => {
    await start();

    const response = await fetch(`${base}/a/b.git/info/refs?service=git-receive-pack`, {
      headers: { origin: 'http://evil.example' },
    });

    expect(response.status).toBe(403);
    expect(await server.repositories()).toEqual([]);
  });
});
