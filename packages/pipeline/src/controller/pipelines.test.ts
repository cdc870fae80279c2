/** From a push to finished Jobs, on a real API server with a real Git repository; the Jobs' results are scripted. */

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  CustomResourceDefinitions,
  Images,
  Jobs,
  Namespaces,
  Pipelines,
  Repositories,
  towpathNamespace,
  type AnyObject,
  type Pipeline,
} from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { createGit, createGitServer, openMirror, readRefs, seedRepository, type GitServer } from '@towpath/git';
import { isRecord, silentLogger, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pipelineCrds } from '../crds.ts';
import { jobAnnotation } from '../names.ts';
import { publishImage, publishRepository } from '../publish.ts';
import { createPipelines, type PipelineController } from './pipelines.ts';

const git = createGit({ clock: systemClock });
const author = { name: 'A', email: 'a@b', atMs: Date.UTC(2026, 0, 1) } as const;

const ciFile = `
stages: [one, two]
a: { stage: one, script: [echo a], image: docker:latest, rules: [{ changes: ["src/a/*"] }] }
b: { stage: two, script: [echo b], rules: [{ changes: ["src/b/*"] }] }
`;

let folder: string;
let cluster: TestCluster;
let client: Client;
let server: GitServer;
let pipelines: PipelineController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-pipeline-'));
  cluster = await startTestCluster();
  client = new Client({ transport: cluster.transport() });
  await client.create(Namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: towpathNamespace },
  });
  for (const crd of pipelineCrds) await client.create(CustomResourceDefinitions, crd);
  await vi.waitFor(async () =>
    expect(await client.resourceFor({ apiVersion: 'towpath.dev/v1alpha1', kind: 'Pipeline' })).toBeDefined(),
  );
  server = createGitServer({
    dir: join(folder, 'git'),
    git,
    log: silentLogger,
    clock: systemClock,
    onPush: (event) => publishRepository({ client, clock: systemClock }, event),
  });
  pipelines = createPipelines({
    client,
    clock: systemClock,
    log: silentLogger,
    folder: join(folder, 'data'),
    openRepository: (path) => server.repository(path),
    hostUrl: () => join(folder, 'git', 'acme', 'shop.git'),
    registryUrl: 'http://127.0.0.1:5000',
    docker: { node: process.execPath, program: '/towpath.js', dataDir: folder },
  });
});

afterEach(async () => {
  await pipelines.dispose();
  await cluster.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function seed(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, 'from', path)), { recursive: true });
    await writeFile(join(folder, 'from', path), text);
  }
  const commit = await seedRepository({ git, from: join(folder, 'from'), into: server.folder('acme/shop') });
  await server.publish();
  return commit;
}

async function commit(path: string, text: string, message = 'change'): Promise<string> {
  const mirror = openMirror({ git, dir: join(folder, 'mirror'), url: server.folder('acme/shop'), allowFile: true });
  const { branches } = await mirror.fetch();
  const parent = branches['master'] ?? '';
  const edits = new Map([[path, { content: text }]]);
  const id = await mirror.commitAndPush({ branch: 'master', parent, edits, author, message });
  await server.publish();
  return id;
}

function pipeline(name: string, expected: Partial<NonNullable<Pipeline['status']>>): Promise<Pipeline> {
  return vi.waitFor(
    async () => {
      const found = await client.get(Pipelines, { namespace: towpathNamespace, name });
      expect(found?.status).toMatchObject(expected);
      if (found === undefined) throw new Error('absent');
      return found;
    },
    { timeout: 5000, interval: 20 },
  );
}

async function jobs(): Promise<AnyObject[]> {
  return (await client.list(Jobs, { namespace: towpathNamespace })).items;
}

async function jobOf(name: string): Promise<AnyObject> {
  const found = (await jobs()).find((job) => job.metadata.annotations?.[jobAnnotation] === name);
  if (found === undefined) throw new Error(`no job ${name}`);
  return found;
}

