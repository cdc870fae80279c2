/**
 * `npm run conformance -- flux2 --from DIR`: public repositories of Flux 2 under the real source-, kustomize- and helm-controller and
 * under ours, each on its own cluster: objects, inventories, conditions, and what the real `flux` says.
 *
 *   --from DIR                a folder with checkouts: flux2-kustomize-helm-example, flux2-multi-tenancy, podinfo
 *   --cluster embedded|real   default: embedded
 *   --kubeconfig FILE         the real cluster; without it one is started for each side
 *   --only NAME               one repository
 *   --verbose                 prints what `flux` says of both
 *
 * What is left out of a repository is printed. A row that cannot run is skipped by name, and skipped is not passed.
 */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { envOf, mirror } from './flux2/mirror.mjs';
import { clean, fluxKinds, fluxObjects, outcomeOf } from './flux2/outcome.mjs';
import { repositories } from './flux2/repositories.mjs';
import { differences } from './releases/compare.mjs';
import { findTools, freePort, must, startProgram, startSourceController, withPlace } from './releases/place.mjs';
import { loadAll } from './releases/yaml.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readyLimitMs = 120_000;
const { values: options } = parseArgs({
  options: {
    from: { type: 'string', default: '' },
    cluster: { type: 'string', default: 'embedded' },
    kubeconfig: { type: 'string' },
    only: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
  },
});
const folder = join(homedir(), '.cache', 'towpath', 'tools');
const programs = { flux: 'flux-v2.9.5', kustomize: 'kustomize-controller-v1.9.4' };
const tools = {
  ...findTools(),
  ...Object.fromEntries(Object.entries(programs).map(([key, file]) => [key, join(folder, file)])),
};

/** What is compared, each a row. */
const compared = {
  ready: (is) => `everything of Flux is ${is ? '' : 'not '}Ready`,
  flux: (objects) => `${Object.keys(objects).length} objects of Flux: labels, conditions, revisions, inventories`,
  applied: (objects) => `${Object.keys(objects).length} objects that they applied`,
  said: (told) => Object.keys(told).join('; '),
};

const count = { passed: 0, failed: 0, skipped: 0 };
for (const repository of repositories) {
  if (options.only === undefined || options.only === repository.name) await compareRepository(repository);
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed + count.skipped === 0 && count.passed > 0 ? 0 : 1);

async function compareRepository(repository) {
  const { name, leftOut } = repository;
  const needed = options.from === '' ? 'a checkout (--from)' : join(options.from, name);
  const lacking = tools.missing ?? [...Object.values(tools), needed].find((file) => !existsSync(file));
  if (lacking !== undefined) {
    count.skipped++;
    console.log(`skipped flux2      ${name}: ${lacking} not there`);
    return;
  }
  for (const what of leftOut) console.log(`        ${name}: left out: ${what}`);
  const outcomes = {};
  for (const side of ['theirs', 'ours'])
    outcomes[side] = await withPlace({ ...options, tools }, (place) => runRepository(place, repository, side));
  for (const [key, title] of Object.entries(compared)) {
    const problems = differences(outcomes.theirs[key], outcomes.ours[key]);
    const isSame = problems.length === 0 && (key !== 'ready' || outcomes.ours.ready);
    count[isSame ? 'passed' : 'failed']++;
    console.log(`${isSame ? 'ok     ' : 'FAILED '} flux2      ${name}: ${title(outcomes.ours[key])}`);
    for (const { path, theirs, ours } of problems)
      console.log(
        `        ${path}\n          theirs ${JSON.stringify(theirs)}\n          ours   ${JSON.stringify(ours)}`,
      );
  }
}

