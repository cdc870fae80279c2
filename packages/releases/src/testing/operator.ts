/** An operator on the in-memory API server with a real Git server, for tests of this package. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CustomResourceDefinitions,
  HelmReleases,
  Namespaces,
  Repositories,
  type AnyObject,
  type BuiltinContext,
  type Repository,
} from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { createGit, createGitServer, openMirror, type Git, type GitServer, type Mirror } from '@towpath/git';
import { parseYaml, seededRandom, silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { vi } from 'vitest';
import { startHelmOperator } from '../operator/builtin.ts';
import type { HelmRelease } from '../operator/helm-release.ts';
import type { TextFiles } from './charts.ts';

const repositoryCrd: AnyObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'repositories.towpath.dev' },
  spec: {
    group: 'towpath.dev',
    scope: 'Namespaced',
    names: { kind: 'Repository', plural: 'repositories', singular: 'repository', listKind: 'RepositoryList' },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const author = { name: 'A', email: 'a@example.com', atMs: Date.UTC(2026, 0, 1) };
const repositoryUrl = 'http://git.towpath-system/acme/shop.git';

/** Files of several charts: `frontend` → its files. */
export type Charts = Readonly<Record<string, TextFiles>>;

export class OperatorFixture {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly #folder: string;
  readonly #http: Server;
  readonly #git: Git;
  readonly #mirror: Mirror;
  readonly #address: string;
  readonly cluster: TestCluster;
  readonly client: Client;
  #head: string | undefined;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #starts = 0;

