/**
 * `npm run conformance -- flux2 --from DIR`: a public example repository of Flux 2 under the real source-, kustomize- and
 * helm-controller and under ours, each on its own cluster: objects, inventories, conditions, and what the real `flux` says.
 *
 *   --from DIR                a folder with checkouts: flux2-kustomize-helm-example
 *   --cluster embedded|real   default: embedded
 *   --kubeconfig FILE         the real cluster; without it one is started for each side
 *   --verbose                 prints what `flux get all -A` says of both
 *
 * Charts of third parties are stand-ins of the same names and versions; their URLs become local mirrors. What the
 * source-watcher does (ArtifactGenerator) is not part of either side: paths are those before it.
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawn } from 'node:child_process';
import { startCharts } from './adoption/servers.mjs';
import { differences } from './releases/compare.mjs';
import { findTools, freePort, must, startProgram, startSourceController, withPlace } from './releases/place.mjs';
import { loadAll } from './releases/yaml.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readyLimitMs = 60_000;
const { values: options } = parseArgs({
  options: {
    from: { type: 'string' },
    cluster: { type: 'string', default: 'embedded' },
    kubeconfig: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
  },
});
const folder = join(homedir(), '.cache', 'towpath', 'tools');
const programs = { flux: 'flux-v2.9.5', kustomize: 'kustomize-controller-v1.9.4' };
const example = 'flux2-kustomize-helm-example';
const tools = {
  ...findTools(),
  ...Object.fromEntries(Object.entries(programs).map(([key, file]) => [key, join(folder, file)])),
};
const missing = [...Object.values(tools), join(options.from ?? '', example)].filter((file) => !existsSync(file));
if (tools.missing !== undefined || missing.length > 0 || options.from === undefined) {
  console.log(
    `skipped flux2: ${tools.missing ?? missing.join(', ')} not there (--from names a folder with a checkout of ${example})\n0 passed, 0 failed, 1 skipped`,
  );
  process.exit(1);
}
const crd = (group, kind, plural, scope) =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Groups of Kubernetes itself are taken only with it; the charts they stand for have it, too.
      ...(group.endsWith('.k8s.io') && { annotations: { 'api-approved.kubernetes.io': 'unapproved, a stand-in' } }),
    },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  });
const standIns = [
  { name: 'podinfo', version: '6.9.0', namespace: 'podinfo' },
  {
    name: 'cert-manager',
    version: '1.18.2',
    namespace: 'cert-manager',
    oci: 'jetstack/charts',
    crds: [crd('cert-manager.io', 'ClusterIssuer', 'clusterissuers', 'Cluster')],
  },
  {
    name: 'gateway-helm',
    version: '1.8.0',
    namespace: 'envoy-gateway-system',
    oci: 'envoyproxy',
    crds: [
      crd('gateway.networking.k8s.io', 'Gateway', 'gateways', 'Namespaced'),
      crd('gateway.networking.k8s.io', 'GatewayClass', 'gatewayclasses', 'Cluster'),
    ],
  },
];

const fluxKinds = [
  'source.toolkit.fluxcd.io/v1|gitrepositories',
  'source.toolkit.fluxcd.io/v1|ocirepositories',
  'source.toolkit.fluxcd.io/v1|helmrepositories',
  'source.toolkit.fluxcd.io/v1|helmcharts',
  'kustomize.toolkit.fluxcd.io/v1|kustomizations',
  'helm.toolkit.fluxcd.io/v2|helmreleases',
];

/** What is compared, each a row. */
const compared = {
  ready: (is) => `everything of Flux is ${is ? '' : 'not '}Ready`,
  flux: (objects) => `${Object.keys(objects).length} objects of Flux: labels, conditions, revisions, inventories`,
  applied: (objects) => `${objects.length} objects that they applied`,
  getAll: () => 'flux get all -A',
  reconcile: () => 'flux reconcile kustomization --with-source',
  reconcileRelease: () => 'flux reconcile helmrelease --with-source',
};

const outcomes = {};
for (const side of ['theirs', 'ours']) {
  outcomes[side] = await withPlace({ ...options, tools }, (place) => runExample(place, side));
}
const count = { passed: 0, failed: 0 };
for (const [key, title] of Object.entries(compared)) {
  const problems = differences(outcomes.theirs[key], outcomes.ours[key]);
  count[problems.length === 0 ? 'passed' : 'failed']++;
  console.log(`${problems.length === 0 ? 'ok     ' : 'FAILED '} flux2      ${example}: ${title(outcomes.ours[key])}`);
  for (const { path, theirs, ours } of problems)
    console.log(
      `        ${path}\n          theirs ${JSON.stringify(theirs)}\n          ours   ${JSON.stringify(ours)}`,
    );
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);

