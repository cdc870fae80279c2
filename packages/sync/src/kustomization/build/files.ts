/** The files of an artifact as the build sees them: path → bytes, nothing outside. */

import { posix } from 'node:path';
import { TowpathError } from '@towpath/kit';

/** Paths are relative to the root, without a leading slash or dot. */
export type FileSet = ReadonlyMap<string, Uint8Array>;

/** `path` seen from `folder`; '' is the root. Throws `KUSTOMIZE_INVALID` for what leads out of the root. */
export function childPath(folder: string, path: string): string {
  const joined = posix.isAbsolute(path) ? posix.normalize(path).slice(1) : posix.normalize(posix.join(folder, path));
  if (joined === '..' || joined.startsWith('../')) {
    throw new TowpathError('KUSTOMIZE_INVALID', `${path} in ${folder === '' ? '.' : folder} leads out of the source`);
  }
  const trimmed = joined.replace(/\/$/, '');
  return trimmed === '.' ? '' : trimmed;
}

/** The bytes of a file that a kustomization names. Throws `KUSTOMIZE_INVALID`. */
export function readFileAt(files: FileSet, at: { folder: string; path: string; from: string }): Uint8Array {
  const full = childPath(at.folder, at.path);
  const bytes = files.get(full);
  if (bytes !== undefined) return bytes;
  throw new TowpathError('KUSTOMIZE_INVALID', `${at.from}: ${at.path}: no such file`, {
    next: 'correct the path, or add the file',
  });
}
