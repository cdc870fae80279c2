/** `npm run conformance -- cluster [SUITE] [ARGUMENT…]`: the embedded cluster under real clients and recordings. */

import { messageOf, systemClock } from '@towpath/kit';
import { controllerRuntime } from './controller-runtime/suite.ts';
import { controllers } from './controllers/suite.ts';
import { durability } from './durability/suite.ts';
import { e2e } from './e2e/suite.ts';
import { helm } from './helm/suite.ts';
import { kubectlOutput } from './kubectl-output/suite.ts';
import { kubectlSkew } from './kubectl-skew/suite.ts';
import { node } from './node/suite.ts';
import { scheduler } from './scheduler/suite.ts';
import { recorded } from './recorded/suite.ts';
import type { Suite, SuiteResult } from './suite.ts';

const suites: readonly Suite[] = [
  recorded,
  kubectlOutput,
  controllerRuntime,
  kubectlSkew,
  node,
  scheduler,
  helm,
  controllers,
  e2e,
  durability,
];

type Print = (line: string) => void;

/** Runs the suite named first, or all one after another with a table at the end; the exit code is the worst of theirs. */
export async function main(args: readonly string[], print: Print): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name.startsWith('--')) return runAll(args, print);
  const chosen = suites.find((suite) => suite.name === name);
  if (chosen !== undefined) return (await chosen.run(rest, print)).code;
  print('usage: npm run conformance -- cluster [SUITE] [ARGUMENT…]');
  for (const suite of suites) print(`  ${suite.name.padEnd(20)} ${suite.summary}`);
  return 2;
}

interface Row extends SuiteResult {
  readonly name: string;
  readonly seconds: number;
}

async function runAll(args: readonly string[], print: Print): Promise<number> {
  const unknown = args.find((arg) => arg.startsWith('--') && !suites.some(({ takes }) => takes?.includes(arg)));
  if (unknown !== undefined) {
    print(`${unknown} is not for all suites: name the suite it is for`);
    return 2;
  }
  const rows: Row[] = [];
  for (const suite of suites) {
    print(`── ${suite.name}`);
    const startedAtMs = systemClock.monotonicMs();
    const result = await runOne(suite, args, print);
    rows.push({ name: suite.name, ...result, seconds: (systemClock.monotonicMs() - startedAtMs) / 1000 });
  }
  printTable(rows, print);
  return Math.max(...rows.map(({ code }) => code));
}

/** A suite that breaks fails; the others still run. */
async function runOne(suite: Suite, args: readonly string[], print: Print): Promise<SuiteResult> {
  try {
    return await suite.run(flagsFor(suite, args), print);
  } catch (error) {
    print(`${suite.name} broke off: ${messageOf(error)}`);
    return { passed: 0, failed: 1, skipped: 0, code: 1 };
  }
}

/** The flags a suite takes, with their values. */
function flagsFor({ takes = [] }: Suite, args: readonly string[]): string[] {
  return args.filter((arg, index) => takes.includes(arg.startsWith('--') ? arg : (args[index - 1] ?? '')));
}

function printTable(rows: readonly Row[], print: Print): void {
  const widths = [20, 8, 8, 9, 9] as const;
  const line = (cells: readonly string[]): string =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[at] ?? 0))).join('');
  print('');
  print(`${line(['suite', 'passed', 'failed', 'skipped', 'seconds'])}  result`);
  for (const { name, passed, failed, skipped, seconds, code } of rows) {
    const cells = [name, String(passed), String(failed), String(skipped), seconds.toFixed(0)];
    print(`${line(cells)}  ${code === 0 ? 'passed' : failed === 0 ? 'incomplete' : 'FAILED'}`);
  }
}
