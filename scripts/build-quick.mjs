/** Makes the program's start: the launcher, and quick.js with V8's code of the functions that rendering a chart runs. */

import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { lazyModules } from './lazy-modules.mjs';

const warmer = fileURLToPath(new URL('warm-quick.mjs', import.meta.url));

/** Not needed for most charts, or only on the way to a cluster or a registry. */
const lazy = [
  /^node:(?:child_process|crypto|dns|http|https|net|timers\/promises|tls|zlib|worker_threads)\b/,
  /^(?:bcryptjs|pino|re2js|smol-toml|tar-stream|yaml)$/,
  /^@towpath\/(?:git|registry|runtime)$/,
  /^packages\/charts\/src\/go\/(?:key-der|keys|x509|ecdsa|pem)\.ts$/,
  /^packages\/releases\/src\/(?:actions|operator|repository|storage)\//,
  /^packages\/releases\/src\/sources\/(?:http|oci|pull)/,
];

/**
 * V8's settings for a process that ends after a second at most: functions are optimised only when they run really often, since
 * compiling (and compiling again) otherwise takes more time than it saves; and the young generation stays small.
 */
const flags = ['--interrupt-budget=400000', '--semi-space-growth-factor=1'];

/** `common` are the options that all bundles share; `dist` must hold main.mjs and charts to warm up with. */
export async function buildQuick(common, dist) {
  const options = { ...common, platform: 'node', format: 'cjs', target: 'node20.19', charset: 'ascii' };
  await build({
    ...options,
    entryPoints: { quick: 'packages/cli/src/quick.ts' },
    outdir: dist,
    // Commands that ask a cluster are run by the whole program.
    external: [...common.external, '@kubernetes/client-node'],

    minify: true,
    banner: { js: '(function (module, require) {' },
    footer: { js: '})' },
    plugins: [lazyModules((name) => lazy.some((pattern) => pattern.test(name)))],
  });
  const codeMadeBy = JSON.stringify({ v8: process.versions.v8, flags });
  await build({
    ...options,
    entryPoints: { towpath: 'packages/cli/src/launch.ts' },
    outdir: dist,
    define: { codeMadeBy },
  });
  // The modules beside these two are .mjs.
  await writeFile(join(dist, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
  const warmed = spawnSync(process.execPath, [warmer, dist, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (warmed.status !== 0) throw new Error('the code of quick.js could not be made');
}
