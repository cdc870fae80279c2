/** Reading a bare repository: refs, trees, files, history. No work tree is made. */

import { gitError } from './errors.ts';
import type { Git } from './exec.ts';

/** A bare repository on disk. */
export interface Repo {
  readonly git: Git;
  readonly gitDir: string;
  /** Named in errors. */
  readonly subject: string;
}

export interface Refs {
  /** Branch name → commit id. */
  readonly branches: Readonly<Record<string, string>>;
  /** Tag name → commit id (peeled). */
  readonly tags: Readonly<Record<string, string>>;
  /** The branch HEAD points to, existing or not. */
  readonly head: string;
}

export interface TreeEntry {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly type: 'file' | 'executable' | 'symlink' | 'submodule';
  readonly id: string;
  readonly sizeBytes: number;
}

export interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly authorName: string;
  readonly authorEmail: string;
  /** Wall time of the commit. */
  readonly committedAtMs: number;
  readonly subject: string;
  /** The whole message, subject included. */
  readonly message: string;
}

/** The id that stands for "no commit" in pushes. */
export const zeroId = '0'.repeat(40);

const limits = { files: 50_000, fileBytes: 32 * 1024 * 1024, totalBytes: 256 * 1024 * 1024 } as const;
const typeByMode: Readonly<Record<string, TreeEntry['type']>> = {
  '100644': 'file',
  '100664': 'file',
  '100755': 'executable',
  '120000': 'symlink',
  '160000': 'submodule',
};

/** Branches, tags and HEAD; names that a JSON object cannot carry safely are left out. */
export async function readRefs(repo: Repo): Promise<Refs> {
  const format = '%(refname)%09%(objectname)%09%(*objectname)';
  const listed = await repo.git.text({
    args: ['for-each-ref', `--format=${format}`, 'refs/heads', 'refs/tags'],
    gitDir: repo.gitDir,
    subject: repo.subject,
  });
  const branches: Record<string, string> = {};
  const tags: Record<string, string> = {};
  for (const line of listed.split('\n')) {
    const [name = '', id = '', peeled = ''] = line.split('\t');
    if (name.length > 512 || /(^|\/)__proto__(\/|$)/.test(name)) continue;
    if (name.startsWith('refs/heads/')) branches[name.slice('refs/heads/'.length)] = id;
    else if (name.startsWith('refs/tags/')) tags[name.slice('refs/tags/'.length)] = peeled === '' ? id : peeled;
  }
  const head = await repo.git.run({
    args: ['symbolic-ref', '--quiet', 'HEAD'],
    gitDir: repo.gitDir,
    subject: repo.subject,
    okCodes: [0, 1],
  });
  return {
    branches,
    tags,
    head: head.stdout
      .toString('utf8')
      .trim()
      .replace(/^refs\/heads\//, ''),
  };
}

/** The commit a revision names, or undefined. */
export async function resolveCommit(repo: Repo, revision: string): Promise<string | undefined> {
  if (revision === '' || revision.startsWith('-')) return undefined;
  const result = await repo.git.run({
    args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
    gitDir: repo.gitDir,
    subject: repo.subject,
    okCodes: [0, 1, 128],
  });
  const id = result.stdout.toString('utf8').trim();
  return result.code === 0 && /^[0-9a-f]{40,64}$/.test(id) ? id : undefined;
}

/** Every file below `path` ('' = all) at a revision; empty when the path does not exist. */
export async function readTree(repo: Repo, revision: string, path = ''): Promise<TreeEntry[]> {
  const folder = checkPath(path);
  const commit = await requireCommit(repo, revision);
  const result = await repo.git.run({
    args: ['ls-tree', '-r', '-z', '--full-tree', '--long', commit, ...(folder === '' ? [] : ['--', folder])],
    gitDir: repo.gitDir,
    subject: repo.subject,
    okCodes: [0],
  });
  const entries = result.stdout
    .toString('utf8')
    .split('\0')
    .filter((line) => line !== '');
  if (entries.length > limits.files) {
    throw gitError('GIT_OUTPUT_LIMIT', `${repo.subject} holds more than ${limits.files} files below ${path || '/'}`, {
      next: 'name a smaller path',
    });
  }
  return entries.flatMap((line) => {
    const tab = line.indexOf('\t');
    const [mode = '', , id = '', size = '-'] = line.slice(0, tab).split(/ +/);
    const type = typeByMode[mode];
    return type === undefined ? [] : [{ path: line.slice(tab + 1), type, id, sizeBytes: Number(size) || 0 }];
  });
}

/** One file's bytes, or undefined. Symbolic links are not followed: they count as absent. */
export async function readFile(repo: Repo, revision: string, path: string): Promise<Buffer | undefined> {
  const wanted = checkPath(path);
  const entry = (await readTree(repo, revision, wanted)).find((candidate) => candidate.path === wanted);
  if (entry === undefined || (entry.type !== 'file' && entry.type !== 'executable')) return undefined;
  return (await readBlobs(repo, [entry])).get(entry.path);
}

/**
 * All files below `path`: path relative to it → bytes. Symbolic links and submodules are left out.
 * Throws `GIT_OUTPUT_LIMIT` above 32 MiB a file or 256 MiB in all.
 */
export async function readFiles(
  repo: Repo,
  revision: string,
  path = '',
  accept: (relativePath: string) => boolean = () => true,
): Promise<Map<string, Buffer>> {
  const folder = checkPath(path);
  const prefix = folder === '' ? '' : `${folder}/`;
  const entries = (await readTree(repo, revision, folder)).filter(
    (entry) =>
      (entry.type === 'file' || entry.type === 'executable') &&
      entry.path.startsWith(prefix) &&
      accept(entry.path.slice(prefix.length)),
  );
  const blobs = await readBlobs(repo, entries);
  return new Map([...blobs].map(([name, bytes]) => [name.slice(prefix.length), bytes]));
}

async function readBlobs(repo: Repo, entries: readonly TreeEntry[]): Promise<Map<string, Buffer>> {
  if (entries.length === 0) return new Map();
  const tooLarge = entries.find((entry) => entry.sizeBytes > limits.fileBytes);
  const total = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  if (tooLarge !== undefined || total > limits.totalBytes) {
    const what = tooLarge === undefined ? `${total} bytes in all` : `${tooLarge.path} (${tooLarge.sizeBytes} bytes)`;
    throw gitError('GIT_OUTPUT_LIMIT', `${repo.subject}: ${what} is too large to read`, {
      next: 'keep large files out of Git',
    });
  }
  const result = await repo.git.run({
    args: ['cat-file', '--batch'],
    gitDir: repo.gitDir,
    subject: repo.subject,
    input: entries.map((entry) => `${entry.id}\n`).join(''),
    maxOutputBytes: limits.totalBytes + entries.length * 128,
  });
  const files = new Map<string, Buffer>();
  let offset = 0;
  for (const entry of entries) {
    const lineEnd = result.stdout.indexOf(0x0a, offset);
    const [, kind, size] = result.stdout.subarray(offset, lineEnd).toString('utf8').split(' ');
    if (kind !== 'blob')
      throw gitError('GIT_FAILED', `${repo.subject}: ${entry.path} cannot be read`, { next: 'run git fsck' });
    const start = lineEnd + 1;
    const end = start + Number(size);
    files.set(entry.path, Buffer.from(result.stdout.subarray(start, end)));
    offset = end + 1;
  }
  return files;
}

/** Paths that differ between two commits; with `from` undefined or all zeros, every path of `to`. */
export async function changedPaths(repo: Repo, from: string | undefined, to: string): Promise<string[]> {
  const after = await requireCommit(repo, to);
  const before = from === undefined || from === zeroId ? undefined : await resolveCommit(repo, from);
  if (before === undefined) return (await readTree(repo, after)).map((entry) => entry.path);
  const result = await repo.git.run({
    args: ['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--end-of-options', before, after],
    gitDir: repo.gitDir,
    subject: repo.subject,
  });
  return result.stdout
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '');
}

