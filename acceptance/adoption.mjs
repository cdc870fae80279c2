/**
 * `npm run conformance -- adoption`: what users of Flux, Helm and Flagger do, on the embedded cluster and on a real one.
 *
 *   --cluster embedded|real   only there; default: both
 *   --kubeconfig FILE         the real cluster; without it kube-apiserver 1.34 with etcd, controller-manager and scheduler
 *                             are built with Go once and started
 *   --only PART               leader, shards, beside, flux2, walk
 *   --from DIR                a folder with checkouts of the example repositories of flux2
 *   --tools DIR               where programs that are built are kept
 *   --keep                    keeps the working folders
 *
 * Prints a line per row, then `N passed, N failed, N skipped`. Skipped is not passed: the exit code is 1 then, too.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { besideMissing, besideRows } from './adoption/beside.mjs';
import { leaderRows } from './adoption/leader.mjs';
import { startRealCluster } from './adoption/real-cluster.mjs';
import { shardRows } from './adoption/shards.mjs';
import { flux2Part, walkPart } from './adoption/walk-part.mjs';
import { findProgram, Walk } from './walk.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const startLimitMs = 120_000;
/** Rows on one running Towpath; the walk starts its own. */
const parts = {
  leader: { rows: leaderRows },
  shards: { rows: shardRows },
  beside: { rows: besideRows, missing: besideMissing },
};
/** Programs of their own. */
const programs = { flux2: flux2Part, walk: walkPart };
const known = [...Object.keys(programs), ...Object.keys(parts)];

const { values: options } = parseArgs({
  options: {
    cluster: { type: 'string' },
    kubeconfig: { type: 'string' },
    only: { type: 'string' },
    from: { type: 'string' },
    tools: { type: 'string' },
    keep: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
  },
});
if (options.only !== undefined && !known.includes(options.only)) {
  console.error(`no part ${options.only}: choose from ${known.join(', ')}`);
  process.exit(2);
}
const missing = ['git', 'kubectl'].filter((program) => findProgram(program) === undefined);
if (missing.length > 0) {
  console.log(`this campaign needs ${missing.join(' and ')}, not found on PATH: install and run again`);
  process.exit(1);
}

const count = { passed: 0, failed: 0, skipped: 0 };
for (const cluster of options.cluster === undefined ? ['embedded', 'real'] : [options.cluster]) {
  console.log(`── ${cluster}`);
  const real = cluster === 'real' ? await startRealCluster({ root, ...options }) : undefined;
  try {
    if (real?.missing === undefined) await runAll(cluster, real);
    else {
      count.skipped++;
      console.log(`skipped the real cluster: ${real.missing}`);
    }
  } finally {
    await real?.dispose?.();
  }
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed + count.skipped === 0 && count.passed > 0 ? 0 : 1);

async function runAll(cluster, real) {
  const { only, from, dist, kubeconfig } = options;
  if (programs[only] === undefined) await runOn(cluster, real);
  for (const [name, run] of Object.entries(programs)) {
    if (only !== undefined && only !== name) continue;
    // Each side of flux2 needs a cluster as it was made, unless there is only the one that was given.
    const told = run({ root, dist, from, cluster, kubeconfig: name === 'flux2' ? kubeconfig : real?.kubeconfig });
    for (const key of Object.keys(count)) count[key] += told[key];
  }
}

async function runOn(cluster, real) {
  const work = mkdtempSync(join(tmpdir(), `towpath-adoption-${cluster}-`));
  mkdirSync(join(work, 'home'), { recursive: true });
  const log = openSync(join(work, 'up.log'), 'a');
  const joined = real === undefined ? [] : ['--kubeconfig', real.kubeconfig];
  const args = [join(root, options.dist, 'towpath.js'), 'up', '--bare', '--data', join(work, 'data'), ...joined];
  const server = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
  const before = count.failed;
  try {
    const ready = await untilReady(server, work);
    const walk = new Walk({ root, dist: options.dist, work, ready });
    for (const [name, part] of Object.entries(parts)) {
      if (options.only === undefined || options.only === name) await runRows(walk, name, part);
    }
  } catch (error) {
    count.failed++;
    console.log(`FAILED  ${cluster}: ${error.message}\n${readFileSync(join(work, 'up.log'), 'utf8').slice(-3000)}`);
  } finally {
    await stop(server);
    if (options.keep || count.failed > before) console.log(`kept: ${work}`);
    else rmSync(work, { recursive: true, force: true });
  }
}

async function runRows(walk, name, { rows, missing }) {
  const lacking = missing?.();
  if (lacking !== undefined) {
    count.skipped += rows.length;
    console.log(`skipped ${name}: ${lacking}`);
    return;
  }
  try {
    for (const row of rows) await runRow(walk, row);
  } finally {
    for (const end of walk.ends.splice(0).toReversed()) await end();
  }
}

async function untilReady(server, work) {
  const file = join(work, 'data', 'ready.json');
  const until = Date.now() + startLimitMs;
  while (Date.now() < until && server.exitCode === null) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`towpath up ${server.exitCode === null ? 'is not ready' : `ended with ${server.exitCode}`}`);
}

async function runRow(walk, row) {
  const startedAt = Date.now();
  const seconds = () => `(${((Date.now() - startedAt) / 1000).toFixed(1)} s)`;
  try {
    await row.run(walk);
    count.passed++;
    console.log(`ok      ${row.id.padEnd(10)} ${row.title} ${seconds()}`);
  } catch (error) {
    count.failed++;
    console.log(
      `FAILED  ${row.id.padEnd(10)} ${row.title} ${seconds()}\n        ${error.message.replaceAll('\n', '\n        ')}`,
    );
  }
}

async function stop(server) {
  if (server.exitCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), 30_000);
  await gone;
  clearTimeout(timer);
}
