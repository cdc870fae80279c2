/** The real source-, kustomize- and helm-controller of Flux: a commit is applied, a chart installed, drift corrected. */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Disposer } from '@towpath/kit';
import { applyFiles, applyYaml, readText } from '../apply.ts';
import type { SuiteContext, Tally } from '../client-suite.ts';
import { findGoProgram, goModuleFolder, type GoProgram } from '../go-program.ts';
import { expectPart, until } from '../kubectl.ts';
import { startOwnServer, type OwnServer } from '../own-server.ts';
import { runProgram, startProgram, type RunningProgram } from '../run-program.ts';
import { testImages } from '../test-images.ts';
import { startGitServer, type GitServer } from './git-server.ts';
import { freePort, startStaticServer, type StaticServer } from './static-server.ts';

const programs = [
  fluxProgram('source-controller', 'v1.9.1'),
  fluxProgram('kustomize-controller', 'v1.9.4'),
  // The newest whose Helm is Helm's own.
  { ...fluxProgram('helm-controller', 'v1.6.0'), needs: ['github.com/fluxcd/pkg/chartutil v1.28.0'] },
];
const namespace = 'flux-system';
const doneMs = 90_000;

function fluxProgram(name: string, version: string): GoProgram {
  const module = `github.com/fluxcd/${name}`;
  return { name, module, version, package: module };
}

