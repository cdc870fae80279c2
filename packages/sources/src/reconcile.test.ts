import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CustomResourceDefinitions, findCondition, type AnyObject, type ResourceType } from '@towpath/api';
import { packageChart, loadChart } from '@towpath/charts';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { createGit, createGitServer, openMirror, seedRepository, type Git, type GitServer } from '@towpath/git';
import { parseAllYaml, silentLogger, systemClock } from '@towpath/kit';
import { Client, createRecorder } from '@towpath/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArchive } from './archive.ts';
import type { SourceDeps } from './deps.ts';
import { findGit } from './find-git.ts';
import { findHelmChart, findHelmRepository } from './find-helm.ts';
import { GitRepositories, HelmCharts, HelmRepositories, type GitRepositorySpec, type Source } from './kinds.ts';
import { reconcileSource, type SourceKind } from './reconcile.ts';
import { Storage } from './storage.ts';

const namespace = 'default';
const author = { name: 'Dev', email: 'dev@example.com', atMs: Date.UTC(2026, 0, 2) } as const;
const chartFiles = new Map([
  ['Chart.yaml', Buffer.from('apiVersion: v2\nname: web\nversion: 1.2.3\n')],
  ['values.yaml', Buffer.from('replicas: 1\n')],
  ['values-prod.yaml', Buffer.from('replicas: 3\n')],
]);

let folder: string;
let cluster: TestCluster;
let client: Client;
let deps: SourceDeps & { failures: Map<string, number> };
let server: Server;
let url: string;
let commit: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-sources-'));
  cluster = await startTestCluster();
  client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  const definitions = await readFile(new URL('../../../charts/towpath/crds/source.yaml', import.meta.url), 'utf8');
  for (const object of parseAllYaml(definitions, { file: 'source.yaml' })) {
    await client.create(CustomResourceDefinitions, object as AnyObject);
  }
  const git = createGit({ clock: systemClock });
  const { filename, data } = await packageChart(await loadChart(chartFiles), {});
  const gitServer = createGitServer({
    dir: join(folder, 'git'),
    clock: systemClock,
    log: silentLogger,
    onPush: () => {},
  });
  commit = await seed(git, gitServer.folder('acme/app'));
  server = await serve(gitServer, { filename, data });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const mirror = openMirror({ git, dir: join(folder, 'clone.git'), url: `${url}/acme/app.git` });
  await mirror.fetch();
  for (const name of ['v1.0.0', 'v1.4.0', 'v2.0.0-rc.1']) {
    await mirror.pushTag({ name, commit, message: name, tagger: author });
  }
  deps = {
    client,
    clock: systemClock,
    log: silentLogger,
    recorder: createRecorder({ client, component: 'source-controller', clock: systemClock }),
    storage: new Storage({
      dir: join(folder, 'artifacts'),
      advertisedAddress: 'sources',
      clock: systemClock,
      keptRecords: 2,
    }),
    git,
    mirrorsDir: join(folder, 'mirrors'),
    hostUrl: (text) => text.replace('http://git', url),
    failures: new Map(),
  };
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await cluster.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Git below /acme, a chart repository below /charts. */
async function serve(git: GitServer, archive: { filename: string; data: Uint8Array }): Promise<Server> {
  const index = `apiVersion: v1\nentries:\n  web:\n    - {name: web, version: 1.2.3, urls: [${archive.filename}]}\n`;
  const made = createServer((request, response) => {
    if (request.url === '/charts/index.yaml') response.end(index);
    else if (request.url === `/charts/${archive.filename}`) response.end(archive.data);
    else git.handle(request, response);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return made;
}

async function seed(git: Git, into: string): Promise<string> {
  const files = {
    'apps/a.yaml': 'kind: A\n',
    'apps/picture.png': 'x',
    'docs/long.md': 'words\n',
    'infra/b.yaml': 'kind: B\n',
    ...Object.fromEntries([...chartFiles].map(([name, text]) => [`chart/${name}`, text.toString()])),
  };
  const from = join(folder, 'files');
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(from, path)), { recursive: true });
    await writeFile(join(from, path), text);
  }
  return seedRepository({ git, from, into, omit: [], edits: { branch: 'main', message: 'First' } });
}

async function look<Object extends Source>(kind: SourceKind<Object>, name: string, spec: object): Promise<Object> {
  const { group, version, kind: kindName } = kind.type;
  const object = { apiVersion: `${group}/${version}`, kind: kindName, metadata: { name, namespace }, spec };
  await client.create(kind.type as ResourceType, object as AnyObject);
  await reconcileSource(kind, { namespace, name }, deps, new AbortController().signal);
  const after = await client.get(kind.type, { namespace, name });
  if (after === undefined) throw new Error('it is gone');
  return after;
}

function readyOf({ status }: Source): string {
  const ready = findCondition(status?.conditions, 'Ready');
  return `${ready?.status} ${ready?.reason} ${ready?.message}`;
}