async function runExample(place, side) {
  for (const file of ['source', 'kustomize', 'helm'].map((name) => join(root, `charts/towpath/crds/${name}.yaml`))) {
    for (const object of loadAll(readFileSync(file, 'utf8'))) if (object !== null) await place.api.apply(object);
  }
  must('kubectl', ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'], { env: envOf(place) });
  must('kubectl', ['create', 'namespace', 'flux-system'], { env: envOf(place) });
  const charts = await mirrorCharts(place);
  const git = mirrorRepository(place, charts);
  if (side === 'theirs') await startReal(place);
  else await startOurs(place);
  const startedAt = Date.now();
  for (const object of sync(git)) await place.api.apply(object);
  const ready = await untilReady(place);
  console.log(
    `        ${side}: ${ready ? 'all ready' : 'not ready'} after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
  );
  const found = await outcomeOf(place, { git, charts });
  const flux = (...args) => runFlux(place, args);
  const all = await flux('get', 'all', '-A');
  const asked = await flux('reconcile', 'kustomization', 'apps', '--with-source');
  const release = await flux('reconcile', 'helmrelease', 'podinfo', '-n', 'podinfo', '--with-source');
  if (options.verbose) console.log(all.said, asked.said, release.said);
  const text = (run) => ({ code: run.code, said: clean(run.said, { git, charts }) });
  if (options.kubeconfig !== undefined) await leaveNothing(place);
  return { ready, ...found, getAll: text(all), reconcile: text(asked), reconcileRelease: text(release) };
}

/** A cluster that is not thrown away is as before for the next side. */
async function leaveNothing(place) {
  // The mirror of the charts answers from this process meanwhile: nothing may block it.
  const kubectl = (...args) => runProgram(place, 'kubectl', args);
  await kubectl('delete', 'kustomizations.kustomize.toolkit.fluxcd.io', '-n', 'flux-system', 'flux-system');
  for (const kind of fluxKinds) {
    const [version, plural] = kind.split('|');
    await kubectl('delete', `${plural}.${version.split('/')[0]}`, '--all', '-A');
  }
  await kubectl(
    'delete',
    'namespace',
    'flux-system',
    ...standIns.map(({ namespace }) => namespace),
    '--ignore-not-found',
  );
  const groups = ['toolkit.fluxcd.io', 'cert-manager.io', 'gateway.networking.k8s.io'];
  const crds = await place.api.list('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  const own = crds.map(({ metadata }) => metadata.name).filter((name) => groups.some((group) => name.endsWith(group)));
  await kubectl('delete', 'crd', ...own);
}

/** The mirror of the charts answers from this process meanwhile. */
function runFlux(place, args) {
  return runProgram(place, tools.flux, args);
}

function runProgram(place, program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: envOf(place), timeout: 60_000 });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}

function envOf(place) {
  return { PATH: process.env.PATH, HOME: join(place.work, 'home'), KUBECONFIG: place.kubeconfig };
}

/** As `flux bootstrap` writes it. */
function sync(url) {
  const metadata = { name: 'flux-system', namespace: 'flux-system' };
  return [
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata,
      spec: { interval: '1m', url, ref: { branch: 'main' } },
    },
    {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata,
      spec: {
        interval: '10m',
        path: './clusters/staging',
        prune: true,
        sourceRef: { kind: 'GitRepository', name: 'flux-system' },
      },
    },
  ];
}

async function startReal(place) {
  const common = ['--metrics-addr=0', '--health-addr=0', '--events-addr=', '--requeue-dependency=2s'];
  await startSourceController(place);
  const env = { RUNTIME_NAMESPACE: 'flux-system' };
  startProgram(place, 'kustomize-controller', tools.kustomize, common, env);
  startProgram(place, 'helm-controller', tools.helmController, common, env);
}

async function startOurs(place) {
  const address = `127.0.0.1:${await freePort()}`;
  const more = { 'source-controller': [`--storage-addr=${address}`, `--storage-adv-addr=${address}`] };
  for (const name of ['source-controller', 'kustomize-controller', 'helm-controller']) {
    const args = [join(place.dist, 'towpath.js'), 'controller', name, ...(more[name] ?? ['--requeue-dependency=2s'])];
    startProgram(place, name, process.execPath, args, { POD_NAMESPACE: 'flux-system', POD_NAME: name });
  }
}

async function mirrorCharts(place) {
  const charts = await startCharts();
  place.ends.push(() => charts.dispose());
  const registry = place.up.registry.replace(/^https?:\/\//, '').replace(/\/$/, '');
  for (const { name, version, oci, crds = [] } of standIns) {
    const chart = join(place.work, 'stand-ins', name);
    mkdirSync(join(chart, 'templates'), { recursive: true });
    mkdirSync(join(chart, 'crds'));
    writeFileSync(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
    writeFileSync(join(chart, 'values.yaml'), '{}\n');
    writeFileSync(
      join(chart, 'templates/values.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  values: {{ toJson .Values | quote }}\n',
    );
    crds.forEach((text, index) => writeFileSync(join(chart, `crds/${index}.yaml`), text));
    must(tools.helm3, ['package', chart, '-d', place.work]);
    const file = join(place.work, `${name}-${version}.tgz`);
    if (oci === undefined) charts.add({ name, version, file });
    else must(tools.helm3, ['push', file, `oci://${registry}/${oci}`, '--plain-http'], { env: envOf(place) });
  }
  return { url: charts.url, registry };
}

/** The checkout with local URLs, pushed to the embedded Git server. */
function mirrorRepository(place, { url: chartsUrl, registry }) {
  const copy = join(place.work, 'example');
  cpSync(join(options.from, example), copy, { recursive: true, filter: (path) => !/\/\.git(\/|$)/.test(path) });
  const cluster = join(copy, 'clusters/staging');
  rmSync(join(cluster, 'artifacts.yaml'));
  rmSync(join(cluster, 'flux-system'), { recursive: true });
  for (const file of readdirSync(copy, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name))) {
    const text = readFileSync(join(copy, file), 'utf8')
      .replace(/kind: ExternalArtifact\n(\s+)name: (\w+)\n(\s+)path: \.\//g, (_all, indent, name, outer) => {
        const dir = name === 'apps' ? 'apps' : 'infrastructure';
        return `kind: GitRepository\n${indent}name: flux-system\n${outer}path: ./${dir}/`;
      })
      .replace('https://stefanprodan.github.io/podinfo', chartsUrl)
      .replace(/url: oci:\/\/(?:quay\.io|docker\.io)\//, `insecure: true\n  url: oci://${registry}/`);
    writeFileSync(join(copy, file), text);
  }
  const url = `${place.up.git.replace(/\/$/, '')}/acme/example.git`;
  const at = '2026-01-01T00:00:00Z';
  const who = { NAME: 'a', EMAIL: 'a@example.com', DATE: at };
  const env = { ...envOf(place), GIT_CONFIG_NOSYSTEM: '1' };
  for (const role of ['AUTHOR', 'COMMITTER'])
    for (const [key, value] of Object.entries(who)) env[`GIT_${role}_${key}`] = value;
  must('git', ['init', '-q', '-b', 'main', copy], { env });
  must('git', ['-C', copy, 'add', '-A'], { env });
  must('git', ['-C', copy, 'commit', '-q', '-m', 'Example'], { env });
  must('git', ['-C', copy, 'push', '-q', url, 'main'], { env });
  return url;
}

