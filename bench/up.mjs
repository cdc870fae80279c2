/** Time and memory of `npm start`, cold and warm. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const limitMs = 240_000;
const settleMs = 30_000;

export async function benchUp() {
  const work = mkdtempSync(join(tmpdir(), 'towpath-bench-'));
  try {
    const clone = join(work, 'towpath');
    const cloned = spawnSync('git', ['clone', '-q', root, clone], { stdio: 'inherit' });
    if (cloned.status !== 0) throw new Error('git clone failed');
    const cold = await startOnce(clone, work, false);
    console.log(`cold start (fresh clone, npm ci included): ${cold.seconds.toFixed(1)} s to ready.json`);
    const warm = await startOnce(clone, work, true);
    console.log(`warm start (installed, images built):      ${warm.seconds.toFixed(1)} s to ready.json`);
    console.log(
      `memory ${settleMs / 1000} s after the warm start:        ${warm.pssMiB.toFixed(0)} MiB PSS in ${warm.processes} processes`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function startOnce(clone, work, measureMemory) {
  const data = join(work, 'data');
  const log = openSync(join(work, 'up.log'), 'a');
  rmSync(join(data, 'ready.json'), { force: true });
  const startedAt = performance.now();
  const child = spawn('npm', ['start', '--', '--data', data], {
    cwd: clone,
    stdio: ['ignore', log, log],
    detached: true,
  });
  try {
    await waitReady(join(data, 'ready.json'), child, join(work, 'up.log'));
    const seconds = (performance.now() - startedAt) / 1000;
    if (!measureMemory) return { seconds };
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    return { seconds, ...memoryOf(child.pid) };
  } finally {
    await stop(child);
  }
}

async function waitReady(file, child, log) {
  const until = Date.now() + limitMs;
  while (!existsSync(file)) {
    if (child.exitCode !== null || Date.now() > until) {
      throw new Error(`npm start did not get ready:\n${readFileSync(log, 'utf8').slice(-3000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** npm, the program and every process below it. */
function memoryOf(pid) {
  const parents = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended in between.
    }
  }
  const isBelow = (candidate) => {
    for (let current = candidate; current > 1; current = parents.get(current) ?? 0) if (current === pid) return true;
    return false;
  };
  const pids = [...parents.keys()].filter(isBelow);
  const pssKiB = pids.map((one) => {
    try {
      return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return { pssMiB: pssKiB.reduce((sum, value) => sum + value, 0) / 1024, processes: pids.length };
}

function stop(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null) {
      resolve();
      return;
    }
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 30_000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    process.kill(-child.pid, 'SIGTERM');
  });
}
