/** Finds the kubectl programs of a machine, one per version. */

import { access, constants, readdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { environmentValue } from '../environment.ts';
import { runProgram } from '../run-program.ts';

export interface Kubectl {
  readonly path: string;
  /** As it says itself, `v1.33.1`. */
  readonly version: string;
  readonly minor: number;
}

/** Earlier ones need /openapi/v2. */
const oldestMinor = 29;

/** Every kubectl from 1.29 in the folders of PATH, beside those (packages put several versions there), and in `folders`. */
export async function findKubectls(folders: readonly string[]): Promise<readonly Kubectl[]> {
  const found = new Map<string, Kubectl>();
  for (const path of await candidates(folders)) {
    const { code, stdout } = await runProgram(path, ['version', '--client', '-o', 'json']);
    const version = /"gitVersion": *"(v[^"]+)"/.exec(stdout)?.[1];
    const minor = Number(/^v1\.(\d+)/.exec(version ?? '')?.[1] ?? Number.NaN);
    // A dispatcher only starts one of the others.
    if (code !== 0 || version === undefined || version.includes('dispatcher')) continue;
    if (!(minor >= oldestMinor) || found.has(version)) continue;
    found.set(version, { path, version, minor });
  }
  return [...found.values()].toSorted((a, b) => a.minor - b.minor);
}

async function candidates(folders: readonly string[]): Promise<readonly string[]> {
  const search = new Set([...(environmentValue('PATH') ?? '').split(delimiter), '/usr/local/bin', ...folders]);
  const real = join(homedir(), '.cache', 'towpath', 'real-kubernetes');
  for (const version of await names(real)) search.add(join(real, version));
  const paths = new Set<string>();
  // The set grows while it is walked: a link leads to a folder with more versions.
  for (const folder of search) {
    for (const name of await names(folder)) {
      if (!/^kubectl([.-]v?\d[\d.]*)?$/.test(name)) continue;
      const path = await realpath(join(folder, name)).catch(() => undefined);
      if (path === undefined || !(await isExecutable(path))) continue;
      paths.add(path);
      search.add(dirname(path));
    }
  }
  // Named versions first: a bare `kubectl` may only dispatch to one of them.
  return [...paths].toSorted((a, b) => Number(a.endsWith('kubectl')) - Number(b.endsWith('kubectl')));
}

function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
