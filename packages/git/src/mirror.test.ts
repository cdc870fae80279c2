/** Mirrors of real repositories, on disk and over the Git server. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGit } from './exec.ts';
import { openMirror, type Mirror } from './mirror.ts';
import { seedRepository } from './seed.ts';
import { createGitServer, type BasicCredentials } from './server/server.ts';

const git = createGit({ clock: systemClock });
const author = { name: 'Weave Flux', email: 'support@weave.works', atMs: Date.UTC(2026, 0, 2) } as const;

let folder: string;
let mirror: Mirror;
let first: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-mirror-'));
  await mkdir(join(folder, 'from', 'deploy'), { recursive: true });
  await writeFile(join(folder, 'from', 'deploy', 'a.yaml'), 'tag: v0.0.1\n');
  await writeFile(join(folder, 'from', 'README.md'), '# shop\n');
  first = await seedRepository({ git, from: join(folder, 'from'), into: join(folder, 'shop.git') });
  mirror = openMirror({ git, dir: join(folder, 'mirror'), url: join(folder, 'shop.git'), allowFile: true });
  await mirror.fetch();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('openMirror', () => {
  it('reads refs, trees and files at a revision', async () => {
    const files = await mirror.readFiles('master', 'deploy');

    expect((await mirror.refs()).branches).toEqual({ master: first });
    expect((await mirror.readTree('master')).map((entry) => entry.path)).toEqual(['README.md', 'deploy/a.yaml']);
    expect(files.get('a.yaml')?.toString()).toBe('tag: v0.0.1\n');
    expect(await mirror.readFile('master', 'deploy/none.yaml')).toBeUndefined();
    expect(await mirror.resolve('nowhere')).toBeUndefined();
    await expect(mirror.readFile('master', '../etc/passwd')).rejects.toMatchObject({ code: 'GIT_PATH_REFUSED' });
  });

  it('writes a commit back that changes only the edited file', async () => {
    const edits = new Map([['deploy/a.yaml', { content: 'tag: v0.0.2\n' }]]);

    const second = await mirror.commitAndPush({
      branch: 'master',
      parent: first,
      edits,
      author,
      message: 'Auto-release acme/a:v0.0.2\n\n[ci skip]\n',
    });
    await mirror.pushTag({ name: 'flux-sync', commit: second, message: 'Sync pointer', tagger: author });

    const other = openMirror({ git, dir: join(folder, 'other'), url: join(folder, 'shop.git'), allowFile: true });
    const refs = await other.fetch();
    expect(refs).toMatchObject({ branches: { master: second }, tags: { 'flux-sync': second } });
    expect(await other.changedPaths(first, second)).toEqual(['deploy/a.yaml']);
    expect(await other.log({ revision: 'master', since: first })).toEqual([
      {
        id: second,
        parents: [first],
        authorName: 'Weave Flux',
        authorEmail: 'support@weave.works',
        committedAtMs: author.atMs,
        subject: 'Auto-release acme/a:v0.0.2',
        message: 'Auto-release acme/a:v0.0.2\n\n[ci skip]',
      },
    ]);
  });

  it('fails, and drops nothing, when somebody else pushed in between', async () => {
    const other = openMirror({ git, dir: join(folder, 'other'), url: join(folder, 'shop.git'), allowFile: true });
    await other.fetch();
    const edit = (text: string) => new Map([['deploy/a.yaml', { content: text }]]);
    const theirs = await other.commitAndPush({
      branch: 'master',
      parent: first,
      edits: edit('tag: v0.0.3\n'),
      author,
      message: 'theirs',
    });

    const ours = mirror.commitAndPush({ branch: 'master', parent: first, edits: edit('x'), author, message: 'ours' });

    await expect(ours).rejects.toMatchObject({ code: 'GIT_PUSH_REJECTED' });
    expect((await mirror.fetch()).branches).toEqual({ master: theirs });
  });

  it('names the repository when there is none', async () => {
    const absent = openMirror({ git, dir: join(folder, 'none'), url: join(folder, 'none.git'), allowFile: true });

    await expect(absent.fetch()).rejects.toMatchObject({
      code: 'GIT_NOT_FOUND',
      message: expect.stringContaining('none.git'),
    });
  });
});

describe('credentials', () => {
  async function listen(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('writes back to a server that asks for a token, which is in no message and no argument', async () => {
    const asked: (BasicCredentials | undefined)[] = [];
    const gitServer = createGitServer({
      dir: folder,
      log: silentLogger,
      clock: systemClock,
      onPush: () => {},
      authorize: (credentials) => asked.push(credentials) > 0 && credentials?.password === 'token-1',
    });
    const http = createServer((req, res) => gitServer.handle(req, res));
    const url = `${await listen(http)}/shop.git`;
    const auth = { type: 'http', username: 'flux', password: 'token-1' } as const;
    const remote = openMirror({ git, dir: join(folder, 'remote'), url, auth });

    await remote.fetch();
    const edits = new Map([['deploy/a.yaml', { content: 'tag: v0.0.9\n' }]]);
    const commit = await remote.commitAndPush({ branch: 'master', parent: first, edits, author, message: 'x' });
    const wrong = openMirror({ git, dir: join(folder, 'w'), url, auth: { ...auth, password: 'token-2' } });

    await expect(wrong.fetch()).rejects.toMatchObject({
      code: 'GIT_AUTH_FAILED',
      message: expect.not.stringContaining('token-2'),
    });
    expect((await mirror.fetch()).branches).toEqual({ master: commit });
    expect(asked).toContainEqual({ username: 'flux', password: 'token-1' });
    http.close();
    await gitServer.idle();
  });

  it('gives them to nobody a server redirects to', async () => {
    const seen: (string | undefined)[] = [];
    const stranger = createServer((req, res) => {
      seen.push(req.headers.authorization);
      res.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const strangerUrl = (await listen(stranger)).replace('127.0.0.1', 'localhost');
    const server = createServer((req, res) => {
      if (req.headers.authorization === undefined) res.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else res.writeHead(302, { location: strangerUrl + (req.url ?? '') }).end();
    });
    const url = `${await listen(server)}/a/b.git`;
    const auth = { type: 'http', username: 'flux', password: 'token-1' } as const;
    const remote = openMirror({ git, dir: join(folder, 'redirected'), url, auth });

    await expect(remote.fetch()).rejects.toThrowError();

    stranger.close();
    server.close();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((header) => header !== undefined)).toEqual([]);
  });

  it('speaks SSH with the deploy key and only to known hosts', async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${join(folder, 'ssh-arguments')}\nwhile [ $# -gt 1 ]; do shift; done\nexec sh -c "$1"\n`;
    await writeFile(join(bin, 'ssh'), script, { mode: 0o755 });
    const overSsh = createGit({ clock: systemClock, path: `${bin}:${process.env['PATH'] ?? ''}` });
    const url = `ssh://git@host.example${join(folder, 'shop.git')}`;
    const auth = { type: 'ssh', privateKey: 'KEY', knownHosts: 'host.example ssh-ed25519 AAAA' } as const;

    const refs = await openMirror({ git: overSsh, dir: join(folder, 'ssh'), url, auth }).fetch();
    const unknown = openMirror({ git: overSsh, dir: join(folder, 'u'), url, auth: { ...auth, knownHosts: '' } });

    expect(refs.branches).toEqual({ master: first });
    const words = (await readFile(join(folder, 'ssh-arguments'), 'utf8')).split('\n');
    expect(words).toEqual(
      expect.arrayContaining(['IdentitiesOnly=yes', 'StrictHostKeyChecking=yes', 'BatchMode=yes', 'git@host.example']),
    );
    await expect(unknown.fetch()).rejects.toMatchObject({ code: 'GIT_HOST_KEY' });
  });
});

describe('seedRepository', () => {
  it('gives the same commit for the same folder, and applies its list', async () => {
    const again = await seedRepository({ git, from: join(folder, 'from'), into: join(folder, 'again.git') });
    const edits = { remove: ['README.md'], replace: [{ path: 'deploy/a.yaml', from: 'v0.0.1', to: 'latest' }] };
    await seedRepository({ git, from: join(folder, 'from'), into: join(folder, 'edited.git'), edits });
    const edited = openMirror({ git, dir: join(folder, 'm2'), url: join(folder, 'edited.git'), allowFile: true });
    await edited.fetch();

    expect(again).toBe(first);
    expect([...(await edited.readFiles('master'))].map(([path, bytes]) => [path, bytes.toString()])).toEqual([
      ['deploy/a.yaml', 'tag: latest\n'],
    ]);
  });

  it('refuses a list that does not fit the folder', async () => {
    const edits = { remove: ['gone.txt'] };

    const seeded = seedRepository({ git, from: join(folder, 'from'), into: join(folder, 'x.git'), edits });

    await expect(seeded).rejects.toMatchObject({ code: 'GIT_SEED_INVALID' });
  });
});