async function endJob(name: string, type: 'Complete' | 'Failed'): Promise<void> {
  const job = await jobOf(name);
  const conditions = [{ type, status: 'True', reason: 'x', message: 'x', lastTransitionTime: '2026-01-01T00:00:00Z' }];
  const status = {
    startTime: '2026-01-01T00:00:00Z',
    conditions,
    ...(type === 'Complete' && { completionTime: '2026-01-01T00:00:01Z' }),
  };
  await client.patch(
    Jobs,
    { namespace: towpathNamespace, name: job.metadata.name },
    { status },
    { kind: 'merge', subresource: 'status' },
  );
}

describe('createPipelines', () => {
  it('runs all jobs of the first push stage by stage, then only what a push changes', async () => {
    const first = await seed({ '.gitlab-ci.yml': ciFile, 'src/a/x': '1', 'src/b/x': '1', 'deploy/x': '1' });
    await pipelines.start();

    const started = await pipeline('acme-shop-1', { phase: 'Running' });
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(1));
    await endJob('a', 'Complete');
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(2));
    await endJob('b', 'Complete');
    await pipeline('acme-shop-1', { phase: 'Succeeded', imageTag: 'v0.0.1', message: '2 jobs passed' });
    await commit('deploy/x', '2');
    await pipeline('acme-shop-2', { phase: 'Skipped', message: 'no job is for what this push changes' });
    await commit('src/b/x', '2', 'again\n\n[skip ci]');
    await pipeline('acme-shop-3', { phase: 'Skipped', message: 'the commit message says [ci skip]' });
    await commit('src/b/x', '3');
    const last = await pipeline('acme-shop-4', { phase: 'Running', imageTag: 'v0.0.4' });

    expect(started.spec).toMatchObject({ commit: first, before: '0'.repeat(40), ref: 'refs/heads/master', iid: 1 });
    expect(last.status?.jobs?.map((job) => job.name)).toEqual(['b']);
  });

  it('numbers images above the highest that exists', async () => {
    const tags = [{ name: 'v0.0.7', digest: `sha256:${'0'.repeat(64)}`, pushedAt: '2026-01-01T00:00:00Z' }];
    await publishImage({ client, clock: systemClock }, { repository: 'acme/a', tags });
    await seed({ '.gitlab-ci.yml': ciFile, 'src/a/x': '1' });
    await pipelines.start();

    await pipeline('acme-shop-8', { imageTag: 'v0.0.8' });

    const image = await client.get(Images, { namespace: towpathNamespace, name: 'acme.a' });
    expect(image?.status?.tags).toEqual(tags);
  });

  it('fails a pipeline whose file is wrong, with the place and the next step', async () => {
    await seed({ '.gitlab-ci.yml': 'a:\n  script: x\n  parallel: 3\n' });
    await pipelines.start();

    const failed = await pipeline('acme-shop-1', { phase: 'Failed' });

    expect(failed.status?.message).toBe(
      '.gitlab-ci.yml:3: the keyword a.parallel is not supported: parallel and matrix jobs are not supported: write the jobs out: remove it from the file',
    );
  });

  it('skips what comes after a failed job', async () => {
    await seed({ '.gitlab-ci.yml': ciFile, 'src/a/x': '1', 'src/b/x': '1' });
    await pipelines.start();
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(1));

    await endJob('a', 'Failed');

    const failed = await pipeline('acme-shop-1', { phase: 'Failed' });
    expect(failed.status?.jobs?.map((job) => `${job.name} ${job.phase}`)).toEqual(['a Failed', 'b Skipped']);
  });

  it('goes on where it was after a restart', async () => {
    await seed({ '.gitlab-ci.yml': ciFile, 'src/a/x': '1', 'src/b/x': '1' });
    await pipelines.start();
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(1));
    await pipelines.dispose();
    await endJob('a', 'Complete');
    pipelines = createPipelines({
      client,
      clock: systemClock,
      log: silentLogger,
      folder: join(folder, 'data'),
      openRepository: (path) => server.repository(path),
      hostUrl: (url) => url,
      docker: { node: process.execPath, program: '/towpath.js', dataDir: folder },
    });

    await pipelines.start();

    await vi.waitFor(async () => expect(await jobs()).toHaveLength(2));
    expect((await client.list(Pipelines, { namespace: towpathNamespace })).items).toHaveLength(1);
  });

  it('leaves read-only repositories alone', async () => {
    await seedRepository({ git, from: tmpdirWithFile(), into: server.folder('start/shop') });
    const repo = server.repository('start/shop');
    if (repo === undefined) throw new Error('absent');
    const refs = await readRefs(repo);
    const event = {
      repository: 'start/shop',
      url: 'http://x/start/shop.git',
      refs: [],
      ...refs,
      defaultBranch: 'master',
    };
    await publishRepository({ client, clock: systemClock }, event, { readOnly: true });

    await pipelines.start();
    await vi.waitFor(async () =>
      expect((await client.list(Repositories, { namespace: towpathNamespace })).items).toHaveLength(1),
    );
    await pipelines.idle();

    expect((await client.list(Pipelines, { namespace: towpathNamespace })).items).toEqual([]);
  });
});

