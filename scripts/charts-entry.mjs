/** Makes the entry `towpath/charts`: the chart engine as one ES module for Node, one for browsers, and one file of types. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { rollTypes } from './roll-types.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/** Writes charts.mjs, charts.node.mjs and charts.d.mts into `dist`. Throws when the browser's file would need a module of Node. */
export async function buildChartsEntry(dist) {
  await Promise.all([bundleForNode(dist), bundleForBrowsers(dist), writeTypes(dist)]);
}

const common = {
  entryPoints: ['packages/charts/src/published.ts'],
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  logLevel: 'warning',
};

/** Readable, so that a stack trace needs no map. */
async function bundleForNode(dist) {
  await build({
    ...common,
    outfile: join(dist, 'charts.node.mjs'),
    platform: 'node',
    target: 'node20.19',
    legalComments: 'eof',
    // Bundled CommonJS packages still call require().
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

async function bundleForBrowsers(dist) {
  const { metafile } = await build({
    ...common,
    outfile: join(dist, 'charts.mjs'),
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'eof',
    // Modules of ours that nothing in the entry uses are dropped, and their imports with them.
    external: ['node:*'],
    metafile: true,
  });
  const needed = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  if (needed.length > 0) throw new Error(`charts.mjs must stand alone, but imports ${needed.join(', ')}`);
}

async function writeTypes(dist) {
  const folder = await mkdtemp(join(tmpdir(), 'towpath-types-'));
  try {
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    await run(tsc, ['-p', join(root, 'scripts', 'charts-types.json'), '--outDir', folder]).catch((error) => {
      throw new Error(`tsc: ${error.stdout || error.message}`);
    });
    const at = (name, file) => join(folder, 'packages', name, 'src', file);
    const types = rollTypes({
      entry: at('charts', 'published.d.ts'),
      packages: { '@towpath/kit': at('kit', 'index.d.ts') },
    });
    await writeFile(
      join(dist, 'charts.d.mts'),
      `/** The chart engine: see docs/reference/chart-engine.md. */\n\n${types}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildChartsEntry(join(root, process.argv[2] ?? 'dist'));
