/**
 * `npm run conformance -- init`: the samples of `towpath init`, each by the lines of examples/init/README.md, from `git init` to a
 * canary that is promoted and one that is rolled back; then what was written, given to the real helm and a real kube-apiserver.
 *
 *   --only SAMPLE    node-http, node-grpc, busybox-cgi
 *   --dist FOLDER    the built program; default: dist
 *   --keep           keeps the working folders
 *
 * Prints a line per row, then `N passed, N failed, N skipped`. Skipped is not passed: the exit code is 1 then, too.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from './init/bench.mjs';
import { haveBase } from './init/base-image.mjs';
import { realRows } from './init/real.mjs';
import { readSamples } from './init/samples.mjs';
import { findProgram } from './walk.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    dist: { type: 'string', default: 'dist' },
    keep: { type: 'boolean', default: false },
  },
});
const samples = readSamples(readFileSync(join(root, 'examples/init/README.md'), 'utf8'));
const chosen = samples.filter(({ folder }) => options.only === undefined || folder === options.only);
if (chosen.length === 0) {
  console.error(`no sample ${options.only}: choose from ${samples.map(({ folder }) => folder).join(', ')}`);
  process.exit(2);
}
const missing = ['git', 'bash'].filter((program) => findProgram(program) === undefined);
if (missing.length > 0) {
  console.log(`this campaign needs ${missing.join(' and ')}, not found on PATH: install and run again`);
  process.exit(1);
}

const count = { passed: 0, failed: 0, skipped: 0 };
for (const sample of chosen) await runSample(sample);
await runReal();
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed + count.skipped === 0 && count.passed > 0 ? 0 : 1);

async function runSample(sample) {
  console.log(`── ${sample.folder}`);
  const work = mkdtempSync(join(tmpdir(), 'towpath-init-'));
  const port = await freePort();
  const bench = new Bench({ root, dist: options.dist, sample, work, port });
  const before = count.failed;
  let dropBase;
  try {
    if (sample.folder === 'busybox-cgi') {
      const base = await haveBase(bench.walk);
      if (base.missing !== undefined) {
        count.skipped++;
        console.log(`skipped ${sample.folder}: ${base.missing}`);
        return;
      }
      dropBase = base.drop;
    }
    for (const [title, run] of rowsOf(bench)) if (!(await runRow(title, run))) break;
  } finally {
    await bench.stop();
    await dropBase?.();
    if (options.keep || count.failed > before) console.log(`kept: ${work}`);
    else rmSync(work, { recursive: true, force: true });
  }
}

async function runReal() {
  console.log('── what is written, on a real control plane');
  const { missing: reason, rows, end } = await realRows({ root, dist: options.dist, samples: chosen });
  if (reason !== undefined) {
    count.skipped++;
    console.log(`skipped the real control plane: ${reason}`);
    return;
  }
  try {
    for (const [title, run] of rows) await runRow(title, run);
  } finally {
    await end();
  }
}

function rowsOf(bench) {
  return [
    ['init and up as the README says: every pod is ready, the canary Initialized', () => bench.start()],
    ['a second init writes nothing', () => bench.again()],
    ['the load reaches the primary through the mesh, without an error', () => bench.loaded()],
    ['a commit is promoted', () => bench.promoted()],
    ['a bad commit is rolled back, the primary stays', () => bench.rolledBack()],
  ];
}

async function runRow(title, run) {
  const startedAt = Date.now();
  const seconds = () => `(${((Date.now() - startedAt) / 1000).toFixed(1)} s)`;
  try {
    await run();
    count.passed++;
    console.log(`ok      ${title} ${seconds()}`);
    return true;
  } catch (error) {
    count.failed++;
    console.log(`FAILED  ${title} ${seconds()}\n        ${String(error.message).replaceAll('\n', '\n        ')}`);
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
