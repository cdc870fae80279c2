/** The client and cache suites of controller-runtime, compiled from its Go module, against our server without controllers. */

import { join } from 'node:path';
import { clientSuite, type SuiteContext, type Tally } from '../client-suite.ts';
import { findGoProgram, goModuleFolder, type GoProgram } from '../go-program.ts';
import { tallyReport } from '../ginkgo.ts';
import { startOwnServer } from '../own-server.ts';
import { runProgram } from '../run-program.ts';
import type { Suite } from '../suite.ts';

const module = 'sigs.k8s.io/controller-runtime';
const version = 'v0.25.2';
/** The specs each suite has at this version; fewer in a report mean that it broke off. */
const suites = [
  { name: 'client', specs: 311 },
  { name: 'cache', specs: 276 },
];
/** Of each suite. */
const leastRatio = 0.9;
const timeoutMs = 15 * 60_000;

/** Passes with nine tenths of each suite. */
export const controllerRuntime: Suite = clientSuite({
  name: 'controller-runtime',
  summary: 'the client and cache suites of controller-runtime',
  isEnough: ({ passed }) =>
    suites.every(
      ({ name, specs }) => passed.filter((spec) => spec.startsWith(`${name}: `)).length >= specs * leastRatio,
    ),
  async run(tally, context) {
    for (const { name, specs } of suites) {
      const before = tally.passed.length;
      const failedBefore = tally.failed.length;
      await runSuite(name, tally, context);
      const passed = tally.passed.length - before;
      const count = passed + tally.failed.length - failedBefore;
      if (context.only === undefined && count > 0 && count < specs)
        tally.fail(`${name} suite`, `only ${count} of ${specs} specs ran`);
      context.print(`  ${name}: ${passed} of ${specs} specs passed`);
    }
  },
});

async function runSuite(name: string, tally: Tally, context: SuiteContext): Promise<void> {
  const program: GoProgram = {
    name: `controller-runtime-${name}.test`,
    module,
    version,
    package: `${module}/pkg/${name}`,
    isTest: true,
  };
  const found = await findGoProgram(program, context);
  const source = await goModuleFolder(module, version);
  if ('missing' in found || source === undefined) {
    tally.skip(`${name} suite`, 'missing' in found ? found.missing : `go cannot download ${module} ${version}`);
    return;
  }
  // A fresh server for each: they count objects.
  const server = await startOwnServer();
  try {
    const report = join(server.folder, 'report.json');
    const focus = context.only === undefined ? [] : [`--ginkgo.focus=${context.only}`];
    const answer = await runProgram(found.path, ['--ginkgo.no-color', `--ginkgo.json-report=${report}`, ...focus], {
      cwd: join(source, 'pkg', name),
      env: { USE_EXISTING_CLUSTER: 'true', KUBECONFIG: server.kubeconfig },
      timeoutMs,
    });
    if (context.isVerbose) context.print(answer.stdout);
    await tallyReport({ file: report, tally, prefix: `${name}: ` }).catch(() =>
      tally.fail(`${name} suite`, answer.stderr.trim().slice(-400) || `no report, exit code ${String(answer.code)}`),
    );
  } finally {
    await server.dispose();
  }
}
