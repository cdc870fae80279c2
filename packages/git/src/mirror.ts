/** A bare mirror of a remote repository: fetch, read at a revision, commit and push back. */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '@towpath/kit';
import type { GitAuth, GitTls } from './auth.ts';
import { writeCommit, writeTag, type CommitSigner, type FileEdit, type Signature } from './commit.ts';
import type { Git } from './exec.ts';
import {
  changedPaths,
  isAncestor,
  readFile,
  readFiles,
  readLog,
  readRefs,
  readTree,
  resolveCommit,
  type Commit,
  type LogOptions,
  type Refs,
  type Repo,
  type TreeEntry,
} from './objects.ts';
import { credentialsInUrl, parseRemoteUrl, safeUrl } from './url.ts';

export interface MirrorOptions {
  readonly git: Git;
  /** The bare repository's folder; made by the first fetch. */
  readonly dir: string;
  readonly url: string;
  readonly auth?: GitAuth | undefined;
  readonly tls?: GitTls | undefined;
  readonly timeoutMs?: number;
  /** Also accept a local path as URL; only for repositories this process made. */
  readonly allowFile?: boolean;
}

export interface CommitAndPush {
  /** Without refs/heads/. */
  readonly branch: string;
  /** The commit the edits were made on; the push fails with `GIT_PUSH_REJECTED` when the branch has moved on. */
  readonly parent: string;
  readonly edits: ReadonlyMap<string, FileEdit>;
  readonly author: Signature;
  readonly message: string;
  /** Where the remote branch is now: `parent` by default, null when there is none yet. */
  readonly tip?: string | null;
  /** Given to the server (`git push -o KEY=VALUE`). */
  readonly options?: Readonly<Record<string, string>>;
  /** Pushed after the branch, e.g. `refs/heads/main:refs/for/main`. */
  readonly refspec?: string;
  readonly signer?: CommitSigner | undefined;
  readonly signal?: AbortSignal;
}

export interface Mirror {
  /** Without credentials. */
  readonly url: string;
  /** Clones at the first call; then brings every branch and tag to where the remote has them. */
  fetch(signal?: AbortSignal): Promise<Refs>;
  /** As of the last fetch. */
  refs(): Promise<Refs>;
  resolve(revision: string): Promise<string | undefined>;
  readTree(revision: string, path?: string): Promise<TreeEntry[]>;
  readFile(revision: string, path: string): Promise<Buffer | undefined>;
  readFiles(revision: string, path?: string, accept?: (relativePath: string) => boolean): Promise<Map<string, Buffer>>;
  changedPaths(from: string | undefined, to: string): Promise<string[]>;
  log(options: LogOptions): Promise<Commit[]>;
  isAncestor(ancestor: string, descendant: string): Promise<boolean>;
  /** One commit on top of `parent`, pushed; returns its id. */
  commitAndPush(options: CommitAndPush): Promise<string>;
  /** An annotated tag, pushed over any older one of that name. */
  pushTag(options: {
    name: string;
    commit: string;
    message: string;
    tagger: Signature;
    signal?: AbortSignal;
  }): Promise<void>;
}

/** Opens a mirror; nothing is read or written before the first call. Throws `GIT_URL_REFUSED`. */
export function openMirror(options: MirrorOptions): Mirror {
  const remote = parseRemoteUrl(options.url, { allowFile: options.allowFile === true });
  const embedded = credentialsInUrl(options.url);
  const auth = options.auth ?? (embedded === undefined ? undefined : ({ type: 'http', ...embedded } as const));
  return new BareMirror({ ...options, auth, url: remote.url });
}

