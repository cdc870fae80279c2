/** Rows 1 to 37 of the acceptance walk: from an empty repository to twelve releases. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Prints the rows of the walk; its counts, or that it failed as a whole. */
export function walkPart({ root, dist, kubeconfig }) {
  const joined = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  const args = [join(root, 'acceptance/run.mjs'), '--rows', '1-37', '--dist', dist, ...joined];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
  process.stdout.write(stdout.replace(/^\d+ passed, \d+ failed\n/m, ''));
  return passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) };
}
