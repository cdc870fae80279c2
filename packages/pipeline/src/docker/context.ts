/** The build context: which files a COPY takes, after .dockerignore, never from outside the folder. */

import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { codeOf } from '@towpath/kit';
import type { LayerEntry } from '@towpath/registry';
import { compileGlob } from '../config/glob.ts';
import { pipelineError } from '../errors.ts';

export interface BuildContext {
  readonly dir: string;
  readonly isIgnored: (path: string) => boolean;
}

export interface CopyRequest {
  readonly sources: readonly string[];
  /** Absolute path in the image. */
  readonly target: string;
  /** The target is a folder: it ends with a slash, or is known to be one. */
  readonly targetIsFolder: boolean;
  readonly mode: number | undefined;
  /** FILE:LINE */
  readonly where: string;
}

const maxFiles = 100_000;

/** Opens a folder as context and reads its .dockerignore. Throws `DOCKER_CONTEXT`. */
export async function openContext(dir: string): Promise<BuildContext> {
  const kind = await kindOf(dir);
  if (kind !== 'directory') {
    throw pipelineError('DOCKER_CONTEXT', `the build context ${dir} is no folder`, { next: 'name an existing folder' });
  }
  const text = await readFile(join(dir, '.dockerignore'), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  return { dir, isIgnored: compileDockerignore(text) };
}

/** The last rule that matches a path or a folder above it decides. Source: Dockerfile reference, ".dockerignore file". */
export function compileDockerignore(text: string): (path: string) => boolean {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const negated = line.startsWith('!');
      const pattern = posix.normalize((negated ? line.slice(1) : line).trim()).replace(/^\/+|\/+$/g, '');
      return { negated, matches: compileGlob(pattern) };
    });
  return (path) => {
    const parts = path.split('/');
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    let ignored = false;
    for (const rule of rules) if (prefixes.some(rule.matches)) ignored = !rule.negated;
    return ignored;
  };
}

/**
 * The entries of one COPY. A folder's content is copied, not the folder; modes become 755 or 644, so that the result
 * does not depend on who cloned. Throws `DOCKER_CONTEXT`.
 */
export async function collectCopy(context: BuildContext, request: CopyRequest): Promise<LayerEntry[]> {
  const { where } = request;
  const sources = (await Promise.all(request.sources.map((source) => matchSource(context, source, where)))).flat();
  if (sources.length > 1 && !request.targetIsFolder) {
    throw failed(where, 'several sources need a target that ends with a slash');
  }
  const entries = new Map<string, LayerEntry>();
  for (const source of sources) {
    const kind = await kindOf(join(context.dir, source));
    const target = inImage(request.target);
    if (kind === 'directory') await addFolder({ context, source, target, request, entries });
    else {
      const path = request.targetIsFolder ? posix.join(target, posix.basename(source)) : target;
      await addFile({ context, source, target: path, request, entries });
    }
    if (entries.size > maxFiles) throw failed(where, `more than ${maxFiles} files`);
  }
  return [...entries.values()];
}

/** Relative paths a source stands for; wildcards match within one folder each. */
async function matchSource(context: BuildContext, source: string, where: string): Promise<string[]> {
  if (/^[a-z]+:\/\//i.test(source)) throw failed(where, `${source} is not in the build context`);
  const normal = posix.normalize(source).replace(/^\/+|\/+$/g, '');
  if (normal === '..' || normal.startsWith('../')) throw failed(where, `${source} is outside the build context`);
  if (!/[*?[]/.test(normal)) {
    const path = normal === '' ? '.' : normal;
    await refuseLinkedFolders(context, path, where);
    if (path !== '.' && (context.isIgnored(path) || (await kindOf(join(context.dir, path))) === undefined)) {
      throw failed(where, `file not found in build context or excluded by .dockerignore: ${path}`);
    }
    return [path];
  }
  const matches = compileGlob(normal);
  const found: string[] = [];
  const depth = normal.split('/').length;
  const visit = async (folder: string, level: number): Promise<void> => {
    for (const name of (await readdir(join(context.dir, folder))).toSorted()) {
      const path = posix.join(folder, name);
      if (context.isIgnored(path)) continue;
      if (level === depth && matches(path)) found.push(path);
      if (level < depth && (await kindOf(join(context.dir, path))) === 'directory') await visit(path, level + 1);
    }
  };
  await visit('.', 1);
  if (found.length === 0) throw failed(where, `no file of the build context matches ${source}`);
  return found;
}

/** A link in the middle of a source path could lead out of the context. */
async function refuseLinkedFolders(context: BuildContext, path: string, where: string): Promise<void> {
  const parts = path.split('/');
  for (let length = 1; length < parts.length; length++) {
    const folder = parts.slice(0, length).join('/');
    if ((await kindOf(join(context.dir, folder))) === 'symlink') {
      throw failed(where, `${folder} is a symbolic link, which is not followed`);
    }
  }
}

interface Addition {
  readonly context: BuildContext;
  readonly source: string;
  readonly target: string;
  readonly request: CopyRequest;
  readonly entries: Map<string, LayerEntry>;
}

async function addFolder(addition: Addition): Promise<void> {
  const { context, source, target, request, entries } = addition;
  if (target !== '') entries.set(target, { type: 'directory', path: target });
  for (const name of (await readdir(join(context.dir, source))).toSorted()) {
    const path = posix.join(source, name);
    if (context.isIgnored(path) && (await kindOf(join(context.dir, path))) !== 'directory') continue;
    const inner = { context, source: path, target: posix.join(target, name), request, entries };
    if ((await kindOf(join(context.dir, path))) === 'directory') {
      // A folder that is ignored may still hold files that a later rule takes back in.
      const before = entries.size;
      await addFolder(inner);
      if (context.isIgnored(path) && entries.size === before + 1) entries.delete(inner.target);
    } else await addFile(inner);
  }
}

async function addFile({ context, source, target, request, entries }: Addition): Promise<void> {
  const file = join(context.dir, source);
  const info = await lstat(file);
  if (info.isSymbolicLink()) {
    entries.set(target, { type: 'symlink', path: target, target: await readlink(file) });
    return;
  }
  if (!info.isFile()) throw failed(request.where, `${source} is no file, folder or link`);
  const mode = request.mode ?? ((info.mode & 0o111) === 0 ? 0o644 : 0o755);
  entries.set(target, { type: 'file', path: target, mode, source: file, sizeBytes: info.size });
}

async function kindOf(path: string): Promise<'directory' | 'symlink' | 'file' | undefined> {
  try {
    const info = await lstat(path);
    if (info.isSymbolicLink()) return 'symlink';
    return info.isDirectory() ? 'directory' : 'file';
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** A path of the image without leading slash. */
function inImage(path: string): string {
  return posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');
}

function failed(where: string, because: string): Error {
  return pipelineError('DOCKER_CONTEXT', `${where}: COPY failed: ${because}`, {
    next: 'correct the Dockerfile or the folder',
  });
}
