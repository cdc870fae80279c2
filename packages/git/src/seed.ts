/** Makes a repository from a folder, edited by a written list: the same folder and list give the same commit. */

import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, TowpathError } from '@towpath/kit';
import { writeCommit, type FileEdit } from './commit.ts';
import { gitError } from './errors.ts';
import type { Git } from './exec.ts';
import { checkPath, readRefs } from './objects.ts';
import { initBare } from './server/server.ts';

/** What to leave out or change. Every entry must apply: a list that no longer fits the folder is an error. */
export interface SeedEdits {
  readonly branch?: string;
  readonly message?: string;
  /** Files, or folders ending in `/`. */
  readonly remove?: readonly string[];
  readonly replace?: readonly { readonly path: string; readonly from: string; readonly to: string }[];
}

export interface SeedOptions {
  readonly git: Git;
  /** The folder; `node_modules`, `dist` and `.git` folders in it are left out. */
  readonly from: string;
  /** The bare repository; an empty one is made anew. */
  readonly into: string;
  readonly edits?: SeedEdits;
  /** Files of the folder that never go into the repository, such as the list itself. */
  readonly omit?: readonly string[];
}

const skippedFolders = new Set(['node_modules', 'dist', '.git']);
/** 2026-01-01T00:00:00Z: a fixed time makes the commit id the same everywhere. */
const seededAtMs = Date.UTC(2026, 0, 1);
const author = { name: 'Towpath', email: 'towpath@localhost', atMs: seededAtMs } as const;

/** Returns the commit's id; a branch that exists already is left alone and its commit returned. Throws `GIT_SEED_INVALID`. */
export async function seedRepository(options: SeedOptions): Promise<string> {
  const { git, into } = options;
  const branch = options.edits?.branch ?? 'master';
  if (existsSync(join(into, 'HEAD'))) {
    const { branches, tags } = await readRefs({ git, gitDir: into, subject: into });
    if (branches[branch] !== undefined) return branches[branch];
    if (Object.keys(branches).length + Object.keys(tags).length > 0) {
      throw seedInvalid(`the repository ${into} exists and has no branch ${branch}`);
    }
  }
  const files = applyEdits(await readFolder(options.from), options.edits ?? {}, options.omit ?? []);
  // Filled beside its place and renamed: whoever finds the repository finds its commit.
  const fresh = `${into.replace(/\.git$/, '')}.seed.git`;
  await rm(fresh, { recursive: true, force: true });
  const repo = await initBare(git, fresh, into);
  const message = options.edits?.message ?? 'Initial commit';
  const commit = await writeCommit(repo, { edits: files, author, message });
  await git.run({ args: ['symbolic-ref', 'HEAD', `refs/heads/${branch}`], gitDir: fresh, subject: into });
  await git.run({ args: ['update-ref', `refs/heads/${branch}`, commit], gitDir: fresh, subject: into });
  await rm(into, { recursive: true, force: true });
  await rename(fresh, into);
  return commit;
}

type Files = Map<string, FileEdit & { readonly content: Buffer }>;

async function readFolder(root: string): Promise<Files> {
  const files: Files = new Map();
  const visit = async (folder: string, prefix: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      const name = `${prefix}${entry.name}`;
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) await visit(path, `${name}/`);
      if (!entry.isFile()) continue;
      const executable = ((await stat(path)).mode & 0o111) !== 0;
      files.set(name, { content: await readFile(path), executable });
    }
  };
  await visit(root, '');
  return files;
}

function applyEdits(files: Files, edits: SeedEdits, omit: readonly string[]): Files {
  for (const name of omit) files.delete(name);
  for (const entry of edits.remove ?? []) {
    const names = [...files.keys()].filter((name) => name === entry || (entry.endsWith('/') && name.startsWith(entry)));
    if (names.length === 0) throw seedInvalid(`remove: ${entry} is not in the folder`);
    for (const name of names) files.delete(name);
  }
  for (const { path, from, to } of edits.replace ?? []) {
    const file = files.get(checkPath(path));
    const text = file?.content.toString('utf8');
    if (file === undefined || text === undefined || !text.includes(from)) {
      throw seedInvalid(`replace: ${path} does not contain ${JSON.stringify(from)}`);
    }
    files.set(path, { ...file, content: Buffer.from(text.replaceAll(from, to)) });
  }
  return files;
}

/** Parses the list's JSON. Throws `GIT_SEED_INVALID` naming the member. */
export function parseSeedEdits(text: string, file: string): SeedEdits {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw gitError('GIT_SEED_INVALID', `${file} is no JSON`, { next: 'correct the file', cause });
  }
  if (!isRecord(value)) throw seedInvalid(`${file} is no JSON object`);
  const known = new Set(['$comment', 'branch', 'message', 'remove', 'replace']);
  const unknown = Object.keys(value).find((name) => !known.has(name));
  if (unknown !== undefined) throw seedInvalid(`${file} has an unknown member ${unknown}`);
  const { branch, message, remove, replace } = value;
  return {
    ...(typeof branch === 'string' && { branch }),
    ...(typeof message === 'string' && { message }),
    remove: listOf(remove, `${file}: remove`, (entry) => (typeof entry === 'string' ? entry : undefined)),
    replace: listOf(replace, `${file}: replace`, (entry) => {
      if (!isRecord(entry)) return undefined;
      const { path, from, to } = entry;
      if (typeof path !== 'string' || typeof from !== 'string' || typeof to !== 'string') return undefined;
      return { path, from, to };
    }),
  };
}

function listOf<Item>(value: unknown, where: string, read: (entry: unknown) => Item | undefined): Item[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw seedInvalid(`${where} is no list`);
  return value.map((entry, index) => {
    const item = read(entry);
    if (item === undefined) throw seedInvalid(`${where}[${index}] has the wrong form`);
    return item;
  });
}

function seedInvalid(message: string): TowpathError {
  return gitError('GIT_SEED_INVALID', message, { next: 'correct the list' });
}
