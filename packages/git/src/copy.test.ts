/** Copies of a folder and of a served repository, with the real git command. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyRepository, type CopySource } from './copy.ts';
import { createGit } from './exec.ts';
import { readFile, readRefs } from './objects.ts';
import { createGitServer } from './server/server.ts';

const git = createGit({ clock: systemClock });
const identity = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@b' };

let folder: string;
let work: string;
let into: string;

function inWork(...args: string[]): Promise<string> {
  return git.text({ args: ['-C', work, ...args], subject: work, env: identity });
}

async function commit(text: string): Promise<string> {
  await writeFile(join(work, 'a.txt'), text);
  await inWork('add', '-A');
  await inWork('commit', '--quiet', '-m', text);
  return inWork('rev-parse', 'HEAD');
}

function copy(from: CopySource = { kind: 'folder', folder: work }): Promise<void> {
  return copyRepository({ git, from, into });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-copy-'));
  work = join(folder, 'work');
  into = join(folder, 'repos', 'local', 'work.git');
  await git.run({ args: ['init', '--quiet', '--initial-branch=trunk', work], subject: work });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('copyRepository', () => {
  it('takes the current branch of a folder with its history, and nothing else', async () => {
    await commit('one');
    await inWork('tag', 'v1');
    await inWork('switch', '--quiet', '-c', 'feature/x');
    const head = await commit('two');
    await writeFile(join(work, 'a.txt'), 'not committed');

    await copy();

    const repo = { git, gitDir: into, subject: 'copy' };
    expect(await readRefs(repo)).toEqual({ head: 'feature/x', branches: { 'feature/x': head }, tags: {} });
    expect((await readFile(repo, head, 'a.txt'))?.toString('utf8')).toBe('two');
    expect(await git.text({ args: ['rev-list', '--count', head], gitDir: into, subject: 'copy' })).toBe('2');
  });

  it('keeps a copy that exists', async () => {
    const first = await commit('one');
    await copy();
    await commit('two');

    await copy();

    expect((await readRefs({ git, gitDir: into, subject: 'copy' })).branches).toEqual({ trunk: first });
  });

  const refused = [
    {
      name: 'a folder without a repository',
      arrange: async () => rm(join(work, '.git'), { recursive: true }),
      error: { code: 'GIT_NOT_FOUND', message: expect.stringMatching(/work is not a Git repository$/) },
    },
    {
      name: 'a folder that does not exist',
      arrange: async () => rm(work, { recursive: true }),
      error: { code: 'GIT_NOT_FOUND', message: expect.stringMatching(/work is not a Git repository$/) },
    },
    {
      name: 'a repository without a commit',
      arrange: async () => {},
      error: { code: 'GIT_EMPTY', message: expect.stringContaining('has no commit') },
    },
    {
      name: 'a commit that is on no branch',
      arrange: async () => {
        await commit('one');
        await inWork('checkout', '--quiet', '--detach');
      },
      error: { code: 'GIT_NO_BRANCH', message: expect.stringContaining('on no branch') },
    },
    {
      name: 'a folder inside a repository',
      arrange: async () => {
        await commit('one');
        work = join(work, 'sub');
        await mkdir(work);
      },
      error: { code: 'GIT_NOT_FOUND', message: expect.stringContaining('the folder sub/ of a Git repository') },
    },
  ];

  it.each(refused)('refuses $name and leaves nothing', async ({ arrange, error }) => {
    await arrange();

    await expect(copy()).rejects.toMatchObject(error);
    expect(await readdir(join(folder, 'repos', 'local')).catch(() => [])).toEqual([]);
  });
});

describe('copyRepository of a URL', () => {
  let http: Server;
  let base: string;

  beforeEach(async () => {
    const server = createGitServer({
      dir: join(folder, 'served'),
      log: silentLogger,
      clock: systemClock,
      onPush: () => {},
      authorize: (credentials, { repository }) => repository !== 'acme/private' || credentials?.password === 'secret',
    });
    http = createServer((request, response) => server.handle(request, response));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    http.closeAllConnections();
    http.close();
  });

  it('takes the default branch', async () => {
    const head = await commit('one');
    await inWork('push', '--quiet', `${base}/acme/app.git`, 'trunk');
    await inWork('push', '--quiet', `${base}/acme/app.git`, 'trunk:other');

    await copy({ kind: 'url', url: `${base}/acme/app.git` });

    const refs = await readRefs({ git, gitDir: into, subject: 'copy' });
    expect(refs).toEqual({ head: 'trunk', branches: { trunk: head }, tags: {} });
  });

  it.each([
    { name: 'is not there', path: 'acme/none.git', code: 'GIT_NOT_FOUND', says: 'there is no such repository' },
    { name: 'asks for credentials', path: 'acme/private.git', code: 'GIT_AUTH_FAILED', says: 'asks for credentials' },
  ])('says that a repository $name', async ({ path, code, says }) => {
    const copied = copy({ kind: 'url', url: `${base}/${path}` });

    await expect(copied).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  });

  it('says that a server cannot be reached', async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));

    const copied = copy({ kind: 'url', url: `${base}/acme/app.git` });

    await expect(copied).rejects.toMatchObject({
      code: 'GIT_UNREACHABLE',
      next: 'check the URL and the network, then start again',
    });
  });

  it('refuses a local path in the form of a URL', async () => {
    await commit('one');

    await expect(copy({ kind: 'url', url: `file://${work}` })).rejects.toMatchObject({ code: 'GIT_URL_REFUSED' });
  });
});
