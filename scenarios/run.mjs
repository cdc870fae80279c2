/**
 * End-to-end stories in text against the real system: `towpath up` as a child process, real time, loopback.
 *
 *   npm run scenarios -- [--dist FOLDER] [--only TEXT] [--keep] [--list] [FILES…]
 *
 * Prints a line per scenario, then `N passed, N failed`. Exits 1 on any failure, 2 when a file has a step nobody knows.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePattern, parseScenarios, ScenarioSyntaxError } from './parse.mjs';
import { clusterSteps } from './steps/cluster.mjs';
import { deliverySteps } from './steps/delivery.mjs';
import { echoSteps } from './steps/echo.mjs';
import { gitSteps } from './steps/git.mjs';
import { systemSteps } from './steps/system.mjs';
import { StepFailure, World } from './world.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = fileURLToPath(new URL('.', import.meta.url));
const defaultLimitMs = 10_000;
const pollMs = 300;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dist: { type: 'string', default: 'dist' },
    only: { type: 'string', default: '' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const steps = [...systemSteps, ...gitSteps, ...clusterSteps, ...deliverySteps, ...echoSteps].map((step) => ({
  ...step,
  match: compilePattern(step.pattern),
}));

let passed = 0;
let failed = 0;
const plans = planFiles();
if (options.list) {
  for (const { file, scenarios } of plans) for (const { title } of scenarios) console.log(`${file}: ${title}`);
  process.exit(0);
}
for (const plan of plans) await runFile(plan);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** Every file is read and every step found before anything starts. */
function planFiles() {
  const all = readdirSync(folder)
    .filter((name) => name.endsWith('.scenario'))
    .sort();
  const files = positionals.length === 0 ? all.map((name) => join(folder, name)) : positionals;
  try {
    return files
      .map((path) => {
        const parsed = parseScenarios(readFileSync(path, 'utf8'), basename(path));
        const scenarios = parsed.scenarios.filter(({ title }) => title.includes(options.only));
        return {
          file: basename(path),
          setup: bind(parsed.setup),
          scenarios: scenarios.map((one) => ({ ...one, steps: bind(one.steps) })),
        };
      })
      .filter(({ scenarios }) => scenarios.length > 0);
  } catch (error) {
    if (!(error instanceof ScenarioSyntaxError) && error.code !== 'ENOENT') throw error;
    console.log(error.message);
    process.exit(2);
  }
}

/** Finds the step of each line; an unknown one is an error that names file and line. */
function bind(lines) {
  return lines.map((line) => {
    for (const step of steps) {
      const words = step.match(line.text);
      if (words !== undefined) return { ...line, step, words };
    }
    throw new ScenarioSyntaxError(`${line.where}: unknown step: ${line.text}`);
  });
}

async function runFile({ file, setup, scenarios }) {
  const work = mkdtempSync(join(tmpdir(), 'towpath-scenario-'));
  const world = new World({ root, dist: options.dist, work });
  const before = failed;
  const interrupt = () => void world.dispose().finally(() => process.exit(1));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupt);
  try {
    const broken = await runSteps(world, setup);
    for (const { title, steps: own, where } of scenarios) {
      const startedAtMs = Date.now();
      world.beginScenario();
      const failure = broken ?? (await runSteps(world, own));
      const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
      if (failure === undefined) passed++;
      else failed++;
      console.log(`${failure === undefined ? 'ok    ' : 'FAILED'}  ${file}: ${title} (${seconds} s)`);
      if (failure !== undefined)
        console.log(
          `        ${failure.where ?? where}: ${failure.line}\n        ${failure.message.replaceAll('\n', '\n        ')}`,
        );
    }
  } finally {
    await world.dispose();
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeListener(signal, interrupt);
    if (options.keep || failed > before) console.log(`kept: ${work}`);
    else rmSync(work, { recursive: true, force: true });
  }
}

/** Undefined when all steps pass, else where and why the first one failed. */
async function runSteps(world, list) {
  for (const line of list) {
    try {
      await runStep(world, line);
    } catch (error) {
      if (!(error instanceof StepFailure)) console.log(error.stack);
      return { where: line.where, line: line.line, message: error.message };
    }
  }
  return undefined;
}

/** An `expect` is tried until it holds or its time is over; with `for` it has to hold all that time. */
async function runStep(world, { step, words, body, limitMs, forMs }) {
  const times = { limitMs: limitMs ?? defaultLimitMs, forMs };
  if (!step.pattern.startsWith('expect') && !step.retry) return step.run(world, words, { body, ...times });
  await eventually(() => step.run(world, words, { body, ...times }), times.limitMs);
  const until = Date.now() + (forMs ?? 0);
  while (Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    await step.run(world, words, { body, ...times });
  }
}

async function eventually(attempt, limitMs) {
  const until = Date.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StepFailure) || Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
