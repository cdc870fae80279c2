/**
 * Benchmarks: `npm run bench -- up`.
 *
 *   up   a fresh clone started with `npm start` (cold), stopped, started again (warm); seconds to ready.json each,
 *        and the memory of the whole stack (PSS of the process and all pods) half a minute after it is ready.
 */

import { cpus, totalmem } from 'node:os';
import { benchUp } from './up.mjs';

const benchmarks = { up: benchUp };
const [name = 'up'] = process.argv.slice(2);
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
