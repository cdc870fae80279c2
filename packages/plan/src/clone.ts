/** The clone one stands in: its revisions, its work tree, and which commit is deployed. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Syncs, type AnyObject } from '@towpath/api';
import { readFiles, resolveCommit, repositoryIdentity, type Git, type Repo } from '@towpath/git';
import type { Client } from '@towpath/runtime';
import type { Files } from './desired.ts';
import { planError } from './errors.ts';
import { appliedByFlux } from './live-flux.ts';
import type { PlanState } from './plan.ts';

export interface Clone {
  readonly root: string;
  readonly repo: Repo;
  /** URLs of its remotes. */
  readonly remotes: readonly string[];
}

/** Files above it are no manifests. */
const fileBytesMax = 4 * 1024 * 1024;

/** Throws `GIT_FAILED` outside of a clone. */
export async function openClone(git: Git, folder: string): Promise<Clone> {
  const subject = folder;
  const found = await git.text({ args: ['-C', folder, 'rev-parse', '--show-toplevel', '--absolute-git-dir'], subject });
  const [root = folder, gitDir = ''] = found.split('\n');
  const listed = await git.run({
    args: ['config', '--get-regexp', String.raw`^remote\..*\.url$`],
    gitDir,
    subject,
    okCodes: [0, 1],
  });
  const remotes = listed.stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => line.split(' ').slice(1));
  return { root, repo: { git, gitDir, subject }, remotes };
}

/** True for a URL that names this repository: the same identity as a remote, or the same owner and name on another host. */
export function ownUrl({ remotes }: Clone): (url: string) => boolean {
  if (remotes.length === 0) return () => true;
  const names = new Set(remotes.flatMap((url) => [identityOf(url), tailOf(url)]));
  return (url) => names.has(identityOf(url)) || names.has(tailOf(url));
}

function identityOf(url: string): string {
  try {
    return repositoryIdentity(url);
  } catch {
    return url;
  }
}

/** A cluster knows the repository by another host than a person does. */
function tailOf(url: string): string {
  return url
    .replace(/\.git\/?$/, '')
    .split(/[/:]/)
    .slice(-2)
    .join('/');
}

/** Throws `PLAN_REVISION_UNKNOWN`. */
export async function stateAt(clone: Clone, revision: string, because: string): Promise<PlanState> {
  const commit = await resolveCommit(clone.repo, revision);
  if (commit === undefined) {
    throw planError('PLAN_REVISION_UNKNOWN', `there is no commit ${revision} in ${clone.root}`, {
      next: 'fetch it, or name another one',
    });
  }
  return { revision: commit, because, files: await readFiles(clone.repo, commit) };
}

/** Tracked files as they are on disk, and new ones that are not ignored. */
export async function workTree(clone: Clone): Promise<PlanState> {
  const { git, gitDir, subject } = clone.repo;
  const args = [
    `--work-tree=${clone.root}`,
    '-C',
    clone.root,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ];
  const listed = await git.run({ args, gitDir, subject });
  const files = new Map<string, Uint8Array>();
  for (const path of new Set(listed.stdout.toString('utf8').split('\0'))) {
    if (path === '') continue;
    const full = join(clone.root, path);
    const about = statSync(full, { throwIfNoEntry: false });
    if (about?.isFile() === true && about.size <= fileBytesMax) files.set(path, readFileSync(full));
  }
  return { revision: 'work tree', because: 'the files as they are on disk', files: files satisfies Files };
}

export interface Deployed {
  readonly revision: string;
  readonly because: string;
  readonly paths?: readonly string[];
  /** Sources and Kustomizations of a running Flux 2 where its work on this repository starts. */
  readonly live?: readonly AnyObject[];
}

/** The commit a cluster runs: of a Sync, of Kustomizations of Flux 2, or of a Flux tag; else where this branch left its upstream. */
export async function deployedRevision(clone: Clone, client: Client | undefined): Promise<Deployed> {
  const isOwn = ownUrl(clone);
  const { items: syncs } = (await client?.list(Syncs).catch(() => undefined)) ?? { items: [] };
  for (const { metadata, spec, status } of syncs) {
    const revision = status?.syncedRevision;
    if (revision === undefined || !isOwn(spec.url)) continue;
    await expectCommit(clone, revision);
    return {
      revision,
      because: `deployed by ${metadata.namespace ?? ''}/${metadata.name}`,
      ...(spec.paths !== undefined && { paths: spec.paths }),
    };
  }
  const applied = client === undefined ? undefined : await appliedByFlux(client, isOwn);
  if (applied !== undefined) {
    await expectCommit(clone, applied.revision);
    return { revision: applied.revision, because: `deployed by ${applied.by}`, live: applied.objects };
  }
  const tag = await resolveCommit(clone.repo, 'refs/tags/flux-sync');
  if (tag !== undefined) return { revision: tag, because: 'the tag flux-sync' };
  for (const upstream of [
    '@{upstream}',
    'refs/remotes/origin/HEAD',
    'refs/remotes/origin/main',
    'refs/remotes/origin/master',
  ]) {
    const base = await mergeBase(clone, upstream);
    if (base !== undefined)
      return { revision: base, because: `merge base with ${upstream.replace('refs/remotes/', '')}` };
  }
  return { revision: 'HEAD', because: 'the last commit' };
}

async function expectCommit({ repo }: Clone, revision: string): Promise<void> {
  if ((await resolveCommit(repo, revision)) !== undefined) return;
  throw planError('PLAN_REVISION_UNKNOWN', `${revision.slice(0, 12)} is deployed, but this clone does not have it`, {
    next: 'run git fetch',
  });
}

async function mergeBase({ repo }: Clone, other: string): Promise<string | undefined> {
  try {
    if ((await resolveCommit(repo, other)) === undefined) return undefined;
    return await repo.git.text({ args: ['merge-base', 'HEAD', other], gitDir: repo.gitDir, subject: repo.subject });
  } catch {
    // Histories without a common commit.
    return undefined;
  }
}
