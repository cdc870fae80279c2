/** Files of a volume, replaced all at once: a new folder and a link `..data` that is swapped. */

import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

/** One file of a projected volume. */
export interface VolumeFile {
  readonly data: Uint8Array;
  readonly mode: number;
}

/** Path inside the volume → file. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

const dataLink = '..data';

/**
 * Writes `files` into `target` and returns whether anything changed.
 * Readers see either all old or all new files. Source: Kubernetes pkg/volume/util/atomic_writer.go.
 */
export async function writeAtomically(target: string, files: VolumeFiles): Promise<boolean> {
  for (const path of files.keys()) checkPath(path);
  await mkdir(target, { recursive: true });
  const previous = await readlink(join(target, dataLink)).catch(() => undefined);
  if (previous !== undefined && (await isSame(join(target, previous), files))) return false;
  const folder = await mkdtemp(join(target, '..version.'));
  await chmod(folder, 0o755);
  for (const [path, file] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), file.data);
    await chmod(join(folder, path), file.mode);
  }
  const next = join(target, '..data_tmp');
  await rm(next, { force: true });
  await symlink(folder.slice(target.length + 1), next);
  await rename(next, join(target, dataLink));
  await link(target, files);
  if (previous !== undefined) await rm(join(target, previous), { recursive: true, force: true });
  return true;
}

/** Makes the visible links to `..data` and removes those that are no longer wanted. */
async function link(target: string, files: VolumeFiles): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split(sep)[0] ?? path));
  const present = new Set((await readdir(target)).filter((name) => !name.startsWith('..')));
  for (const name of present) if (!wanted.has(name)) await rm(join(target, name), { recursive: true, force: true });
  for (const name of wanted) if (!present.has(name)) await symlink(join(dataLink, name), join(target, name));
}

async function isSame(folder: string, files: VolumeFiles): Promise<boolean> {
  const present = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((entry) => entry.isFile()).length !== files.size) return false;
  for (const [path, file] of files) {
    const data = await readFile(join(folder, path)).catch(() => undefined);
    if (data === undefined || !data.equals(file.data)) return false;
  }
  return true;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts.includes('..') || parts[0]?.startsWith('..') === true) {
    throw new Error(`invalid path in a volume: must be relative and inside it: ${path}`);
  }
}