  private constructor(parts: {
    folder: string;
    http: Server;
    cluster: TestCluster;
    git: Git;
    address: string;
    clock: FakeClock;
  }) {
    this.clock = parts.clock;
    this.#folder = parts.folder;
    this.#http = parts.http;
    this.#git = parts.git;
    this.#address = parts.address;
    this.cluster = parts.cluster;
    this.client = new Client({ transport: parts.cluster.transport(), fieldManager: 'test' });
    this.#mirror = openMirror({
      git: parts.git,
      dir: join(parts.folder, 'work.git'),
      url: `${parts.address}/acme/shop.git`,
    });
  }

  /** A cluster with the kinds, the namespace `shop` and a Git server; no operator yet. */
  static async create(): Promise<OperatorFixture> {
    const clock = new FakeClock();
    const folder = await mkdtemp(join(tmpdir(), 'towpath-operator-'));
    const git = createGit({ clock });
    const server: GitServer = createGitServer({
      dir: join(folder, 'repos'),
      log: silentLogger,
      clock,
      onPush: () => {},
    });
    await server.create('acme/shop');
    const http = createServer((request, response) => server.handle(request, response));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const cluster = await startTestCluster({ clock });
    const fixture = new OperatorFixture({ folder, http, cluster, git, address, clock });
    const crdFile = new URL('../../../../charts/helm-operator/crds.yaml', import.meta.url);
    const helmReleaseCrd = parseYaml(await readFile(crdFile, 'utf8'), { file: 'crds.yaml' }) as AnyObject;
    for (const crd of [helmReleaseCrd, repositoryCrd]) await fixture.client.create(CustomResourceDefinitions, crd);
    for (const name of ['shop', 'towpath-system']) {
      await fixture.client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    return fixture;
  }

  /** Commits charts below charts/ on master and publishes the branch, as the Git server does after a push. */
  async push(charts: Charts): Promise<string> {
    const edits = new Map<string, { content: string }>();
    for (const [chart, files] of Object.entries(charts)) {
      for (const [path, content] of Object.entries(files)) edits.set(`charts/${chart}/${path}`, { content });
    }
    await this.#mirror.fetch();
    const parent = this.#head ?? '';
    this.#head =
      parent === ''
        ? await this.#firstCommit(edits)
        : await this.#mirror.commitAndPush({ branch: 'master', parent, edits, author, message: 'change' });
    await this.#publish(this.#head);
    return this.#head;
  }

  /** A branch's first commit has no parent to push onto: it is made in the server's own folder. */
  async #firstCommit(edits: ReadonlyMap<string, { content: string }>): Promise<string> {
    const gitDir = join(this.#folder, 'repos', 'acme', 'shop.git');
    const call = { gitDir, subject: 'shop' };
    const rows: string[] = [];
    for (const [path, { content }] of edits) {
      const id = await this.#git.text({ ...call, args: ['hash-object', '-w', '--stdin'], input: content });
      rows.push(`100644 ${id}\t${path}\0`);
    }
    const env = { GIT_INDEX_FILE: join(this.#folder, 'index') };
    await this.#git.run({ ...call, env, args: ['update-index', '-z', '--add', '--index-info'], input: rows.join('') });
    const tree = await this.#git.text({ ...call, env, args: ['write-tree'] });
    const who = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@b' };
    const commit = await this.#git.text({ ...call, env: who, args: ['commit-tree', '-m', 'first', tree] });
    await this.#git.run({ ...call, args: ['update-ref', 'refs/heads/master', commit] });
    return commit;
  }

  async #publish(head: string): Promise<void> {
    const key = { namespace: 'towpath-system', name: 'acme-shop' };
    const status = { defaultBranch: 'master', branches: { master: head } };
    if ((await this.client.get(Repositories, key)) === undefined) {
      const repository: Repository = {
        apiVersion: 'towpath.dev/v1alpha1',
        kind: 'Repository',
        metadata: key,
        spec: { url: repositoryUrl },
      };
      await this.client.create(Repositories, repository);
    }
    await this.client.patch(Repositories, key, { status }, { kind: 'merge', subresource: 'status' });
  }

  /** Starts an operator (again). */
  async start(args: readonly string[] = []): Promise<void> {
    this.#stop = new AbortController();
    const context: BuiltinContext = {
      args: ['--charts-sync-interval=1m', '--git-poll-interval=1m', '--git-ssh-secret=', ...args],
      env: {},
      pod: {
        namespace: 'flux',
        pod: 'helm-operator-x',
        uid: `uid-${++this.#starts}`,
        labels: {},
        serviceAccount: 'x',
        node: 'n',
      },
      transport: this.cluster.transport(),
      dialer: { dial: () => Promise.reject(new Error('no network in this test')) },
      network: {
        podIP: '10.244.0.2',
        listen: () => ({ close: () => {} }),
        attachSidecar: () => ({ close: () => {} }),
      },
      hostUrl: (url) => url.replace('http://git.towpath-system', this.#address),
      log: silentLogger,
      print: (line) => this.lines.push(line),
      scratchDir: join(this.#folder, `scratch-${this.#starts}`),
      mounts: {},
      signal: this.#stop.signal,
    };
    const { done } = await startHelmOperator(context, { clock: this.clock, random: seededRandom(3) });
    this.#done = done;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.cluster.dispose();
    await new Promise((resolve) => this.#http.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Creates a HelmRelease for the chart of the same name. */
  async release(name: string, spec: Record<string, unknown> = {}): Promise<void> {
    const object: AnyObject = {
      apiVersion: 'helm.fluxcd.io/v1',
      kind: 'HelmRelease',
      metadata: { name, namespace: 'shop' },
      spec: { releaseName: name, chart: { git: repositoryUrl, ref: 'master', path: `charts/${name}` }, ...spec },
    };
    await this.client.create(HelmReleases, object);
  }

  async get(name: string): Promise<HelmRelease | undefined> {
    return (await this.client.get(HelmReleases, { namespace: 'shop', name })) as HelmRelease | undefined;
  }

  /** The MESSAGE column. */
  async message(name: string): Promise<string | undefined> {
    return (await this.get(name))?.status?.conditions?.find(({ type }) => type === 'Released')?.message;
  }

  /** Resolves when `check` no longer throws; Git runs in real time, so the fake clock alone does not tell. */
  eventually<Value>(check: () => Promise<Value> | Value): Promise<Value> {
    return vi.waitFor(check, { timeout: 10_000, interval: 20 });
  }
}
