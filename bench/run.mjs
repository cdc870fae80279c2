/**
 * Benchmarks: `npm run bench -- up`.
 *
 *   up   a fresh clone started with `npm start` (cold), stopped, started again (warm); seconds to ready.json each,
 *        and the memory of the whole stack (PSS of the process and all pods) half a minute after it is ready.
 *   charts --from DIR [--helm PATH]
 *        every chart below DIR rendered by this engine and by Helm's (built with Go), in process and as whole processes;
 *        exits 1 when a bar is missed.
 *   cluster [--tools DIR]
 *        our control plane beside etcd, kube-apiserver and kube-controller-manager 1.34 (built with Go, kept in DIR);
 *        exits 1 when a bar is missed.
 *   releases [--cluster embedded|real] [--count N] [--shared]
 *        100 HelmReleases of Flux 2 at once, ours beside the real helm-controller on the same API server; exits 1 when
 *        a bar is missed.
 *   images [--cluster embedded|real] [--count N]
 *        200 ImageRepositories with an ImagePolicy each, ours beside the real image-reflector-controller; exits 1 when a bar
 *        is missed.
 */

import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { benchCluster } from './cluster.mjs';
import { benchImages } from './images.mjs';
import { benchReleases } from './releases.mjs';
import { benchUp } from './up.mjs';

const benchmarks = {
  up: benchUp,
  charts: benchCharts,
  cluster: () => benchCluster(args),
  releases: () => benchReleases(args),
  images: () => benchImages(args),
};
const [name = 'up', ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  console.error(`no benchmark ${name}: choose from ${Object.keys(benchmarks).join(', ')}`);
  process.exit(2);
}
const memoryGiB = (totalmem() / 2 ** 30).toFixed(0);
console.log(
  `machine: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${memoryGiB} GiB, Node ${process.version}, ${process.platform}`,
);
await benchmark();

/** In TypeScript, since it imports the engine's own tools. */
function benchCharts() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const command = [`${root}scripts/run-ts.mjs`, 'bench/charts/main.ts', ...args];
  process.exitCode = spawnSync(process.execPath, command, { stdio: 'inherit' }).status ?? 1;
}
