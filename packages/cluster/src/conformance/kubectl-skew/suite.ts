/** Everyday commands with every kubectl of the machine, against a cluster with one node. */

import { clientSuite } from '../client-suite.ts';
import { startOwnServer } from '../own-server.ts';
import type { Suite } from '../suite.ts';
import { testImages } from '../test-images.ts';
import { runCommands } from './commands.ts';
import { findKubectls } from './find.ts';

export const kubectlSkew: Suite = clientSuite({
  name: 'kubectl-skew',
  summary: 'everyday commands with every kubectl from 1.29 of the machine',
  async run(tally, context) {
    const kubectls = await findKubectls([context.toolsFolder]);
    if (kubectls.length === 0) return tally.skip('kubectl', 'no kubectl from 1.29 on PATH or in the tools folder');
    context.print(`  ${kubectls.map(({ version, path }) => `${version} (${path})`).join('\n  ')}`);
    const server = await startOwnServer({ hasControllers: true, images: testImages });
    try {
      await runCommands(tally, kubectls, server);
    } finally {
      await server.dispose();
    }
  },
});
