/** Parts that are programs of their own: rows 1 to 37 of the acceptance walk, and example repositories of Flux 2. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Rows 1 to 37 of the acceptance walk: from an empty repository to twelve releases. */
export function walkPart({ root, dist, kubeconfig }) {
  const joined = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  return runPart(join(root, 'acceptance/run.mjs'), ['--rows', '1-37', '--dist', dist, ...joined]);
}

/** The same repositories under the real controllers of Flux and under ours. */
export function flux2Part({ root, dist, from, cluster, kubeconfig }) {
  const joined = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  const args = ['--from', from ?? '', '--cluster', cluster, '--dist', dist, ...joined];
  return runPart(join(root, 'acceptance/flux2.mjs'), args);
}

/** Prints the rows of a part; its counts, or that it failed as a whole. */
function runPart(program, args) {
  const { stdout } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [, passed, failed, skipped = '0'] = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m.exec(stdout) ?? [];
  process.stdout.write(stdout.replace(/^\d+ passed, \d+ failed(?:, \d+ skipped)?\n/m, ''));
  if (passed === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}
