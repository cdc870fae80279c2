/** Mirrors of real repositories, on disk and over the Git server. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGit } from './exec.ts';
import { openMirror, type Mirror } from './mirror.ts';
import { seedRepository } from './seed.ts';

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
