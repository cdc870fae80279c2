/** `npm run conformance -- cluster [SUITE] [ARGUMENT…]`: the embedded cluster under real clients and recordings. */

import { controllerRuntime } from './controller-runtime/suite.ts';
import { controllers } from './controllers/suite.ts';
import { durability } from './durability/suite.ts';
import { e2e } from './e2e/suite.ts';
import { helm } from './helm/suite.ts';
import { kubectlSkew } from './kubectl-skew/suite.ts';
import { node } from './node/suite.ts';
import { recorded } from './recorded/suite.ts';
import type { Suite } from './suite.ts';

const suites: readonly Suite[] = [recorded, controllerRuntime, kubectlSkew, node, helm, controllers, e2e, durability];

/** Runs the suite named first, or all one after another; the exit code is the worst of theirs. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const [name, ...rest] = args;
  const chosen = name === undefined ? suites : suites.filter((suite) => suite.name === name);
  if (chosen.length === 0) {
    print('usage: npm run conformance -- cluster [SUITE] [ARGUMENT…]');
    for (const suite of suites) print(`  ${suite.name.padEnd(20)} ${suite.summary}`);
    return 2;
  }
  let worst = 0;
  for (const suite of chosen) {
    print(`── ${suite.name}`);
    worst = Math.max(worst, await suite.run(rest, print));
  }
  return worst;
}
