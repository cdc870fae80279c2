/**
 * `npm run conformance -- NAME …`: campaigns against the real tools, too long for `npm test`.
 *
 *   charts --from DIR       every chart below DIR, rendered here and by the real Helm
 *   cluster [SUITE]         the embedded cluster under real clients and recordings of a real API server
 *   sources                 sources of Flux 2 under the real source-controller and under ours
 *   receivers               webhooks of Flux 2 under the real notification-controller and under ours
 *   images                  tags, policies and commits under the real image controllers of Flux and under ours
 *   flux2 --from DIR        public repositories of Flux 2 under the real controllers and under ours
 *   init                    the samples of `towpath init`, each to a canary that is promoted and one that is rolled back
 *   adoption                what users of Flux, Helm and Flagger do, on the embedded cluster and on a real one
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const campaigns = {
  charts: 'packages/charts/src/conformance/main.ts',
  cluster: 'packages/cluster/src/conformance/main.ts',
};
/** Against the built program. */
const programs = {
  adoption: 'acceptance/adoption.mjs',
  releases: 'acceptance/releases.mjs',
  sources: 'acceptance/sources.mjs',
  receivers: 'acceptance/receivers.mjs',
  images: 'acceptance/images.mjs',
  flux2: 'acceptance/flux2.mjs',
  init: 'acceptance/init.mjs',
};
const [name = '', ...args] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
const entry = campaigns[name] ?? programs[name];
if (entry === undefined || !existsSync(`${root}${entry}`)) {
  const known = Object.keys({ ...campaigns, ...programs }).join(', ');
  console.error(`no campaign '${name}': npm run conformance -- NAME [ARGUMENT…] with NAME one of ${known}`);
  process.exitCode = 2;
} else {
  const runner = programs[name] === undefined ? [`${root}scripts/run-ts.mjs`, entry] : [`${root}${entry}`];
  const run = spawnSync(process.execPath, [...runner, ...args], { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
}