export interface LogOptions {
  readonly revision: string;
  /** Commits reachable from here are left out. */
  readonly since?: string;
  /** Only commits that touch one of these. */
  readonly paths?: readonly string[];
  readonly max?: number;
}

/** Commits, newest first. */
export async function readLog(repo: Repo, options: LogOptions): Promise<Commit[]> {
  const to = await requireCommit(repo, options.revision);
  const from = options.since === undefined ? undefined : await resolveCommit(repo, options.since);
  const paths = (options.paths ?? []).map(checkPath);
  const result = await repo.git.run({
    args: [
      'log',
      '-z',
      `--max-count=${options.max ?? 100}`,
      '--format=%H%x1f%P%x1f%an%x1f%ae%x1f%ct%x1f%s%x1f%B',
      ...(from === undefined ? [to] : [`${from}..${to}`]),
      ...(paths.length === 0 ? [] : ['--', ...paths]),
    ],
    gitDir: repo.gitDir,
    subject: repo.subject,
  });
  return result.stdout
    .toString('utf8')
    .split('\0')
    .filter((record) => record.trim() !== '')
    .map((record) => {
      const [id = '', parents = '', name = '', email = '', time = '0', subject = '', message = ''] =
        record.split('\u001f');
      return {
        id: id.trim(),
        parents: parents.split(' ').filter((parent) => parent !== ''),
        authorName: name,
        authorEmail: email,
        committedAtMs: Number(time) * 1000,
        subject,
        message: message.trimEnd(),
      };
    });
}

/** True when `ancestor` is reachable from `descendant`. */
export async function isAncestor(repo: Repo, ancestor: string, descendant: string): Promise<boolean> {
  const result = await repo.git.run({
    args: ['merge-base', '--is-ancestor', ancestor, descendant],
    gitDir: repo.gitDir,
    subject: repo.subject,
    okCodes: [0, 1, 128],
  });
  return result.code === 0;
}

async function requireCommit(repo: Repo, revision: string): Promise<string> {
  const id = await resolveCommit(repo, revision);
  if (id !== undefined) return id;
  throw gitError('GIT_REF_NOT_FOUND', `${repo.subject} has no branch, tag or commit ${revision}`, {
    next: 'check the name, or push it',
  });
}

/** A path inside a repository without leading or trailing slash. Throws `GIT_PATH_REFUSED`. */
export function checkPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const bad = parts.find((part) => part === '..' || part.includes('\0') || part.toLowerCase() === '.git');
  if (bad !== undefined || path.includes('\\')) {
    throw gitError('GIT_PATH_REFUSED', `the path ${JSON.stringify(path)} leaves the repository`, {
      next: 'use a path relative to its root',
    });
  }
  return parts.join('/');
}
