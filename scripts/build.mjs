/** Makes dist/: the program, the parts it starts as files of their own, and the dashboard's page. */

import { existsSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildQuick } from './build-quick.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** `node scripts/build.mjs [FOLDER]`: below the repository, so that native packages are found. */
const dist = join(root, process.argv[2] ?? 'dist');

/** Bundled CommonJS packages still call require(). */
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

/** Packages with native parts or data files stay outside the bundle. */
const external = ['lmdb'];

const common = {
  bundle: true,
  absWorkingDir: root,
  logLevel: 'warning',
  legalComments: 'none',
  loader: { '.gz': 'binary', '.cjs': 'text', '.yaml': 'text' },
  external,
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

await build({
  ...common,
  entryPoints: { main: 'packages/cli/src/main.ts' },
  outdir: dist,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  splitting: true,
  sourcemap: 'linked',
  outExtension: { '.js': '.mjs' },
  banner,
  chunkNames: 'chunks/[name]-[hash]',
});

await build({
  ...common,
  entryPoints: { 'render-worker': 'packages/releases/src/render-worker/entry.ts' },
  outdir: dist,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  outExtension: { '.js': '.mjs' },
  banner,
});

if (existsSync(join(root, 'packages/dashboard/web/main.tsx'))) {
  await build({
    ...common,
    entryPoints: { dashboard: 'packages/dashboard/web/main.tsx' },
    outdir: join(dist, 'web'),
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.svg': 'text' },
  });
}

for (const folder of ['charts', 'shop']) {
  const from = join(root, folder);
  if (!existsSync(from)) continue;
  await cp(from, join(dist, folder), {
    recursive: true,
    filter: (source) => !/(^|\/)(node_modules|dist)(\/|$)/.test(source.slice(root.length)),
  });
}

await buildQuick(common, dist);
