/** Runs `main(args, print)` of a TypeScript file: bundled with esbuild, imported, its result is the exit code. */

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [entry, ...args] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
// Below node_modules, so that packages left outside the bundle are found.
const folder = await mkdtemp(join(root, 'node_modules', '.run-ts-'));
try {
  const outfile = join(folder, 'main.mjs');
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
    sourcemap: 'inline',
    external: ['lmdb'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const { main } = await import(pathToFileURL(outfile).href);
  process.exitCode = await main(args, (line) => process.stdout.write(`${line}\n`));
} finally {
  await rm(folder, { recursive: true, force: true });
}