class BareMirror implements Mirror {
  readonly url: string;
  readonly #options: MirrorOptions;
  readonly #repo: Repo;
  /** One fetch or push at a time: both move refs of the same folder. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.url = safeUrl(options.url);
    this.#repo = { git: options.git, gitDir: options.dir, subject: this.url };
  }

  fetch(signal?: AbortSignal): Promise<Refs> {
    return this.#inTurn(async () => {
      await this.#create();
      await this.#remoteCall(
        ['fetch', '--prune', '--no-write-fetch-head', '--no-auto-maintenance', '--', this.#options.url, ...refspecs],
        signal,
      );
      return readRefs(this.#repo);
    });
  }

  refs(): Promise<Refs> {
    return readRefs(this.#repo);
  }

  resolve(revision: string): Promise<string | undefined> {
    return resolveCommit(this.#repo, revision);
  }

  readTree(revision: string, path = ''): Promise<TreeEntry[]> {
    return readTree(this.#repo, revision, path);
  }

  readFile(revision: string, path: string): Promise<Buffer | undefined> {
    return readFile(this.#repo, revision, path);
  }

  readFiles(revision: string, path = '', accept?: (relativePath: string) => boolean): Promise<Map<string, Buffer>> {
    return readFiles(this.#repo, revision, path, accept);
  }

  changedPaths(from: string | undefined, to: string): Promise<string[]> {
    return changedPaths(this.#repo, from, to);
  }

  log(options: LogOptions): Promise<Commit[]> {
    return readLog(this.#repo, options);
  }

  isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    return isAncestor(this.#repo, ancestor, descendant);
  }

  commitAndPush(options: CommitAndPush): Promise<string> {
    return this.#inTurn(async () => {
      const { branch, parent, tip = parent, edits, author, message, signer, refspec, signal } = options;
      const commit = await writeCommit(this.#repo, { parent, edits, author, message, signer });
      // The lease makes the push fail, instead of dropping commits, when the branch is not there any more.
      const lease = `--force-with-lease=refs/heads/${branch}:${tip ?? ''}`;
      const told = Object.entries(options.options ?? {}).map(([key, value]) => `--push-option=${key}=${value}`);
      await this.#push([...told, lease], `${commit}:refs/heads/${branch}`, signal);
      await this.#setRef(`refs/heads/${branch}`, commit);
      if (refspec !== undefined) await this.#push(told, refspec, signal);
      return commit;
    });
  }

  pushTag(options: {
    name: string;
    commit: string;
    message: string;
    tagger: Signature;
    signal?: AbortSignal;
  }): Promise<void> {
    return this.#inTurn(async () => {
      await writeTag(this.#repo, options);
      const ref = `refs/tags/${options.name}`;
      await this.#remoteCall(
        ['push', '--porcelain', '--no-verify', '--', this.#options.url, `+${ref}:${ref}`],
        options.signal,
      );
    });
  }

  /** A server that takes no options gets the push without them. */
  async #push(flags: readonly string[], refspec: string, signal: AbortSignal | undefined): Promise<void> {
    const { url } = this.#options;
    const plain = flags.filter((flag) => !flag.startsWith('--push-option'));
    const call = (own: readonly string[]): Promise<void> =>
      this.#remoteCall(['push', '--porcelain', '--no-verify', ...own, '--', url, refspec], signal);
    try {
      await call(flags);
    } catch (error) {
      if (plain.length === flags.length || !/does not support push options/.test(messageOf(error))) throw error;
      await call(plain);
    }
  }

  async #remoteCall(args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const { git, dir, url, auth, tls, timeoutMs, allowFile } = this.#options;
    await git.run({
      args,
      gitDir: dir,
      subject: this.url,
      remote: { url, auth, tls, allowFile: allowFile === true },
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  async #setRef(name: string, commit: string): Promise<void> {
    await this.#options.git.run({
      args: ['update-ref', name, commit],
      gitDir: this.#options.dir,
      subject: this.url,
    });
  }

  /** Made beside its place and renamed, so that a killed clone leaves nothing half-made. */
  async #create(): Promise<void> {
    const { dir, git } = this.#options;
    if (existsSync(join(dir, 'HEAD'))) return;
    await rm(dir, { recursive: true, force: true });
    await mkdir(dirname(dir), { recursive: true });
    const fresh = join(dirname(dir), `.${basename(dir)}.new`);
    await rm(fresh, { recursive: true, force: true });
    await git.run({ args: ['init', '--quiet', '--bare', '--', fresh], subject: this.url });
    await rename(fresh, dir);
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

const refspecs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'] as const;
