/**
 * The acceptance walk: from an empty `towpath up --bare` to a promoted canary, row by row, with the real git and kubectl.
 *
 *   npm run acceptance -- [--rows 1-37] [--bail] [--keep] [--dist FOLDER] [--kubeconfig FILE]
 *
 * `--kubeconfig` names a cluster on this machine that is joined as nodes in place of the embedded one.
 *
 * Prints a line per row, then `N passed, N failed`. Exits 1 on any failure.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { canaryRows } from './rows/canary.mjs';
import { fluxRows } from './rows/flux.mjs';
import { meshRows } from './rows/mesh.mjs';
import { releaseRows } from './rows/release.mjs';
import { sourceRows } from './rows/source.mjs';
import { findProgram, Walk } from './walk.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const rows = [...sourceRows, ...fluxRows, ...releaseRows, ...meshRows, ...canaryRows];
const startLimitMs = 90_000;
const stopLimitMs = 30_000;

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1-60' },
    bail: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
    kubeconfig: { type: 'string' },
  },
});

const [first, last = first] = options.rows.split('-').map(Number);
const chosen = rows.filter((row) => Number.parseInt(row.id, 10) >= first && Number.parseInt(row.id, 10) <= last);

for (const program of ['git', 'kubectl', 'curl']) {
  if (findProgram(program) !== undefined) continue;
  console.log(`the walk needs ${program}, which is not on PATH: install it and run again`);
  console.log(`0 passed, ${chosen.length} failed`);
  process.exit(1);
}
console.log(
  findProgram('helm') === undefined
    ? 'helm: not on PATH, helm rows run with "towpath helm" alone'
    : 'helm: found, helm rows run with both',
);

const work = mkdtempSync(join(tmpdir(), 'towpath-walk-'));
for (const folder of ['home', 'helm']) mkdirSync(join(work, folder), { recursive: true });
const joined = options.kubeconfig === undefined ? [] : ['--kubeconfig', options.kubeconfig];
const server = spawn(
  process.execPath,
  [join(root, options.dist, 'towpath.js'), 'up', '--bare', '--data', join(work, 'data'), ...joined],
  {
    stdio: ['ignore', openSync(join(work, 'up.log'), 'a'), openSync(join(work, 'up.log'), 'a')],
  },
);
let passed = 0;
let failed = 0;
try {
  const ready = await waitReady();
  const walk = new Walk({ root, dist: options.dist, work, ready });
  for (const row of chosen) await runRow(walk, row);
} catch (error) {
  failed += chosen.length - passed - failed;
  console.log(`the walk could not go on: ${error.message}`);
  console.log(readFileSync(join(work, 'up.log'), 'utf8').slice(-4000));
} finally {
  await stop();
  if (options.keep || failed > 0) console.log(`kept: ${work}`);
  else rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed === chosen.length ? 0 : 1);

async function waitReady() {
  const file = join(work, 'data', 'ready.json');
  const until = Date.now() + startLimitMs;
  while (Date.now() < until && server.exitCode === null) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(
    server.exitCode === null
      ? `no ready.json after ${startLimitMs / 1000} s`
      : `towpath up ended with ${server.exitCode}`,
  );
}

async function runRow(walk, row) {
  if (options.bail && failed > 0) {
    failed++;
    return;
  }
  const startedAt = Date.now();
  const label = `row ${row.id.padEnd(4)} ${row.kind.padEnd(4)} ${row.title}`;
  try {
    await row.run(walk);
    passed++;
    console.log(`ok      ${label} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(
      `FAILED  ${label} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)\n        ${String(error.message).replaceAll('\n', '\n        ')}`,
    );
  }
}

async function stop() {
  if (server.exitCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), stopLimitMs);
  await ended;
  clearTimeout(timer);
}
