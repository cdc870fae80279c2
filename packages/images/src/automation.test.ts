/** Image automation against a real repository and real Image objects: one commit, then silence. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CustomResourceDefinitions,
  Images,
  towpathNamespace,
  Namespaces,
  type AnyObject,
  type BuiltinContext,
  type GitSource,
  type ImageRecord,
} from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { createGit, openMirror, seedRepository, type Mirror } from '@towpath/git';
import { Disposer, silentLogger, systemClock } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createImageAutomation } from './automation.ts';
import type { TagSource } from './registry-tags.ts';

const release = (name: string, tag: string): string => `apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata:
  name: ${name}
  annotations:
    fluxcd.io/automated: "true"
    flux.weave.works/tag.chart-image: semver:~v0.0
spec:
  values:
    image:
      repository: acme/${name}
      tag: ${tag}   # written back
`;

const author = { name: 'Weave Flux', email: 'support@weave.works', atMs: Date.UTC(2026, 0, 2) } as const;
const noRegistry: TagSource = {
  list: () => Promise.reject(new Error('no such registry')),
  createdAtMs: () => Promise.resolve(0),
};

let ends: Disposer;
let clock: FakeClock;
let client: Client;
let mirror: Mirror;
let folder: string;
let context: BuiltinContext;
const git = createGit({ clock: systemClock });

beforeEach(async () => {
  ends = new Disposer();
  clock = new FakeClock();
  folder = await mkdtemp(join(tmpdir(), 'towpath-images-'));
  ends.add(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'from', 'deploy'), { recursive: true });
  await writeFile(join(folder, 'from', 'deploy', 'frontend.yaml'), release('frontend', 'v0.0.1'));
  await writeFile(join(folder, 'from', 'deploy', 'adservice.yaml'), release('adservice', 'v0.0.1'));
  await seedRepository({ git, from: join(folder, 'from'), into: join(folder, 'shop.git') });
  mirror = open('mirror');
  await mirror.fetch();
  const cluster = await startTestCluster({ clock: systemClock });
  ends.add(cluster);
  client = new Client({ transport: cluster.transport() });
  const namespace: AnyObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: towpathNamespace } };
  await client.create(Namespaces, namespace).catch(() => undefined);
  await client.create(CustomResourceDefinitions, imageDefinition);
  // Only the members automation reads.
  context = { transport: cluster.transport(), hostUrl: (url: string) => url } as unknown as BuiltinContext;
});

afterEach(() => ends.dispose());

const imageDefinition: AnyObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'images.towpath.dev' },
  spec: {
    group: 'towpath.dev',
    scope: 'Namespaced',
    names: { kind: 'Image', plural: 'images', singular: 'image', listKind: 'ImageList' },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

function open(name: string): Mirror {
  return openMirror({ git, dir: join(folder, name), url: join(folder, 'shop.git'), allowFile: true });
}

async function pushed(name: string, ...tags: string[]): Promise<void> {
  const key = { namespace: towpathNamespace, name };
  const entries = tags.map((tag) => ({ name: tag, digest: 'sha256:0', pushedAt: '2026-01-01T00:00:00Z' }));
  const record: ImageRecord = {
    apiVersion: 'towpath.dev/v1alpha1',
    kind: 'Image',
    metadata: key,
    spec: { repository: `acme/${name}` },
    status: { tags: entries },
  };
  const live = await client.get(Images, key);
  if (live === undefined) await client.create(Images, record);
  else await client.update(Images, { ...live, status: { tags: entries } });
}

/** A source on the mirror; `beforeCommit` lets a test push first. */
function sourceOn(beforeCommit: () => Promise<void> = () => Promise.resolve()): GitSource {
  let head: string | undefined;
  const handlers = new Set<(head: string) => void>();
  const move = (next: string): void => {
    head = next;
    for (const handler of handlers) handler(next);
  };
  return {
    url: 'http://git.towpath-system/acme/shop.git',
    branch: 'master',
    head: () => head,
    async refresh() {
      move((await mirror.fetch()).branches['master'] ?? '');
      return head ?? '';
    },
    async readManifests(revision) {
      const files = await mirror.readFiles(revision, 'deploy');
      return new Map([...files].map(([path, bytes]) => [`deploy/${path}`, bytes.toString('utf8')]));
    },
    async commit({ parent, edits, message }) {
      await beforeCommit();
      const changed = new Map([...edits].map(([path, content]) => [path, { content }]));
      move(
        await mirror.commitAndPush({
          branch: 'master',
          parent,
          edits: changed,
          author,
          message: `${message}\n\n[ci skip]`,
        }),
      );
      return head ?? '';
    },
    onHead(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

async function start(source: GitSource, tagSource: TagSource = noRegistry): Promise<string[]> {
  const lines: string[] = [];
  await source.refresh();
  const started = createImageAutomation({ clock, tagSource })({
    context,
    source,
    log: silentLogger,
    logLine: (caller, fields) => lines.push(JSON.stringify({ caller, ...fields })),
    registryPollMs: 60_000,
    automationMs: 60_000,
  });
  ends.own(started);
  return lines;
}

/** Lets the automation's clock run on, and git, which is a process of its own, work. */
async function pass(): Promise<void> {
  await clock.advance(500);
  await new Promise((resolve) => setTimeout(resolve, 15));
}

async function commits(count: number): Promise<{ subject: string; message: string }[]> {
  const reader = open(`reader-${count}`);
  const untilMs = systemClock.monotonicMs() + 10_000;
  for (;;) {
    await reader.fetch();
    const log = await reader.log({ revision: 'master' });
    if (log.length > count || systemClock.monotonicMs() > untilMs) return log.slice(0, -1);
    await pass();
  }
}

describe('a new tag', () => {
  test('becomes one commit that changes one word, and then nothing more', async () => {
    await pushed('frontend', 'v0.0.1', 'v0.0.2');
    const lines = await start(sourceOn());

    const [commit, ...others] = await commits(1);
    // News of the commit itself lead to another round; it must find nothing to do.
    for (let turn = 0; turn < 20; turn++) await pass();

    expect(others).toEqual([]);
    expect(commit).toMatchObject({ authorName: 'Weave Flux', authorEmail: 'support@weave.works' });
    expect(commit?.message).toBe('Auto-release acme/frontend:v0.0.2\n\n[ci skip]');
    expect((await mirror.readFile('master', 'deploy/frontend.yaml'))?.toString()).toBe(release('frontend', 'v0.0.2'));
    expect((await commits(1)).length).toBe(1);
    expect(lines.join('\n')).toMatch(/"info":"added update to automation run","new":"acme\/frontend:v0\.0\.2"/);
  });

  test('that comes with others is one commit together', async () => {
    const source = sourceOn();
    await start(source);
    await pushed('frontend', 'v0.0.2');
    await pushed('adservice', 'v0.0.3');

    const [commit] = await commits(1);

    expect(commit?.message).toBe(
      'Auto-release multiple (2) images\n\n - acme/adservice:v0.0.3\n - acme/frontend:v0.0.2\n\n[ci skip]',
    );
  });

  test('is written again when somebody pushed first', async () => {
    const other = open('other');
    let isFirst = true;
    const source = sourceOn(async () => {
      if (!isFirst) return;
      isFirst = false;
      const parent = (await other.fetch()).branches['master'] ?? '';
      const edits = new Map([['README.md', { content: 'mine\n' }]]);
      await other.commitAndPush({ branch: 'master', parent, edits, author, message: 'Say hello' });
    });
    await pushed('frontend', 'v0.0.2');
    await start(source);

    const log = await commits(2);

    expect(log.map(({ subject }) => subject)).toEqual(['Auto-release acme/frontend:v0.0.2', 'Say hello']);
  });

  test('of another registry is found by asking it', async () => {
    await mirror.commitAndPush({
      branch: 'master',
      parent: (await mirror.fetch()).branches['master'] ?? '',
      edits: new Map([
        ['deploy/frontend.yaml', { content: release('frontend', 'v0.0.1').replace('acme/', 'r.io/acme/') }],
      ]),
      author,
      message: 'Use another registry',
    });
    const asked: string[] = [];
    const registry: TagSource = {
      async list(repository) {
        asked.push(repository);
        return repository === 'r.io/acme/frontend' ? ['v0.0.1', 'v0.0.7', 'latest'] : [];
      },
      createdAtMs: () => Promise.resolve(0),
    };
    await start(sourceOn(), registry);

    const [commit] = await commits(2);

    expect(commit?.subject).toBe('Auto-release r.io/acme/frontend:v0.0.7');
    expect(asked).toEqual(['r.io/acme/frontend']);
  });
});
