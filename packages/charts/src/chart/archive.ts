/** .tgz archives of charts: read with limits, written the same for the same files. */

import { gunzip, gzip } from '#platform';
import { extract, pack, type Extract } from 'tar-stream';
import { messageOf } from '@towpath/kit';
import { chartError } from '../errors.ts';
import { cleanPath } from '../functions/paths.ts';
import { concatBytes } from '../go/utf8.ts';
import type { LoadLimits } from '../limits.ts';
import type { ChartFiles } from './types.ts';

const byteOrderMark = [0xef, 0xbb, 0xbf];

/** True when the bytes are gzip. */
export function isGzip(data: Uint8Array): boolean {
  return data[0] === 0x1f && data[1] === 0x8b;
}

/**
 * The files of an archive without its top folder. Links, devices, and paths that leave the folder are refused;
 * `name` is the archive's, for errors. Throws `CHART_INVALID` or `CHART_TOO_LARGE`.
 */
export async function readArchive(data: Uint8Array, name: string, limits: LoadLimits): Promise<ChartFiles> {
  if (!isGzip(data)) {
    throw chartError('CHART_INVALID', `file ${name} does not appear to be a gzipped archive`, {
      next: 'name a .tgz of a chart',
    });
  }
  const files = new Map<string, Uint8Array>();
  const entries = extract();
  const feeding = feed(entries, gunzip(data));
  let total = 0;
  try {
    for await (const entry of entries) {
      const { name: path, type } = entry.header;
      if (type === 'directory') {
        entry.resume();
        continue;
      }
      if (type !== 'file' && type !== 'contiguous-file')
        throw invalid(name, `entry ${path} is a ${type}: only files are taken`);
      if (files.size >= limits.files) throw tooLarge(name, `it has more than ${limits.files} files`);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of entry as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        total += chunk.length;
        if (size > limits.fileBytes)
          throw tooLarge(
            name,
            `decompressed chart file "${path}" is larger than the maximum file size ${limits.fileBytes}`,
          );
        if (total > limits.chartBytes)
          throw tooLarge(name, `decompressed chart is larger than the maximum size ${limits.chartBytes}`);
        chunks.push(chunk);
      }
      files.set(innerPath(path, name), withoutMark(concatBytes(chunks)));
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('CHART_')) throw error;
    throw chartError('CHART_INVALID', `${name} cannot be read: ${messageOf(error)}`, { cause: error });
  } finally {
    entries.destroy();
    await feeding;
  }
  if (files.size === 0) throw invalid(name, 'no files in chart archive');
  return files;
}

/** Writes no faster than the entries are read, and stops when the reader has. */
async function feed(entries: Extract, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (entries.destroyed) return;
      if (entries.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          entries.off('drain', go).off('close', go);
          resolve();
        };
        entries.on('drain', go).on('close', go);
      });
    }
    entries.end(undefined);
  } catch (error) {
    entries.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Drops the top folder. Source: helm 3 pkg/chart/loader/archive.go. */
function innerPath(path: string, archive: string): string {
  const plain = path.replaceAll('\\', '/');
  const slash = plain.indexOf('/');
  const inner = slash < 0 ? '' : plain.slice(slash + 1);
  if (inner === '') throw invalid(archive, `chart illegally contains content outside the base directory: ${path}`);
  if (plain.startsWith('/') || /^[a-zA-Z]:\//.test(inner) || inner.startsWith('/')) {
    throw invalid(archive, `chart illegally contains absolute paths: ${path}`);
  }
  const clean = cleanPath(inner);
  if (clean === '.' || clean === '..' || clean.startsWith('../')) {
    throw invalid(archive, `chart illegally references parent directory: ${path}`);
  }
  if (clean === 'Chart.yaml' && plain.split('/')[0] === '..')
    throw invalid(archive, `chart illegally references parent directory: ${path}`);
  return clean;
}

/** A UTF-8 byte order mark at the start of a file is no part of it. */
export function withoutMark(data: Uint8Array): Uint8Array {
  return byteOrderMark.every((byte, index) => data[index] === byte) ? data.subarray(byteOrderMark.length) : data;
}

/** Sorted entries, fixed time and owner: the same files give the same bytes. */
export async function writeArchive(folder: string, files: ChartFiles): Promise<Uint8Array> {
  const archive = pack();
  const names = [...files.keys()].toSorted((left, right) => order(left) - order(right) || (left < right ? -1 : 1));
  for (const name of names) {
    // The types ask for a Buffer; any Uint8Array is taken.
    const data = (files.get(name) ?? new Uint8Array()) as Buffer;
    archive.entry({ name: `${folder}/${name}`, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 }, data);
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return gzip(concatBytes(chunks));
}

/** Chart.yaml comes first, so that its reader need not go through the rest. */
function order(name: string): number {
  return ['Chart.yaml', 'Chart.lock', 'values.yaml', 'values.schema.json'].indexOf(name) + 1 || 100;
}

function invalid(archive: string, why: string): Error {
  return chartError('CHART_INVALID', `${archive}: ${why}`, { next: 'get the archive again from a source you trust' });
}

function tooLarge(archive: string, why: string): Error {
  return chartError('CHART_TOO_LARGE', `${archive}: ${why}`, { next: 'keep what is no chart out of it' });
}
