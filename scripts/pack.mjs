/**
 * `npm run pack [-- --to FOLDER]`: makes the tarball that would be published. The root's package.json is the one place
 * where its manifest is written; what is only for developing is left out of the tarball.
 */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { buildChartsEntry } from './charts-entry.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const outputMax = 64 * 1024 * 1024;
const onlyForDeveloping = ['private', 'workspaces', 'scripts', 'devDependencies'];

/** Builds, packs into `folder` and answers npm's report: `filename`, `size`, `unpackedSize`, `files`. */
export async function packInto(folder) {
  const cache = join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  // Below the repository, so that the build finds packages with native parts.
  const stage = await mkdtemp(join(cache, 'package-'));
  try {
    const dist = join(stage, 'dist');
    await run(process.execPath, [join(root, 'scripts', 'build.mjs'), relative(root, dist)], { cwd: root });
    await buildChartsEntry(dist);
    for (const name of ['bin', 'README.md', 'LICENSE'])
      await cp(join(root, name), join(stage, name), { recursive: true });
    await writeFile(join(stage, 'package.json'), `${JSON.stringify(await manifest(), null, 2)}\n`);
    await mkdir(folder, { recursive: true });
    const args = ['pack', stage, '--pack-destination', folder, '--json', '--ignore-scripts', '--loglevel=error'];
    const { stdout } = await run('npm', args, { cwd: root, maxBuffer: outputMax });
    return Object.values(JSON.parse(stdout))[0];
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function manifest() {
  const whole = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !onlyForDeveloping.includes(key)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { to: { type: 'string', default: '.' } } });
  const folder = resolve(process.env.INIT_CWD ?? '.', values.to);
  const { filename, size, unpackedSize, files } = await packInto(folder);
  const mebibytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  console.log(
    `${join(folder, filename)}: ${files.length} files, ${mebibytes(size)}, unpacked ${mebibytes(unpackedSize)}`,
  );
}
