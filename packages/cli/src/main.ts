/** The whole program, every command in it. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandTable } from './command-table.ts';
import { runProgram } from './program.ts';

await runProgram({
  args: process.argv.slice(2),
  table: commandTable,
  env: process.env,
  cwd: process.cwd(),
  // The file that starts this one; see launch.ts.
  program: join(fileURLToPath(import.meta.url), '..', 'towpath.js'),
  connect: async (options) => (await import('./connect.ts')).connect(options),
});
