/** Copies one branch of a repository, with its history, into a bare repository of the Git server. */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TowpathError } from '@towpath/kit';
import { gitError } from './errors.ts';
import type { Git, GitCall } from './exec.ts';
import { initBare } from './server/server.ts';
import { credentialsInUrl, parseRemoteUrl, safeUrl } from './url.ts';

/** A checkout (or bare repository) on this machine, of which the current branch counts, or a URL with its default branch. */
export type CopySource =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'url'; readonly url: string };

export interface CopyOptions {
  readonly git: Git;
  readonly from: CopySource;
  /** The bare repository; nothing is done when it exists. */
  readonly into: string;
  readonly signal?: AbortSignal;
}

const copyTimeoutMs = 10 * 60_000;
const askTimeoutMs = 30_000;

/**
 * Whoever finds the repository finds its commits: it is filled beside its place.
 * Throws `GIT_NOT_FOUND`, `GIT_EMPTY`, `GIT_NO_BRANCH`, `GIT_URL_REFUSED` or what the git command says.
 */
export async function copyRepository(options: CopyOptions): Promise<void> {
  const { git, from, into, signal } = options;
  if (existsSync(into)) return;
  const remote = from.kind === 'folder' ? folderRemote(from.folder) : urlRemote(from.url);
  const branch =
    from.kind === 'folder' ? await currentBranch(git, from.folder) : await defaultBranch(git, remote, signal);
  await mkdir(dirname(into), { recursive: true });
  const fresh = `${into.replace(/\.git$/, '')}.copy.git`;
  await rm(fresh, { recursive: true, force: true });
  try {
    await initBare(git, fresh, into);
    const ref = `refs/heads/${branch}`;
    await git.run({
      ...remote,
      args: [
        'fetch',
        '--quiet',
        '--no-tags',
        '--update-shallow',
        '--no-write-fetch-head',
        '--',
        remote.address,
        `+${ref}:${ref}`,
      ],
      gitDir: fresh,
      timeoutMs: copyTimeoutMs,
      signal,
    });
    await git.run({ args: ['symbolic-ref', 'HEAD', ref], gitDir: fresh, subject: into });
    await rename(fresh, into);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** What calls that reach the source share, and the address they are given. */
type Remote = Pick<GitCall, 'subject' | 'env'> & Required<Pick<GitCall, 'remote'>> & { readonly address: string };

function folderRemote(folder: string): Remote {
  return { address: folder, subject: folder, env: {}, remote: { url: folder, allowFile: true } };
}

function urlRemote(text: string): Remote {
  const { url } = parseRemoteUrl(text);
  const embedded = credentialsInUrl(text);
  const auth = embedded === undefined ? undefined : ({ type: 'http', ...embedded } as const);
  // The user's own keys may be used, but nothing may ask on the terminal.
  return {
    address: url,
    subject: safeUrl(text),
    env: { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' },
    remote: { url, auth },
  };
}

async function currentBranch(git: Git, folder: string): Promise<string> {
  const ask = (args: string[]): ReturnType<Git['run']> =>
    git.run({ args: ['-C', folder, ...args], subject: folder, okCodes: [0, 1, 128], timeoutMs: askTimeoutMs });
  const place = await ask(['rev-parse', '--show-prefix']);
  if (place.code !== 0) throw missing(folder);
  const inside = place.stdout.toString('utf8').trim();
  if (inside !== '') {
    throw gitError('GIT_NOT_FOUND', `${folder} is the folder ${inside} of a Git repository, not the repository`, {
      next: 'name the folder that holds .git',
    });
  }
  const head = await ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  if (head.code !== 0) throw empty(folder);
  const branch = (await ask(['symbolic-ref', '--quiet', '--short', 'HEAD'])).stdout.toString('utf8').trim();
  if (branch !== '') return branch;
  throw gitError('GIT_NO_BRANCH', `the repository ${folder} is on no branch (a commit is checked out)`, {
    next: 'check a branch out: git switch BRANCH',
  });
}

async function defaultBranch(git: Git, remote: Remote, signal: AbortSignal | undefined): Promise<string> {
  const args = ['ls-remote', '--symref', '--', remote.address, 'HEAD'];
  const answer = await git
    .text({ ...remote, args, timeoutMs: askTimeoutMs, signal })
    .catch((error: unknown) => Promise.reject(copyError(error, remote.subject)));
  const branch = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(answer)?.[1];
  if (branch === undefined) throw empty(remote.subject);
  return branch;
}

/** Nothing is tried again here, unlike where repositories are followed. */
function copyError(error: unknown, subject: string): unknown {
  if (!(error instanceof TowpathError)) return error;
  const { code, message, cause } = error;
  if (code === 'GIT_AUTH_FAILED') {
    const next = 'clone it yourself and name the folder';
    return gitError(code, `the repository ${subject} asks for credentials`, { next, cause });
  }
  if (code !== 'GIT_UNREACHABLE' && code !== 'GIT_TIMEOUT') return error;
  return gitError(code, message, { next: 'check the URL and the network, then start again', cause });
}

function missing(folder: string): TowpathError {
  return gitError('GIT_NOT_FOUND', `${folder} is not a Git repository`, {
    next: 'make it one (git init, git add, git commit), or name another folder or a URL',
  });
}

function empty(subject: string): TowpathError {
  return gitError('GIT_EMPTY', `the repository ${subject} has no commit on its branch`, {
    next: 'commit something first',
  });
}
