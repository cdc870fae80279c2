/** `node warm-quick.mjs DIST FLAG…`: renders some charts with quick.js, then writes the code V8 has made of it by then. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [folder = 'dist', ...flags] = process.argv.slice(2);
const dist = resolve(folder);
for (const flag of flags) setFlagsFromString(flag);
const file = join(dist, 'quick.js');
const script = new Script(readFileSync(file, 'latin1'), { filename: file });
const module = { exports: {} };
script.runInThisContext()(module, createRequire(file));
/** The charts of the system, and one that does what many public charts do. */
const charts = [
  ...readdirSync(join(dist, 'charts')).map((name) => join(dist, 'charts', name)),
  fileURLToPath(new URL('warm-chart', import.meta.url)),
];

// The program ends the process after its command; here it may not.
const exit = process.exit.bind(process);
process.exit = () => {
  const next = charts.pop();
  if (next !== undefined) run(next);
  else {
    writeFileSync(`${file}.code`, script.createCachedData());
    exit(0);
  }
};
process.exit();

function run(chart) {
  const needed = chart.endsWith('/flux') ? ['--set', 'git.url=ssh://git/x'] : [];
  const args = ['template', 'release-name', chart, ...needed];
  module.exports.runQuick({ args, program: file, startWhole: () => {} });
}