/** Adds the cases of the three controllers; without the source-controller the others have nothing to work on. */
export async function fluxCases(tally: Tally, context: SuiteContext): Promise<void> {
  const files = new Map<string, string>();
  const definitions: string[] = [];
  for (const program of programs) {
    const found = await findGoProgram(program, context);
    const source = await goModuleFolder(program.module, program.version);
    if ('missing' in found) tally.skip(program.name, found.missing);
    else if (source === undefined) tally.skip(program.name, `go cannot download ${program.module}`);
    else {
      files.set(program.name, found.path);
      definitions.push(...(await definitionFiles(source)));
    }
  }
  if (!files.has('source-controller')) return;
  const ends = new Disposer();
  try {
    const server = ends.own(await startOwnServer({ hasControllers: true, images: testImages }));
    await applyFiles(server.client, definitions);
    await applyYaml(server.client, `{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
    const repository = ends.own(await startGitServer(server.folder));
    const charts = ends.own(await startChartRepository(server.folder));
    const controllers = await startControllers([...files.values()], server, ends);
    const place: Place = { server, repository, charts, controllers };
    await sourceCases(tally, place);
    if (files.has('kustomize-controller')) await kustomizeCases(tally, place);
    if (files.has('helm-controller')) await helmCases(tally, place);
    if (context.isVerbose) for (const controller of controllers) context.print(controller.output());
  } finally {
    await ends.dispose();
  }
}

interface Place {
  readonly server: OwnServer;
  readonly repository: GitServer;
  readonly charts: StaticServer;
  readonly controllers: readonly RunningProgram[];
}

async function definitionFiles(source: string): Promise<readonly string[]> {
  const folder = join(source, 'config', 'crd', 'bases');
  const { stdout } = await runProgram('ls', [folder]);
  return stdout
    .split('\n')
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name));
}

async function startControllers(
  files: readonly string[],
  server: OwnServer,
  ends: Disposer,
): Promise<readonly RunningProgram[]> {
  const address = `127.0.0.1:${await freePort()}`;
  const running: RunningProgram[] = [];
  for (const file of files) {
    const storage = ['--storage-path', server.folder, '--storage-addr', address, '--storage-adv-addr', address];
    // Leader election would ask the pod it runs in for its namespace.
    const common = ['--metrics-addr=0', '--health-addr=0'];
    const own = file.includes('source-controller') ? storage : [];
    const env = { KUBECONFIG: server.kubeconfig, RUNTIME_NAMESPACE: namespace, HOME: server.folder };
    const program = startProgram(file, [...common, ...own], { env });
    ends.add(() => program.stop());
    running.push(program);
  }
  return running;
}

async function sourceCases(tally: Tally, { server, repository, charts, controllers }: Place): Promise<void> {
  const { client } = server;
  const api = 'source.toolkit.fluxcd.io/v1';
  const path = (plural: string): string => `/apis/${api}/namespaces/${namespace}/${plural}/app`;
  const commit = await repository.commit({ 'deploy/a.yaml': configMap('a', 'one'), 'deploy/web.yaml': web });
  await tally.run('source-controller: a GitRepository has an artifact of its commit', async () => {
    await applyYaml(client, gitRepository(repository.url), namespace);
    await ready(server, path('gitrepositories'), controllers, `main@sha1:${commit}`);
  });
  await tally.run('source-controller: a HelmRepository has an index, and a HelmChart its archive', async () => {
    await applyYaml(client, helmRepository(charts.url), namespace);
    await ready(server, path('helmrepositories'), controllers);
    const sourceRef = { kind: 'HelmRepository', name: 'app' };
    await applyYaml(client, object(api, 'HelmChart', { chart: 'lifecycle', sourceRef, interval: '1h' }), namespace);
    await ready(server, path('helmcharts'), controllers, '"revision":"0.1.0"');
  });
}

/** The chart `lifecycle` as Helm publishes it. */
async function startChartRepository(folder: string): Promise<StaticServer> {
  const archive = join(folder, 'lifecycle-0.1.0.tgz');
  const charts = resolve('packages/cluster/src/conformance/testdata/charts');
  await runProgram('tar', ['-C', charts, '-czf', archive, 'lifecycle']);
  const bytes = await readFile(archive);
  const entry = '{apiVersion: v2, name: lifecycle, version: 0.1.0, urls: [lifecycle-0.1.0.tgz]}';
  const index = `{apiVersion: v1, entries: {lifecycle: [${entry}]}}`;
  return startStaticServer((path) => (path === '/index.yaml' ? index : path.endsWith('.tgz') ? bytes : undefined));
}

async function kustomizeCases(tally: Tally, { server, repository, controllers }: Place): Promise<void> {
  const { client } = server;
  const path = (kind: string, name: string): string => `/api/v1/namespaces/${namespace}/${kind}/${name}`;
  let commit = await repository.commit({ 'deploy/a.yaml': configMap('a', 'one'), 'deploy/web.yaml': web });
  await applyYaml(client, gitRepository(repository.url), namespace);
  await request(server, 'source.toolkit.fluxcd.io/v1', 'GitRepository');
  await tally.run('kustomize-controller: a Kustomization is applied and waits for its deployment', async () => {
    const sourceRef = { kind: 'GitRepository', name: 'app' };
    const spec = { interval: '1h', path: './deploy', prune: true, wait: true, timeout: '1m', sourceRef };
    const targeted = { ...spec, targetNamespace: namespace };
    await applyYaml(client, object('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', targeted), namespace);
    const text = await ready(server, kustomizations, controllers, `"lastAppliedRevision":"main@sha1:${commit}"`);
    expectPart(text, `${namespace}_a__ConfigMap`);
    expectPart(await readText(client, path('configmaps', 'a')), '"value":"one"');
  });
  await tally.run('kustomize-controller: the next commit is applied, and what it left out is pruned', async () => {
    commit = await repository.commit({ 'deploy/b.yaml': configMap('b', 'two'), 'deploy/web.yaml': web });
    await request(server, 'source.toolkit.fluxcd.io/v1', 'GitRepository');
    await ready(server, kustomizations, controllers, `"lastAppliedRevision":"main@sha1:${commit}"`);
    expectPart(await readText(client, path('configmaps', 'b')), '"value":"two"');
    expectPart(await readText(client, path('configmaps', 'a')), '"NotFound"');
  });
  await tally.run('kustomize-controller: drift is corrected', async () => {
    await applyYaml(client, configMap('b', 'changed by hand'), namespace);
    await request(server, 'kustomize.toolkit.fluxcd.io/v1', 'Kustomization');
    await until('the old value', doneMs, async () =>
      (await readText(client, path('configmaps', 'b'))).includes('"value":"two"') ? true : undefined,
    );
  });
}

async function helmCases(tally: Tally, { server, charts, controllers }: Place): Promise<void> {
  const { client } = server;
  await applyYaml(client, helmRepository(charts.url), namespace);
  const widget = `/apis/conformance.towpath.dev/v1/namespaces/${namespace}/widgets/app`;
  const release = (greeting: string): string =>
    object('helm.toolkit.fluxcd.io/v2', 'HelmRelease', {
      interval: '1h',
      releaseName: 'app',
      chart: { spec: { chart: 'lifecycle', version: '0.1.0', sourceRef: { kind: 'HelmRepository', name: 'app' } } },
      test: { enable: true },
      values: { greeting },
    });
  await tally.run('helm-controller: a HelmRelease is installed and tested', async () => {
    await applyYaml(client, release('hello'), namespace);
    expectPart(await ready(server, helmReleases, controllers, '"reason":"TestSucceeded"'), '"chartVersion":"0.1.0"');
    expectPart(await readText(client, widget), '"greeting":"hello"');
  });
  await tally.run('helm-controller: changed values are an upgrade', async () => {
    await applyYaml(client, release('changed'), namespace);
    expectPart(await ready(server, helmReleases, controllers, '"version":2'), '"status":"superseded"');
    expectPart(await readText(client, widget), '"greeting":"changed"');
  });
  await tally.run('helm-controller: a deleted HelmRelease is uninstalled', async () => {
    await client.request({ method: 'DELETE', path: helmReleases });
    await gone(server, helmReleases);
    await gone(server, widget);
  });
}

const kustomizations = `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${namespace}/kustomizations/app`;
const helmReleases = `/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases/app`;

/** The object's text once it is Ready for its newest generation and has `part`. */
async function ready(
  server: OwnServer,
  path: string,
  controllers: readonly RunningProgram[],
  part = '',
): Promise<string> {
  let last = '';
  try {
    return await until(`${path} to be ready ${part}`, doneMs, async () => {
      if (controllers.some((controller) => !controller.isRunning())) throw new Error('a controller ended');
      last = await readText(server.client, path);
      const { metadata, status } = JSON.parse(last) as ReadyObject;
      const condition = status?.conditions?.find(({ type }) => type === 'Ready');
      const isReady = condition?.status === 'True' && condition.observedGeneration === metadata?.generation;
      return isReady && last.includes(part) ? last : undefined;
    });
  } catch (error) {
    const dead = controllers.find((controller) => !controller.isRunning());
    const status = JSON.stringify((JSON.parse(last === '' ? '{}' : last) as ReadyObject).status ?? {});
    const said = dead === undefined ? '' : `; a controller ended: ${dead.output().slice(-500)}`;
    throw new Error(`${error instanceof Error ? error.message : ''}; status ${status.slice(0, 900)}${said}`, {
      cause: error,
    });
  }
}

interface ReadyObject {
  readonly metadata?: { readonly generation?: number };
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; observedGeneration?: number }[];
  };
}

async function gone(server: OwnServer, path: string): Promise<void> {
  await until(`${path} to go`, doneMs, async () =>
    (await readText(server.client, path)).includes('"NotFound"') ? true : undefined,
  );
}

/** Asks a controller to look now, as `flux reconcile` does. */
async function request(server: OwnServer, apiVersion: string, kind: string): Promise<void> {
  const type = await server.client.resourceFor({ apiVersion, kind });
  if (type === undefined) throw new Error(`${kind} is not served`);
  const annotations = { 'reconcile.fluxcd.io/requestedAt': new Date().toISOString() };
  await server.client.patch(type, { namespace, name: 'app' }, { metadata: { annotations } }, { kind: 'merge' });
}

function gitRepository(url: string): string {
  const spec = { url, interval: '1h', ref: { branch: 'main' } };
  return object('source.toolkit.fluxcd.io/v1', 'GitRepository', spec);
}

function helmRepository(url: string): string {
  return object('source.toolkit.fluxcd.io/v1', 'HelmRepository', { url, interval: '1h' });
}

function object(apiVersion: string, kind: string, spec: unknown): string {
  return JSON.stringify({ apiVersion, kind, metadata: { name: 'app' }, spec });
}

function configMap(name: string, value: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } });
}

const web = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'conformance/web:1' }], terminationGracePeriodSeconds: 1 },
    },
  },
});
