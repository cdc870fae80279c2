/**
 * `npm run conformance -- receivers`: the same Receivers and the same requests given to the real notification-controller and to
 * ours on the same API server: status codes, bodies, conditions, finalizers and who was asked to look again are compared.
 *
 *   --cluster embedded|real   only there; default: both
 *   --only NAME[,NAME]        these scenarios
 *   --verbose                 prints every difference in full
 */

import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { createReport, differences } from './releases/compare.mjs';
import { freePort, must, onEachCluster, readOptions, startProgram, toolFile } from './releases/place.mjs';
import { applyKinds, createNamespaces } from './releases/prepare.mjs';
import { loadAll } from './releases/yaml.mjs';
import { bodyText, scenarios, token } from './receivers/scenarios.mjs';

const version = 'v1.9.3';
const reachedLimitMs = 15_000;
const options = readOptions();
const theirProgram = toolFile('notification-controller', version);
const results = createReport(options);
if (!existsSync(theirProgram)) build();
await onEachCluster(options, compareOn);
process.exit(results.failed === 0 ? 0 : 1);

/** The module comes from Go's proxy. */
function moduleFolder() {
  const module = `github.com/fluxcd/notification-controller@${version}`;
  return JSON.parse(must('go', ['mod', 'download', '-json', module])).Dir;
}

function build() {
  must('nice', ['-n', '15', 'go', 'build', '-o', theirProgram, '.'], { cwd: moduleFolder() });
}

async function compareOn(place) {
  await applyKinds(place);
  const crd = join(moduleFolder(), 'config/crd/bases/notification.toolkit.fluxcd.io_receivers.yaml');
  for (const object of loadAll(readFileSync(crd, 'utf8'))) if (object !== null) await place.api.apply(object);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const sides = { theirs: { namespace: 'receivers-theirs' }, ours: { namespace: 'receivers-ours00' } };
  await createNamespaces(
    place,
    Object.values(sides).map(({ namespace }) => namespace),
  );
  for (const [name, side] of Object.entries(sides)) {
    side.port = await freePort();
    start(place, name, side);
    await seed(place, side.namespace);
  }
  const wanted = options.only?.split(',');
  for (const scenario of scenarios.filter(({ name }) => wanted === undefined || wanted.includes(name))) {
    const [theirs, ours] = await Promise.all(Object.values(sides).map((side) => run(place, side, scenario)));
    results.report(scenario.name, differences(theirs, ours, ''));
    if (options.verbose) console.log(`    theirs ${JSON.stringify(theirs)}`);
  }
}

function start(place, name, { namespace, port }) {
  const common = [
    '--watch-all-namespaces=false',
    `--receiverAddr=127.0.0.1:${port}`,
    '--metrics-addr=0',
    '--health-addr=0',
  ];
  if (name === 'theirs') {
    startProgram(place, name, theirProgram, [...common, '--events-addr=127.0.0.1:0'], { RUNTIME_NAMESPACE: namespace });
    return;
  }
  const args = [join(place.dist, 'towpath.js'), 'controller', 'notification-controller', ...common];
  startProgram(place, name, process.execPath, args, { POD_NAMESPACE: namespace, POD_NAME: 'ours' });
}

async function seed(place, namespace) {
  const secret = (name, data) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    stringData: data,
  });
  await place.api.apply(secret('token', { token }));
  await place.api.apply(secret('empty', { other: 'x' }));
  for (const [name, team] of [
    ['app', 'a'],
    ['web', 'a'],
    ['other', 'b'],
  ]) {
    const metadata = { namespace, name, labels: { team } };
    const spec = { url: 'https://example.com/app.git', interval: '1h' };
    await place.api.apply({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata, spec });
  }
}

function groupPath(namespace, group, plural, name) {
  return `/apis/${group}/v1/namespaces/${namespace}/${plural}/${name}`;
}

async function run(place, { namespace, port }, { name, spec, requests = [], suspend = false }) {
  const path = groupPath(namespace, 'notification.toolkit.fluxcd.io', 'receivers', name);
  const metadata = { namespace, name };
  await place.api.apply({ apiVersion: 'notification.toolkit.fluxcd.io/v1', kind: 'Receiver', metadata, spec });
  const limit = Date.now() + reachedLimitMs;
  let receiver;
  do {
    await new Promise((resolve) => setTimeout(resolve, 100));
    receiver = await place.api.get(path);
  } while (receiver?.status?.conditions?.some(({ type }) => type === 'Ready') !== true && Date.now() < limit);
  // Theirs writes conditions and the rest of the status in two patches.
  await new Promise((resolve) => setTimeout(resolve, 500));
  receiver = await place.api.get(path);
  if (suspend) await place.api.patch(path, { spec: { suspend: true } });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const hook = receiver?.status?.webhookPath ?? '/hook/none';
  const answers = [];
  for (const one of requests) {
    const before = await asked(place, namespace);
    const answer = await send(port, one.path?.(hook) ?? hook, one);
    const after = await asked(place, namespace);
    answers.push({ ...answer, asked: Object.keys(after).filter((key) => after[key] !== before[key]) });
  }
  const clean = (text) => text?.replaceAll(namespace, 'NAMESPACE').replace(/\/hook\/[0-9a-f]{64}/, '/hook/HASH');
  return {
    answers,
    hasPath: receiver?.status?.webhookPath !== undefined,
    observedGeneration: receiver?.status?.observedGeneration,
    finalizers: receiver?.metadata.finalizers,
    conditions: receiver?.status?.conditions?.map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message: clean(message),
    })),
  };
}

async function asked(place, namespace) {
  const found = {};
  for (const name of ['app', 'web', 'other']) {
    const object = await place.api.get(groupPath(namespace, 'source.toolkit.fluxcd.io', 'gitrepositories', name));
    found[name] = object?.metadata.annotations?.['reconcile.fluxcd.io/requestedAt'];
  }
  return found;
}

function send(port, path, { headers = {}, body = bodyText }) {
  return new Promise((resolve) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode, body: text }));
    });
    sent.on('error', (error) => resolve({ status: error.code }));
    sent.end(body);
  });
}
