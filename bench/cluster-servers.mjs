/** Both control planes as processes: ours, and etcd with kube-apiserver and kube-controller-manager. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { untilReady } from './cluster-client.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager'];

/** Bundles what is ours and finds or builds what is theirs; `folder` keeps their programs. */
export async function prepareServers({ folder, say }) {
  // Below node_modules, so that the native store is found.
  const bundle = mkdtempSync(join(root, 'node_modules', '.bench-cluster-'));
  const common = {
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
    absWorkingDir: root,
    external: ['lmdb'],
    outdir: bundle,
    splitting: true,
    outExtension: { '.js': '.mjs' },
    // As in the program; see scripts/build.mjs.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    loader: { '.gz': 'binary', '.cjs': 'text', '.yaml': 'text' },
  };
  const real = './packages/cluster/src/conformance/real';
  await build({ ...common, entryPoints: { server: 'bench/cluster-server.mjs' } });
  await build({
    ...common,
    outdir: join(bundle, 'real'),
    stdin: {
      contents: `export * from '${real}/build.ts'; export * from '${real}/control-plane.ts'; export { systemClock } from '@towpath/kit';`,
      resolveDir: root,
    },
  });
  const { buildReal, startRealControlPlane, systemClock } = await import(
    pathToFileURL(join(bundle, 'real', 'stdin.mjs')).href
  );
  const paths = await buildReal(programs, { folder, say });
  return {
    startOurs: () => startOurs(join(bundle, 'server.mjs')),
    startTheirs: ({ hasManager }) => {
      const { 'kube-controller-manager': manager, ...rest } = paths;
      const chosen = hasManager ? { ...rest, 'kube-controller-manager': manager } : rest;
      return startTheirs(startRealControlPlane, chosen, systemClock);
    },
    dispose: () => rmSync(bundle, { recursive: true, force: true }),
  };
}

async function startOurs(program) {
  const data = mkdtempSync(join(tmpdir(), 'towpath-bench-'));
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, data], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const server = await new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(JSON.parse(line)));
    child.once('exit', (code) => reject(new Error(`our server ended with ${code}`)));
  });
  await untilReady(server);
  const readyMs = performance.now() - startedAt;
  return {
    ...server,
    readyMs,
    pids: { towpath: child.pid },
    async dispose() {
      child.kill('SIGKILL');
      await gone;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function startTheirs(startRealControlPlane, chosen, clock) {
  const plane = await startRealControlPlane({ programs: chosen, clock });
  await untilReady(plane);
  return plane;
}

/** Proportional set size of the processes, by name. */
export function memoryMiB(pids) {
  const entries = Object.entries(pids).map(([name, pid]) => {
    const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return [name, Number(pss) / 1024];
  });
  return Object.fromEntries(entries);
}