async function runRepository(place, repository, side) {
  for (const file of ['source', 'kustomize', 'helm'].map((name) => join(root, `charts/towpath/crds/${name}.yaml`))) {
    for (const object of loadAll(readFileSync(file, 'utf8'))) if (object !== null) await place.api.apply(object);
  }
  must('kubectl', ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'], { env: envOf(place) });
  must('kubectl', ['create', 'namespace', 'flux-system'], { env: envOf(place) });
  const words = await mirror(place, repository, join(options.from, repository.name));
  for (const object of repository.before ?? []) await place.api.apply(object);
  if (side === 'theirs') await startReal(place, repository);
  else await startOurs(place, repository);
  const startedAt = Date.now();
  for (const object of repository.objects(words.git)) await place.api.apply(object);
  const ready = await untilReady(place, repository);
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(`        ${side}: ${ready ? 'all ready' : 'not ready'} after ${seconds} s`);
  const found = await outcomeOf(place, { words, applied: repository.applied });
  const said = {};
  for (const args of [['get', 'all', '-A'], ...repository.reconcile.map((what) => ['reconcile', ...what])]) {
    const run = await runProgram(place, tools.flux, args);
    if (options.verbose) console.log(run.said);
    said[`flux ${args.join(' ')}`] = { code: run.code, said: clean(run.said, words) };
  }
  if (options.kubeconfig !== undefined) await leaveNothing(place, repository);
  return { ready, ...found, said };
}

/** A cluster that is not thrown away is as before for the next side. */
async function leaveNothing(place, { namespaces, cluster = [] }) {
  const kubectl = (...args) => runProgram(place, 'kubectl', args);
  for (const kind of ['helmreleases.helm', 'kustomizations.kustomize'])
    await kubectl('delete', `${kind}.toolkit.fluxcd.io`, '--all', '-A');
  for (const kind of fluxKinds) {
    const [version, plural] = kind.split('|');
    await kubectl('delete', `${plural}.${version.split('/')[0]}`, '--all', '-A');
  }
  await kubectl('delete', 'namespace', 'flux-system', ...namespaces, '--ignore-not-found');
  for (const name of cluster) await kubectl('delete', name);
  const groups = ['toolkit.fluxcd.io', 'cert-manager.io', 'gateway.networking.k8s.io', 'kyverno.io'];
  const crds = await place.api.list('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  const own = crds.map(({ metadata }) => metadata.name).filter((name) => groups.some((group) => name.endsWith(group)));
  await kubectl('delete', 'crd', ...own);
}

/** The mirror of the charts answers from this process meanwhile: nothing may block it. */
function runProgram(place, program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: envOf(place), timeout: 60_000 });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}

async function startReal(place, { flags = {} }) {
  const common = ['--metrics-addr=0', '--health-addr=0', '--events-addr=', '--requeue-dependency=2s'];
  await startSourceController(place);
  const env = { RUNTIME_NAMESPACE: 'flux-system' };
  for (const [name, file] of [
    ['kustomize-controller', tools.kustomize],
    ['helm-controller', tools.helmController],
  ])
    startProgram(place, name, file, [...common, ...(flags[name] ?? [])], env);
}

async function startOurs(place, { flags = {} }) {
  const address = `127.0.0.1:${await freePort()}`;
  const more = { 'source-controller': [`--storage-addr=${address}`, `--storage-adv-addr=${address}`] };
  for (const name of ['source-controller', 'kustomize-controller', 'helm-controller']) {
    const own = [...(more[name] ?? ['--requeue-dependency=2s']), ...(flags[name] ?? [])];
    const args = [join(place.dist, 'towpath.js'), 'controller', name, ...own];
    startProgram(place, name, process.execPath, args, { POD_NAMESPACE: 'flux-system', POD_NAME: name });
  }
}

/** True when everything is Ready, and the last object of the repository is there. */
async function untilReady(place, { last }) {
  const until = Date.now() + readyLimitMs;
  for (;;) {
    // A real API server refuses new kinds for a moment.
    const objects = await fluxObjects(place).catch(() => []);
    const waiting = objects.filter(({ status }) => {
      const is = (wanted) => status?.conditions?.some(({ type, status: state }) => type === wanted && state === 'True');
      return !is('Ready') || is('Reconciling');
    });
    const isThere = objects.some(({ plural, metadata }) => plural === 'helmreleases' && metadata.name === last);
    if (isThere && waiting.length === 0) return true;
    if (Date.now() > until) {
      const said = waiting.map(
        ({ plural, metadata, status }) => `${plural}/${metadata.name}: ${JSON.stringify(status?.conditions)}`,
      );
      console.log(`not ready in ${readyLimitMs / 1000} s:\n${said.join('\n')}`);
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
