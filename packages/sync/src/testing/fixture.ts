/** A flux under test: the real API server in memory, a real Git server, the builtin run as its pod would run it. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CustomResourceDefinitions,
  Namespaces,
  Secrets,
  type AnyObject,
  type BuiltinContext,
  type InboundConnection,
  type KubeObject,
  type StartImageAutomation,
} from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { createGit, createGitServer, openMirror, type Mirror } from '@towpath/git';
import { Disposer, parseAllYaml, silentLogger, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { createFlux } from '../flux.ts';

export const repositoryUrl = 'http://git.towpath-system/acme/shop.git';
const author = { name: 'Dev', email: 'dev@example.com', atMs: Date.UTC(2026, 0, 2) } as const;

export interface Fixture {
  readonly client: Client;
  /** A clone to push from and to look at. */
  readonly mirror: Mirror;
  /** The container's log. */
  readonly lines: string[];
  /** Commits and pushes: path → text, or null to delete. */
  push(files: Readonly<Record<string, string | null>>): Promise<string>;
  /** Starts flux with these flags besides the URL. */
  start(options?: { args?: string[]; env?: Record<string, string>; startImages?: StartImageAutomation }): Promise<void>;
  stop(): Promise<void>;
  /** A request to the virtual listener of the pod. */
  call(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; body: string }>;
  eventually<Value>(check: () => Promise<Value | undefined | false> | Value | undefined | false): Promise<Value>;
  dispose(): Promise<void>;
}

/** Made for these tests only; it opens nothing. */
const testKey = generateKeyPairSync('rsa', { modulusLength: 1024 })
  .privateKey.export({ type: 'pkcs1', format: 'pem' })
  .toString();
const repositoryRoot = fileURLToPath(new URL('../../../../', import.meta.url));

/** `withKey: false` leaves it to flux to make its deploy key, which takes a while. */
export async function startFixture(options: { withKey?: boolean } = {}): Promise<Fixture> {
  const ends = new Disposer();
  const folder = await mkdtemp(join(tmpdir(), 'towpath-sync-'));
  ends.add(() => rm(folder, { recursive: true, force: true }));
  const cluster = await startTestCluster({ clock: systemClock });
  ends.add(cluster);
  const client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'flux' } };
  await client.create(Namespaces, namespace as AnyObject);
  if (options.withKey !== false) await createKey(client);
  const crd = await readFile(join(repositoryRoot, 'charts/flux/crds/syncs.yaml'), 'utf8');
  for (const object of parseAllYaml(crd, { file: 'syncs.yaml' })) {
    await client.create(CustomResourceDefinitions, object as AnyObject);
  }
  const { url, close } = await serveGit(folder);
  ends.add(close);
  const git = createGit({ clock: systemClock });
  const mirror = openMirror({ git, dir: join(folder, 'clone.git'), url });
  const running: { stop: () => Promise<void> } = { stop: async () => {} };
  ends.add(() => running.stop());
  const lines: string[] = [];
  const sockets: ((connection: InboundConnection) => void)[] = [];
  return {
    client,
    mirror,
    lines,
    push: (files) => push(mirror, git, url, files),
    async start(options = {}) {
      const stop = new AbortController();
      const context = contextOf({ cluster, folder, url, lines, sockets, signal: stop.signal, ...options });
      const startImages = options.startImages === undefined ? {} : { startImages: options.startImages };
      const instance = await createFlux(startImages)(context);
      running.stop = async () => {
        stop.abort();
        await instance.done;
      };
    },
    stop: () => running.stop(),
    call: (method, path, options = {}) => callListener(sockets, method, path, options),
    eventually,
    dispose: () => ends.dispose(),
  };
}

async function createKey(client: Client): Promise<void> {
  await client.create(Secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'flux-git-deploy', namespace: 'flux' },
    data: { identity: Buffer.from(testKey).toString('base64') },
  });
}

