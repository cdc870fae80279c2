/** Making commits and tags in a bare repository with plumbing commands only. */

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPath, type Repo } from './objects.ts';

/** Who wrote a commit, and when (wall time). */
export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly atMs: number;
}

/** New bytes of a file, or null to delete it. */
export interface FileEdit {
  readonly content: string | Uint8Array | null;
  readonly executable?: boolean;
}

export interface CommitOptions {
  /** The commit this one follows; absent for the first of a branch. */
  readonly parent?: string | undefined;
  /** Path from the root → edit. */
  readonly edits: ReadonlyMap<string, FileEdit>;
  readonly author: Signature;
  readonly committer?: Signature;
  readonly message: string;
  readonly signer?: CommitSigner | undefined;
}

/** Settings (`gpg.format=ssh`) and environment that let git sign with a key; whoever made it ends its files. */
export interface CommitSigner {
  readonly config: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Writes the commit's objects and returns its id; no ref moves. The same input gives the same id. */
export async function writeCommit(repo: Repo, options: CommitOptions): Promise<string> {
  const indexFile = join(repo.gitDir, `towpath-index-${randomBytes(8).toString('hex')}`);
  const env = { GIT_INDEX_FILE: indexFile };
  const base = { gitDir: repo.gitDir, subject: repo.subject, env };
  try {
    if (options.parent !== undefined) await repo.git.run({ ...base, args: ['read-tree', options.parent] });
    const rows: string[] = [];
    for (const [path, edit] of options.edits) rows.push(await indexRow(repo, checkPath(path), edit));
    await repo.git.run({ ...base, args: ['update-index', '-z', '--index-info'], input: rows.join('') });
    const tree = await repo.git.text({ ...base, args: ['write-tree'] });
    const { signer, parent } = options;
    const settings = (signer?.config ?? []).flatMap((setting) => ['-c', setting]);
    const how = [...(signer === undefined ? [] : ['-S']), ...(parent === undefined ? [] : ['-p', parent])];
    return await repo.git.text({
      ...base,
      args: [...settings, 'commit-tree', tree, ...how, '-F', '-'],
      input: options.message.endsWith('\n') ? options.message : `${options.message}\n`,
      env: { ...signer?.env, ...signatureEnv(options.author, options.committer ?? options.author) },
    });
  } finally {
    await rm(indexFile, { force: true });
  }
}

/** One line of `update-index --index-info`; mode 0 removes. */
async function indexRow(repo: Repo, path: string, edit: FileEdit): Promise<string> {
  if (edit.content === null) return `0 ${'0'.repeat(40)}\t${path}\0`;
  const id = await repo.git.text({
    args: ['hash-object', '-w', '--stdin'],
    gitDir: repo.gitDir,
    subject: repo.subject,
    input: edit.content,
  });
  return `${edit.executable === true ? '100755' : '100644'} ${id}\t${path}\0`;
}

/** Makes or moves an annotated tag in the bare repository. */
export async function writeTag(
  repo: Repo,
  options: { name: string; commit: string; message: string; tagger: Signature },
): Promise<void> {
  await repo.git.run({
    args: ['tag', '--annotate', '--force', '-F', '-', '--end-of-options', options.name, options.commit],
    gitDir: repo.gitDir,
    subject: repo.subject,
    input: options.message,
    env: signatureEnv(options.tagger, options.tagger),
  });
}

function signatureEnv(author: Signature, committer: Signature): Record<string, string> {
  return {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: `${Math.floor(author.atMs / 1000)} +0000`,
    GIT_COMMITTER_NAME: committer.name,
    GIT_COMMITTER_EMAIL: committer.email,
    GIT_COMMITTER_DATE: `${Math.floor(committer.atMs / 1000)} +0000`,
  };
}
