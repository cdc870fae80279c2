/** Charts on disk: a folder, or a .tgz archive. */

import { readdirSync, readFileSync, realpathSync, statSync, type Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadChart, type Chart, type ChartFiles } from '@towpath/charts';
import { codeOf } from '@towpath/kit';
import { releaseError } from '../errors.ts';

const limits = { files: 20_000, depth: 32, fileBytes: 32 * 1024 * 1024 } as const;

/** Every file of a chart folder by chart-relative path, symbolic links followed. Throws `CHART_NOT_FOUND`. */
export async function readChartFolder(folder: string): Promise<ChartFiles> {
  const files = new Map<string, Uint8Array>();
  walk(folder, '', files, [realPathOf(folder)]);
  if (!files.has('Chart.yaml')) {
    throw releaseError('CHART_NOT_FOUND', `Chart.yaml file is missing: ${folder} is no chart`, {
      next: 'name the folder that holds Chart.yaml',
    });
  }
  return files;
}

/** In one go: a trip to the thread pool for each small file takes ten times as long as reading it. */
function walk(root: string, relative: string, files: Map<string, Uint8Array>, trail: readonly string[]): void {
  if (trail.length > limits.depth) throw tooLarge(root, `is nested deeper than ${limits.depth} folders`);
  for (const name of namesIn(root, relative)) {
    const path = relative === '' ? name : `${relative}/${name}`;
    const full = join(root, path);
    const about = statOf(full);
    if (about?.isDirectory() === true) {
      const real = realPathOf(full);
      // A link to a parent would never end.
      if (!trail.includes(real)) walk(root, path, files, [...trail, real]);
    } else if (about?.isFile() === true) {
      if (about.size > limits.fileBytes) throw tooLarge(full, `is larger than ${limits.fileBytes} bytes`);
      if (files.size >= limits.files) throw tooLarge(root, `has more than ${limits.files} files`);
      files.set(path, readFileSync(full));
    }
  }
}

function namesIn(root: string, relative: string): string[] {
  try {
    return readdirSync(join(root, relative)).toSorted();
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? notThere(root) : error;
  }
}

/** Undefined for a link that leads nowhere. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

/** Loads the chart at `path`, a folder or an archive. Throws `CHART_NOT_FOUND`, and what loading throws. */
export async function loadChartAt(path: string): Promise<Chart> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) throw notThere(path);
  return loadChart(about.isDirectory() ? await readChartFolder(path) : await readFile(path));
}

function notThere(path: string): Error {
  return releaseError('CHART_NOT_FOUND', `path "${path}" not found`, {
    next: 'name a chart folder, a .tgz file, REPO/CHART or an oci:// address',
  });
}

function tooLarge(path: string, why: string): Error {
  return releaseError('CHART_NOT_FOUND', `${path} ${why}`, { next: 'keep what is no chart out of the folder' });
}