async function serveGit(folder: string): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createGitServer({
    dir: join(folder, 'repositories'),
    log: silentLogger,
    clock: systemClock,
    onPush: () => {},
  });
  const http = createServer((req, res) => server.handle(req, res));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/acme/shop.git`,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await server.idle();
    },
  };
}

async function push(
  mirror: Mirror,
  git: ReturnType<typeof createGit>,
  url: string,
  files: Readonly<Record<string, string | null>>,
): Promise<string> {
  const edits = new Map(Object.entries(files).map(([path, content]) => [path, { content }]));
  const parent = await mirror.fetch().then(
    (refs) => refs.branches['master'],
    () => undefined,
  );
  if (parent !== undefined) return mirror.commitAndPush({ branch: 'master', parent, edits, author, message: 'Change' });
  return firstPush(git, url, edits);
}

async function firstPush(
  git: ReturnType<typeof createGit>,
  url: string,
  edits: ReadonlyMap<string, { content: string | null }>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'towpath-first-'));
  const subject = 'first push';
  const gitDir = join(folder, 'r.git');
  await git.run({ args: ['init', '--quiet', '--bare', '--', gitDir], subject });
  const rows: string[] = [];
  for (const [path, { content }] of edits) {
    const id = await git.text({ args: ['hash-object', '-w', '--stdin'], gitDir, subject, input: content ?? '' });
    rows.push(`100644 ${id}\t${path}\0`);
  }
  const env = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  };
  await git.run({ args: ['update-index', '-z', '--index-info'], gitDir, subject, input: rows.join(''), env });
  const tree = await git.text({ args: ['write-tree'], gitDir, subject });
  const commit = await git.text({ args: ['commit-tree', tree, '-m', 'First'], gitDir, subject, env });
  await git.run({
    args: ['push', '--quiet', '--', url, `${commit}:refs/heads/master`],
    gitDir,
    subject,
    remote: { url },
  });
  await rm(folder, { recursive: true, force: true });
  return commit;
}

function contextOf(options: {
  cluster: Awaited<ReturnType<typeof startTestCluster>>;
  folder: string;
  url: string;
  lines: string[];
  sockets: ((connection: InboundConnection) => void)[];
  signal: AbortSignal;
  args?: string[];
  env?: Record<string, string>;
}): BuiltinContext {
  const { cluster, folder, url, lines, sockets, signal } = options;
  const unused = (): never => {
    throw new Error('flux does not use this');
  };
  return {
    args: [`--git-url=${repositoryUrl}`, ...(options.args ?? [])],
    env: options.env ?? {},
    pod: { namespace: 'flux', pod: 'flux-0', uid: 'u', labels: { release: 'flux' }, serviceAccount: 'flux', node: 'n' },
    transport: cluster.transport(),
    dialer: { dial: unused },
    network: {
      podIP: '10.244.0.9',
      listen: (_port, onConnection) => {
        sockets.splice(0, sockets.length, onConnection);
        return { close: () => {} };
      },
      attachSidecar: unused,
    },
    hostUrl: (given) => (given === repositoryUrl ? url : given),
    log: silentLogger,
    print: (line) => lines.push(line),
    scratchDir: join(folder, 'scratch'),
    mounts: {},
    signal,
  };
}

/** Real sockets stand in for the virtual listener's connections. */
async function callListener(
  sockets: readonly ((connection: InboundConnection) => void)[],
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string },
): Promise<{ status: number; body: string }> {
  const { createServer: listenOn } = await import('node:net');
  const server = listenOn((stream) => sockets[0]?.({ stream, port: 3030 }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { connection: 'close', ...options.headers },
      ...(options.body === undefined ? {} : { body: options.body }),
    });
    return { status: response.status, body: await response.text() };
  } finally {
    server.close();
  }
}

const limitMs = 10_000;

async function eventually<Value>(
  check: () => Promise<Value | undefined | false> | Value | undefined | false,
): Promise<Value> {
  const untilMs = systemClock.monotonicMs() + limitMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (systemClock.monotonicMs() > untilMs) throw new Error(`not reached: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
