/** Paths with slashes. Source: Go's path package; filepath is the same on Linux. */

import { row, type FunctionRow } from './row.ts';

/** path.Clean. */
export function cleanPath(path: string): string {
  const isRooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!isRooted) parts.push('..');
  }
  const joined = (isRooted ? '/' : '') + parts.join('/');
  return joined === '' ? '.' : joined;
}

/** path.Base. */
export function basePath(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** path.Dir. */
export function dirPath(path: string): string {
  return cleanPath(path.slice(0, path.lastIndexOf('/') + 1));
}

/** path.Ext. */
export function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}

const one = ['string'] as const;

export const paths: readonly FunctionRow[] = [
  ...(['base', 'osBase'] as const).map((name) =>
    row({
      name,
      args: one,
      returns: 'string',
      doc: 'The last element of a path.',
      example: [`{{ ${name} "a/b.c" }}`, 'b.c'],
      run: basePath,
    }),
  ),
  ...(['dir', 'osDir'] as const).map((name) =>
    row({
      name,
      args: one,
      returns: 'string',
      doc: 'The path without its last element.',
      example: [`{{ ${name} "a/b.c" }}`, 'a'],
      run: dirPath,
    }),
  ),
  ...(['clean', 'osClean'] as const).map((name) =>
    row({
      name,
      args: one,
      returns: 'string',
      doc: 'The shortest form of a path.',
      example: [`{{ ${name} "a/../b//c" }}`, 'b/c'],
      run: cleanPath,
    }),
  ),
  ...(['ext', 'osExt'] as const).map((name) =>
    row({
      name,
      args: one,
      returns: 'string',
      doc: 'The file name extension with its dot.',
      example: [`{{ ${name} "a/b.c" }}`, '.c'],
      run: extension,
    }),
  ),
  ...(['isAbs', 'osIsAbs'] as const).map((name) =>
    row({
      name,
      args: one,
      returns: 'bool',
      doc: 'Whether the path begins at the root.',
      example: [`{{ ${name} "/a" }}`, 'true'],
      run: (path) => path.startsWith('/'),
    }),
  ),
];