describe('GitRepository', () => {
  const gitKind = { type: GitRepositories, find: findGit };
  const files = [
    'apps/a.yaml',
    'chart/Chart.yaml',
    'chart/values-prod.yaml',
    'chart/values.yaml',
    'docs/long.md',
    'infra/b.yaml',
  ];

  test.each<{ name: string; spec: Partial<GitRepositorySpec>; revision: string; files: readonly string[] }>([
    { name: 'branch', spec: { ref: { branch: 'main' } }, revision: 'main@sha1:COMMIT', files },
    { name: 'tag', spec: { ref: { tag: 'v1.0.0' } }, revision: 'v1.0.0@sha1:COMMIT', files },
    { name: 'semver', spec: { ref: { semver: '>=1.0.0' } }, revision: 'v1.4.0@sha1:COMMIT', files },
    { name: 'name', spec: { ref: { name: 'refs/heads/main' } }, revision: 'refs/heads/main@sha1:COMMIT', files },
    {
      name: 'ignored',
      spec: { ref: { branch: 'main' }, ignore: '/*\n!/apps\n!*.png\n' },
      revision: 'main@sha1:COMMIT',
      files: ['apps/a.yaml', 'apps/picture.png'],
    },
    {
      name: 'sparse',
      spec: { ref: { branch: 'main' }, sparseCheckout: ['./infra'] },
      revision: 'main@sha1:COMMIT',
      files: ['infra/b.yaml'],
    },
  ])('$name', async ({ name, spec, revision, files: wanted }) => {
    const object = await look(gitKind, name, { url: 'http://git/acme/app.git', interval: '1h', ...spec });

    const full = revision.replace('COMMIT', commit);
    expect(readyOf(object)).toBe(`True Succeeded stored artifact for revision '${full}'`);
    const artifact = object.status?.artifact;
    expect(artifact?.url).toBe(`http://sources/gitrepository/${namespace}/${name}/${commit}.tar.gz`);
    if (artifact === undefined) return;
    expect([...(await readArchive(await deps.storage.read(artifact))).keys()]).toEqual(wanted);
  });

  test('the same files have the same digest', async () => {
    const digests = ['branch', 'tag'].map(
      async (name) => (await client.get(GitRepositories, { namespace, name }))?.status,
    );
    const [one, other] = await Promise.all(digests);

    expect(one?.artifact?.digest).toBe(other?.artifact?.digest);
  });

  test.each([
    {
      name: 'no-branch',
      spec: { ref: { branch: 'none' } },
      ready: `False GitOperationFailed failed to checkout and determine revision: unable to clone 'http://git/acme/app.git': couldn't find remote ref "refs/heads/none"`,
    },
    {
      name: 'no-secret',
      spec: { secretRef: { name: 'none' } },
      // Twice, as in Flux.
      ready: `False AuthenticationFailed failed to get secret '${namespace}/none': failed to get secret '${namespace}/none': secrets "none" not found`,
    },
    {
      name: 'verified',
      spec: { verify: { mode: 'HEAD', secretRef: { name: 'keys' } } },
      ready: 'False NotSupported spec.verify: not supported by Towpath; remove it, or let Flux look after this object',
    },
  ])('$name', async ({ name, spec, ready }) => {
    const object = await look(gitKind, name, { url: 'http://git/acme/app.git', interval: '1h', ...spec });

    expect(readyOf(object)).toBe(ready);
    expect(object.status?.artifact).toBeUndefined();
  });
});

describe('charts', () => {
  const repositoryKind = {
    type: HelmRepositories,
    find: findHelmRepository,
    latest: (object: Source, { storage }: SourceDeps) => storage.urlOf(object, 'index.yaml'),
  };
  const chartKind = { type: HelmCharts, find: findHelmChart };

  test('of a repository', async () => {
    const repository = await look(repositoryKind, 'charts', { url: `${url}/charts`, interval: '1h' });
    expect(readyOf(repository)).toMatch(/^True Succeeded stored artifact: revision 'sha256:[0-9a-f]{64}'$/);

    const sourceRef = { kind: 'HelmRepository', name: 'charts' };
    const chart = await look(chartKind, 'pulled', { chart: 'web', version: '1.x', interval: '1h', sourceRef });
    expect(readyOf(chart)).toBe("True ChartPullSucceeded pulled 'web' chart with version '1.2.3'");
    expect(chart.status?.artifact?.revision).toBe('1.2.3');
  });

  test('of a folder in Git, with other values', async () => {
    const sourceRef = { kind: 'GitRepository', name: 'branch' };
    const spec = { chart: './chart', interval: '1h', sourceRef, valuesFiles: ['chart/values-prod.yaml'] };
    const chart = await look(chartKind, 'packaged', { ...spec, reconcileStrategy: 'Revision' });

    const version = `1.2.3+${commit.slice(0, 12)}.1`;
    expect(readyOf(chart)).toBe(
      `True ChartPackageSucceeded packaged 'web' chart with version '${version}' and merged values files [chart/values-prod.yaml]`,
    );
    const { artifact } = chart.status ?? {};
    const packed = artifact === undefined ? undefined : await readArchive(await deps.storage.read(artifact));
    expect(JSON.parse(Buffer.from(packed?.get('web/values.yaml') ?? []).toString())).toEqual({ replicas: 3 });
  });

  test.each([
    {
      name: 'unknown',
      spec: { chart: 'nothing', sourceRef: { kind: 'HelmRepository', name: 'charts' } },
      ready: /^False InvalidChartReference invalid chart reference: failed to get chart version for remote reference: /,
    },
    {
      name: 'homeless',
      spec: { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'none' } },
      ready: /^False SourceUnavailable failed to get source: HelmRepository.source.toolkit.fluxcd.io "none" not found$/,
    },
  ])('$name', async ({ name, spec, ready }) => {
    expect(readyOf(await look(chartKind, name, { interval: '1h', ...spec }))).toMatch(ready);
  });
});