async function fluxObjects(place) {
  const lists = await Promise.all(fluxKinds.map((kind) => place.api.list(`/apis/${kind.replace('|', '/')}`)));
  return lists.flatMap((items, index) => items.map((item) => ({ ...item, plural: fluxKinds[index].split('|')[1] })));
}

async function untilReady(place) {
  const until = Date.now() + readyLimitMs;
  for (;;) {
    // A real API server refuses new kinds for a moment.
    const objects = await fluxObjects(place).catch(() => []);
    const waiting = objects.filter(
      ({ status }) => !status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    );
    if (objects.some(({ metadata }) => metadata.name === 'podinfo') && waiting.length === 0) return true;
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

/** Without addresses, digests and times. */
function clean(text, { git, charts }) {
  return text
    .replaceAll(git, 'GIT')
    .replaceAll(charts.url, 'CHARTS')
    .replaceAll(charts.registry, 'REGISTRY')
    .replace(/sha256:[0-9a-f]{8,}/g, 'SHA256')
    .replace(/sha1:[0-9a-f]{8,}/g, 'SHA1')
    .replace(/[0-9a-f]{40}/g, 'SHA1')
    .replace(/\+[0-9a-f]{12}\b/g, '+DIGEST')
    .replace(/\b\d+(?:\.\d+)?(?:ms|s)\b/g, 'TIME')
    .replace(/[ \t]+/g, ' ');
}

async function outcomeOf(place, words) {
  const objects = await fluxObjects(place);
  const flux = Object.fromEntries(
    objects.map(({ plural, metadata, status = {}, spec }) => [
      `${plural}/${metadata.namespace}/${metadata.name}`,
      JSON.parse(
        clean(
          JSON.stringify({
            labels: metadata.labels,
            finalizers: metadata.finalizers,
            url: spec.url,
            revision: status.lastAppliedRevision ?? status.artifact?.revision,
            conditions: (status.conditions ?? []).map(({ type, status: is, reason, message }) => ({
              type,
              is,
              reason,
              message,
            })),
            inventory: status.inventory?.entries?.map(({ id, v }) => `${id} ${v}`),
          }),
          words,
        ),
      ),
    ]),
  );
  const applied = [];
  for (const path of [
    '/api/v1/namespaces',
    '/api/v1/configmaps',
    '/apis/cert-manager.io/v1/clusterissuers',
    '/apis/gateway.networking.k8s.io/v1/gateways',
  ]) {
    for (const { metadata, spec, data } of await place.api.list(path).catch(() => [])) {
      const isOurs = Object.keys(metadata.labels ?? {}).some((label) => label.includes('toolkit.fluxcd.io'));
      if (isOurs)
        applied.push({ path, name: metadata.name, namespace: metadata.namespace, labels: metadata.labels, data, spec });
    }
  }
  return { flux, applied };
}