function tmpdirWithFile(): string {
  return join(import.meta.dirname, '..', 'config');
}

describe('the script of a job', () => {
  async function runScript(job: AnyObject, cwd: string): Promise<{ code: number; output: string }> {
    const [container] = (
      job['spec'] as {
        template: { spec: { containers: { command: string[]; env: { name: string; value?: string }[] }[] } };
      }
    ).template.spec.containers;
    if (!isRecord(container)) throw new Error('no container');
    const env = Object.fromEntries(container.env.map(({ name, value }) => [name, (value ?? '').replaceAll('$$', '$')]));
    const [program = '', ...args] = container.command.map((word) => word.replaceAll('$$', '$'));
    await mkdir(cwd, { recursive: true });
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { cwd, env: { PATH: process.env['PATH'], HOME: folder, ...env } });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? 1, output }));
    });
  }

  it('checks out the commit, keeps caches and artifacts, and ends with the exit code of the lines', async () => {
    await seed({
      '.gitlab-ci.yml': `
stages: [one, two]
variables: { GREETING: "it's $CI_PROJECT_PATH" }
a:
  stage: one
  image: docker:latest
  cache: { key: { files: [lock] }, paths: [modules/] }
  artifacts: { paths: [out/*.txt] }
  script:
    - test -d modules || { echo installing; mkdir modules; echo m > modules/m; }
    - mkdir out; echo "$GREETING" > out/a.txt; echo no > out/a.bin
    - |
      for n in 1 2; do
        echo "line $n $(basename $PWD)"
      done
  after_script: [ 'echo "after $CI_JOB_STATUS"' ]
b:
  stage: two
  cache: { key: { files: [lock] }, paths: [modules/] }
  script: [cat out/a.txt modules/m, ls out, command -v docker, false, echo never]
`,
      lock: '1',
    });
    await pipelines.start();
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(1));

    const first = await runScript(await jobOf('a'), join(folder, 'a'));
    await endJob('a', 'Complete');
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(2));
    const second = await runScript(await jobOf('b'), join(folder, 'b'));

    expect(first.output).toContain(
      "NOTE: the image docker:latest cannot be run by this node: the host's shell and tools are used",
    );
    expect(first.output).toContain('installing\n');
    expect(first.output).toContain('line 2 shop\n');
    expect(first.output).toContain('after success\n');
    expect(first.code).toBe(0);
    expect(second.output).toContain("it's acme/shop\nm\n$ ls out\na.txt\n$ command -v docker\n");
    expect(second.output).not.toContain('never\n');
    expect(second.output).toContain('ERROR: Job failed: exit code 1');
    expect(second.code).toBe(1);
    expect(await readFile(join(folder, 'data', 'bin', 'docker'), 'utf8')).toContain('/towpath.js docker "$@"');
  });
});
