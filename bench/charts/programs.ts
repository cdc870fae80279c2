/** Builds what the benchmark runs: Helm's engine and the launcher with Go, and the program. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Programs {
  /** Helm's engine in process. */
  readonly helmEngine: string;
  /** Starts programs and tells their time and memory. */
  readonly launcher: string;
  /** `towpath`, for node. */
  readonly towpath: string;
}

/** Builds into `folder`, and the program into a folder of the repository. Throws when Go is missing. */
export async function buildPrograms(root: string, folder: string): Promise<Programs> {
  const source = join(root, 'bench', 'helm');
  try {
    await run('go', ['version']);
  } catch (error) {
    throw new Error("go was not found: Helm's engine is built with it; install Go 1.24 or later and repeat", {
      cause: error,
    });
  }
  const helmEngine = join(folder, 'helm-engine');
  const launcher = join(folder, 'launcher');
  await run('go', ['build', '-o', helmEngine, '.'], { cwd: source });
  await run('go', ['build', '-o', launcher, './launch'], { cwd: source });
  const dist = 'dist-bench';
  await run(process.execPath, [join(root, 'scripts', 'build.mjs'), dist]);
  return { helmEngine, launcher, towpath: join(root, dist, 'towpath.js') };
}
