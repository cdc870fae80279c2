/** A repository of the user's own in place of the shop: where it comes from, whether it is trusted, its copy. */

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  copyRepository,
  createGit,
  readRefs,
  readTree,
  safeUrl,
  type CopySource,
  type GitServer,
  type Repo,
} from '@towpath/git';
import { isRecord, TowpathError, type Clock } from '@towpath/kit';
import { demoRepository } from './components.ts';
import { writeAtomically, type DataDir } from './data-dir.ts';

/** What `--repo` and `--trust` ask for. */
export interface RepositoryRequest {
  readonly from: CopySource;
  readonly trust: boolean;
}

export interface OwnRepository {
  /** On the embedded Git server: `local/NAME`. */
  readonly name: string;
  /** The folder or URL it was copied from, without credentials. */
  readonly source: string;
  /** Folder of its manifests, as it was when it was copied: to follow another one would orphan what was applied. */
  readonly path: string;
  /** True when this start copied it. */
  readonly isNew: boolean;
}

export interface OwnRepositoryOptions {
  readonly request: RepositoryRequest | undefined;
  readonly data: Pick<DataDir, 'path'>;
  readonly git: Pick<GitServer, 'folder'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const recordName = 'repository.json';

/** A folder when there is one of that name, else a URL when it looks like one. */
export function sourceOf(text: string, cwd: string): CopySource {
  const folder = resolve(cwd, text);
  const isUrl = text.includes('://') || /^[^/\s]+:/.test(text);
  return existsSync(folder) || !isUrl ? { kind: 'folder', folder } : { kind: 'url', url: text };
}

/**
 * Copies the repository unless the data folder has it; undefined when it is the shop's turn. Nothing of it has run.
 * Throws `TRUST_NEEDED`, `REPOSITORY_OTHER`, or why it cannot be copied.
 */
export async function takeRepository(options: OwnRepositoryOptions): Promise<OwnRepository | undefined> {
  const { request, data, git, clock, signal } = options;
  const file = join(data.path, recordName);
  const stored = await readRecord(file);
  const from = request?.from ?? stored?.from;
  if (from === undefined) return undefined;
  const source = shown(from);
  refuseOther({ source, stored: stored?.source, options });
  const isTrusted = from.kind === 'folder' || request?.trust === true || stored?.isTrusted === true;
  if (!isTrusted) throw trustNeeded(source);
  const name = `local/${nameOf(source)}`;
  const into = git.folder(name);
  const isNew = !existsSync(into);
  // Written first: when the process is killed while it copies, the next start copies again.
  const record = { kind: from.kind, source, trusted: true };
  const write = (path: string | undefined): Promise<void> =>
    writeAtomically(file, `${JSON.stringify({ ...record, path }, undefined, 2)}\n`);
  if (isNew) await write(undefined);
  const command = createGit({ clock });
  try {
    await copyRepository({ git: command, from, into, signal });
  } catch (error) {
    if (stored === undefined) await rm(file, { force: true });
    throw error;
  }
  const path = (isNew ? undefined : stored?.path) ?? (await manifestsOf({ git: command, gitDir: into, subject: name }));
  await write(path);
  return { name, source, path, isNew };
}

/** `deploy` where there is one, else the whole repository. */
async function manifestsOf(repo: Repo): Promise<string> {
  const { head, branches } = await readRefs(repo);
  const commit = branches[head];
  return commit !== undefined && (await readTree(repo, commit, 'deploy')).length > 0 ? 'deploy' : '';
}

function refuseOther(found: { source: string; stored: string | undefined; options: OwnRepositoryOptions }): void {
  const { source, stored, options } = found;
  const holdsShop = stored === undefined && existsSync(options.git.folder(demoRepository));
  if (!holdsShop && (stored === undefined || stored === source)) return;
  const what = holdsShop ? 'the demonstration shop' : `the repository ${stored}`;
  throw new TowpathError('REPOSITORY_OTHER', `the data folder ${options.data.path} holds ${what}, not ${source}`, {
    next: 'name another folder with --data',
  });
}

function trustNeeded(source: string): TowpathError {
  return new TowpathError(
    'TRUST_NEEDED',
    `the repository ${source} is from elsewhere: its pipeline and images would run as your user on this machine`,
    { next: 'read it, then pass --trust (asked once for a data folder)' },
  );
}

function shown(from: CopySource): string {
  return from.kind === 'folder' ? from.folder : safeUrl(from.url);
}

/** A repository name of the Git server that is also an object name. */
export function nameOf(source: string): string {
  const last = basename(
    source
      .split('\\')
      .join('/')
      .replace(/[/:]+$/, '')
      .replaceAll(':', '/'),
  );
  const name = last
    .replace(/\.git$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/([.-])[.-]+/g, '$1')
    .slice(0, 50)
    .replace(/^[.-]+|[.-]+$/g, '')
    .replace(/\.(git|lock)$/, '');
  return name === '' ? 'repository' : name;
}

interface Stored {
  readonly from: CopySource;
  readonly source: string;
  readonly isTrusted: boolean;
  readonly path: string | undefined;
}

async function readRecord(file: string): Promise<Stored | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && typeof parsed['source'] === 'string') {
      const { source, trusted, path } = parsed;
      const from: CopySource =
        parsed['kind'] === 'url' ? { kind: 'url', url: source } : { kind: 'folder', folder: source };
      return { from, source, isTrusted: trusted === true, path: typeof path === 'string' ? path : undefined };
    }
  } catch {
    // Falls through: the file is unreadable.
  }
  throw new TowpathError('DATA_UNUSABLE', `${file} cannot be read`, {
    next: 'correct it, or name another folder with --data',
  });
}
