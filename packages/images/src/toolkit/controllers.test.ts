/** Both controllers beside a real registry, a real Git server and a real API server: a pushed tag becomes a commit. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CustomResourceDefinitions,
  findCondition,
  Images,
  Namespaces,
  reconcileRequestAnnotation,
  Repositories,
  Secrets,
  towpathNamespace,
  type AnyObject,
  type BuiltinContext,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { createGit, createGitServer, openMirror, seedRepository, type Mirror } from '@towpath/git';
import { Disposer, parseAllYaml, silentLogger, systemClock } from '@towpath/kit';
import { createRegistry, digestOf, mediaTypes, RegistryClient } from '@towpath/registry';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createImageAutomationController } from './automation.ts';
import {
  GitRepositories,
  ImagePolicies,
  ImageRepositories,
  ImageUpdateAutomations,
  type CommonStatus,
  type ImagePolicy,
} from './kinds.ts';
import { createImageReflectorController } from './reflector.ts';

const namespace = 'default';
const git = createGit({ clock: systemClock });
let ends: Disposer;
let client: Client;
let folder: string;
let host: string;
let mirror: Mirror;

beforeEach(async () => {
  ends = new Disposer();
  folder = await mkdtemp(join(tmpdir(), 'towpath-image-controllers-'));
  ends.add(() => rm(folder, { recursive: true, force: true }));
  await serve();
  const cluster = await startTestCluster();
  ends.add(cluster);
  client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  for (const name of ['image', 'source']) {
    const url = new URL(`../../../../charts/towpath/crds/${name}.yaml`, import.meta.url);
    for (const object of parseAllYaml(await readFile(url, 'utf8'), { file: name })) {
      await client.create(CustomResourceDefinitions, object as AnyObject);
    }
  }
  for (const create of [createImageReflectorController, createImageAutomationController]) {
    const stop = new AbortController();
    // Only the members these controllers read.
    const context = {
      args: [],
      transport: cluster.transport(),
      log: silentLogger,
      hostUrl: (url: string) => url.replace('http://registry.towpath-system/', `http://${host}/`),
      pod: { namespace },
      network: { listen: () => ({ close: () => {} }) },
      scratchDir: join(folder, create.name),
      signal: stop.signal,
    } as unknown as BuiltinContext;
    const { done } = await create()(context);
    ends.add(async () => {
      stop.abort();
      await done;
    });
  }
});

afterEach(() => ends.dispose());

/** Git below /acme, the registry elsewhere; two tags and one repository with a marker. */
async function serve(): Promise<void> {
  const registry = createRegistry({ dir: join(folder, 'registry'), clock: systemClock, log: silentLogger });
  const gitServer = createGitServer({
    dir: join(folder, 'git'),
    clock: systemClock,
    log: silentLogger,
    onPush: () => {},
  });
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/v2/') === true) registry.handle(request, response);
    else gitServer.handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.add(() => {
    server.closeAllConnections();
    server.close();
  });
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await mkdir(join(folder, 'from', 'deploy'), { recursive: true });
  const marked = `a:   "v0.9.0" # {"$imagepolicy": "${namespace}:web:tag"}\n\n\nb: c\n`;
  await writeFile(join(folder, 'from', 'deploy', 'values.yaml'), marked);
  await seedRepository({
    git,
    from: join(folder, 'from'),
    into: gitServer.folder('acme/app'),
    edits: { branch: 'main' },
  });
  mirror = openMirror({ git, dir: join(folder, 'mirror.git'), url: `http://${host}/acme/app.git` });
  for (const tag of ['v1.0.0', 'v1.1.0', 'latest']) await pushTag('acme/web', tag);
}

async function pushTag(repository: string, tag: string): Promise<void> {
  const registry = new RegistryClient({ url: `http://${host}` });
  const bytes = Buffer.from(JSON.stringify({ tag }));
  const config = { digest: digestOf(bytes), sizeBytes: bytes.length };
  await registry.pushBlob(repository, {
    ...config,
    open: async function* () {
      yield bytes;
    },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.sizeBytes },
    layers: [],
  };
  await registry.pushManifest(repository, tag, {
    mediaType: mediaTypes.ociManifest,
    bytes: Buffer.from(JSON.stringify(manifest)),
  });
}

async function make<Object extends KubeObject>(type: ResourceType<Object>, name: string, spec: object): Promise<void> {
  const { group, version, kind } = type;
  const object = { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace }, spec };
  await client.create(type as unknown as ResourceType, object as AnyObject);
}

/** As the embedded Git server does after a push. */
async function tellOfPush(url: string, branches: Record<string, string>): Promise<void> {
  const metadata = { name: 'acme.app', namespace: towpathNamespace };
  const about = { apiVersion: 'towpath.dev/v1alpha1', kind: 'Repository', metadata };
  await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: towpathNamespace } });
  await client.create(CustomResourceDefinitions, definitionOf('Repository', 'repositories'));
  await client.create(Repositories, { ...about, spec: { url }, status: { branches } });
}

const definitionOf = (kind: string, plural: string): AnyObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.towpath.dev` },
  spec: {
    group: 'towpath.dev',
    scope: 'Namespaced',
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

type WithStatus = KubeObject & { status?: CommonStatus };

async function until<Object extends WithStatus>(
  type: ResourceType<Object>,
  name: string,
  holds: (object: Object) => boolean,
): Promise<Object> {
  for (;;) {
    const object = await client.get(type, { namespace, name });
    if (object !== undefined && holds(object)) return object;
    await pause(20);
  }
}

const readyText = ({ status }: WithStatus): string => {
  const ready = findCondition(status?.conditions, 'Ready');
  return `${ready?.status} ${ready?.reason} ${ready?.message}`;
};
const isSettled = (object: WithStatus): boolean => /^(?:True|False) /.test(readyText(object));

describe('image controllers', () => {
  test('a tag that is pushed is scanned, chosen, committed and said', async () => {
    await make(ImageRepositories, 'web', { image: `${host}/acme/web`, interval: '1h' });
    await make(ImagePolicies, 'web', {
      imageRepositoryRef: { name: 'web' },
      policy: { semver: { range: '>=1.0.0' } },
      digestReflectionPolicy: 'IfNotPresent',
    });
    await make(GitRepositories, 'app', { url: `http://${host}/acme/app.git`, interval: '1h', ref: { branch: 'main' } });
    await make(ImageUpdateAutomations, 'app', {
      sourceRef: { kind: 'GitRepository', name: 'app' },
      interval: '1h',
      git: {
        commit: {
          author: { name: 'Flux', email: 'flux@example.com' },
          messageTemplate: '{{ range .Changed.Changes }}{{ .OldValue }} -> {{ .NewValue }}{{ end }}',
        },
      },
      update: { path: './deploy', strategy: 'Setters' },
    });
    const first = await until(ImageUpdateAutomations, 'app', ({ status }) => status?.lastPushCommit !== undefined);
    await pushTag('acme/web', 'v1.2.0');
    const metadata = { annotations: { [reconcileRequestAnnotation]: 'now' } };
    await client.patch(ImageRepositories, { namespace, name: 'web' }, { metadata }, { kind: 'merge' });
    const { lastPushCommit } = first.status ?? {};
    const second = await until(ImageUpdateAutomations, 'app', (object) => {
      const { status } = object;
      return status?.lastPushCommit !== lastPushCommit && status?.observedPolicies?.['web']?.tag === 'v1.2.0';
    });

    await mirror.fetch();
    const commits = await mirror.log({ revision: 'main', max: 2 });
    const values = await mirror.readFile('main', 'deploy/values.yaml');
    const policy = await until(ImagePolicies, 'web', isSettled);
    const repository = await until(ImageRepositories, 'web', isSettled);
    expect(commits.map(({ subject }) => subject)).toEqual(['v1.1.0 -> v1.2.0', 'v0.9.0 -> v1.1.0']);
    expect(values?.toString()).toBe(`a:   "v1.2.0" # {"$imagepolicy": "default:web:tag"}\n\n\nb: c\n`);
    expect(second.status?.observedSourceRevision).toBe(`main@sha1:${commits[0]?.id}`);
    expect(readyText(second)).toBe('True Succeeded repository up-to-date');
    expect(policy.status).toMatchObject({
      latestRef: { name: `${host}/acme/web`, tag: 'v1.2.0', digest: expect.stringMatching(/^sha256:/) },
      observedPreviousRef: { tag: 'v1.1.0' },
      observedGeneration: 1,
    });
    expect(repository.status).toMatchObject({
      canonicalImageName: `${host}/acme/web`,
      lastHandledReconcileAt: 'now',
      lastScanResult: { tagCount: 4, latestTags: ['v1.2.0', 'v1.1.0', 'v1.0.0', 'latest'] },
      observedExclusionList: ['^.*\\.sig$'],
    });
  });

  test('a push to the embedded registry is scanned at once', async () => {
    const metadata = { name: 'acme.web', namespace: towpathNamespace };
    await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: towpathNamespace } });
    await client.create(CustomResourceDefinitions, definitionOf('Image', 'images'));
    const record = { apiVersion: 'towpath.dev/v1alpha1', kind: 'Image', metadata, spec: { repository: 'acme/web' } };
    await client.create(Images, record);
    await make(ImageRepositories, 'web', { image: 'acme/web', interval: '1h' });
    const first = await until(ImageRepositories, 'web', isSettled);
    await pushTag('acme/web', 'v1.2.0');
    const status = { tags: [{ name: 'v1.2.0', digest: 'sha256:0', pushedAt: '2026-01-02T00:00:00Z' }] };
    await client.patch(Images, { name: 'acme.web', namespace: towpathNamespace }, { status }, { kind: 'merge' });
    const second = await until(ImageRepositories, 'web', (object) => object.status?.lastScanResult?.tagCount === 4);

    expect(readyText(first)).toMatch(/^True Succeeded successful scan: found 3 tags/);
    expect(second.status?.canonicalImageName).toBe('index.docker.io/acme/web');
  });

  test('a marker that somebody pushes is seen at once', async () => {
    const url = `http://${host}/acme/app.git`;
    await make(ImageRepositories, 'web', { image: `${host}/acme/web`, interval: '1h' });
    const policy = { semver: { range: '1.x' } };
    await make(ImagePolicies, 'web', { imageRepositoryRef: { name: 'web' }, policy });
    await make(GitRepositories, 'app', { url, interval: '1h', ref: { branch: 'main' } });
    const commit = { author: { name: 'Flux', email: 'flux@example.com' } };
    const sourceRef = { kind: 'GitRepository', name: 'app' };
    await make(ImageUpdateAutomations, 'app', { sourceRef, interval: '1h', git: { commit } });
    const first = await until(ImageUpdateAutomations, 'app', ({ status }) => status?.lastPushCommit !== undefined);
    const { branches } = await mirror.fetch();
    const content = `b: x # {"$imagepolicy": "${namespace}:web"}\n`;
    const head = await mirror.commitAndPush({
      branch: 'main',
      parent: branches['main'] ?? '',
      edits: new Map([['more.yaml', { content }]]),
      author: { name: 'Dev', email: 'dev@example.com', atMs: Date.UTC(2026, 0, 2) },
      message: 'More',
    });
    await tellOfPush(url, { main: head });

    const { lastPushCommit } = first.status ?? {};
    await until(ImageUpdateAutomations, 'app', ({ status }) => status?.lastPushCommit !== lastPushCommit);
    await mirror.fetch();

    expect((await mirror.readFile('main', 'more.yaml'))?.toString()).toContain('/acme/web:v1.1.0 #');
  });

  test.each([
    {
      name: 'without a list',
      accessFrom: undefined,
      says: /^False AccessDenied .* missing ACL labels on 'accessFrom'$/,
    },
    {
      name: 'of others',
      accessFrom: { team: 'b' },
      says: /^False AccessDenied .* labels mismatch on namespace 'apps'$/,
    },
    {
      name: 'of its own',
      accessFrom: { team: 'a' },
      says: /^True Succeeded Latest image tag .* resolved to v1\.1\.0$/,
    },
  ])('a policy of another namespace, $name', async ({ accessFrom, says }) => {
    const metadata = { name: 'apps', labels: { team: 'a' } };
    await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata });
    const access =
      accessFrom === undefined ? {} : { accessFrom: { namespaceSelectors: [{ matchLabels: accessFrom }] } };
    await make(ImageRepositories, 'web', { image: `${host}/acme/web`, interval: '1h', ...access });
    await until(ImageRepositories, 'web', isSettled);
    await client.create(ImagePolicies, {
      apiVersion: 'image.toolkit.fluxcd.io/v1',
      kind: 'ImagePolicy',
      metadata: { name: 'web', namespace: 'apps' },
      spec: { imageRepositoryRef: { name: 'web', namespace }, policy: { semver: { range: '1.x' } } },
    });

    let policy: ImagePolicy | undefined;
    while (policy === undefined || !isSettled(policy)) {
      await pause(20);
      policy = await client.get(ImagePolicies, { namespace: 'apps', name: 'web' });
    }
    expect(readyText(policy)).toMatch(says);
  });

  test.each([
    {
      name: 'a cloud provider',
      spec: { provider: 'aws' },
      says: 'False NotSupported spec.provider aws: not supported by Towpath; remove it, or let Flux look after this object',
    },
    {
      name: 'a secret that is not there',
      spec: { secretRef: { name: 'none' } },
      says: 'False AuthenticationFailed failed to configure authentication options: secrets "none" not found',
    },
    {
      name: 'certificates without any',
      spec: { certSecretRef: { name: 'empty' } },
      says: 'False AuthenticationFailed failed to configure authentication options: the certificate secret has neither ca.crt nor tls.crt and tls.key',
    },
    {
      name: 'a scheme',
      spec: { image: 'https://ghcr.io/a/b' },
      says: "False ImageURLInvalid image 'https://ghcr.io/a/b' should not include URL scheme; remove 'https://'",
    },
    {
      name: 'an expression',
      spec: { exclusionList: ['('] },
      says: 'False ReadOperationFailed scan failed: failed to compile regex (: error parsing regexp: missing closing ): `(`',
    },
  ])('ImageRepository with $name', async ({ spec, says }) => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'empty', namespace }, data: {} };
    await client.create(Secrets, secret);
    await make(ImageRepositories, 'web', { image: `${host}/acme/web`, interval: '1h', ...spec });

    expect(readyText(await until(ImageRepositories, 'web', isSettled))).toBe(says);
  });

  test.each([
    {
      name: 'no source',
      spec: {},
      says: 'False SourceManagerFailed failed configuring source manager: referenced git repository does not exist: GitRepository.source.toolkit.fluxcd.io "app" not found',
    },
    {
      name: 'nothing to commit with',
      spec: { git: undefined },
      says: "False InvalidSourceConfiguration source kind 'GitRepository' necessitates field .spec.git: invalid source configuration",
    },
  ])('ImageUpdateAutomation with $name', async ({ spec, says }) => {
    const sourceRef = { kind: 'GitRepository', name: 'app' };
    const commit = { author: { email: 'flux@example.com' } };
    await make(ImageUpdateAutomations, 'app', { sourceRef, interval: '1h', git: { commit }, ...spec });

    expect(readyText(await until(ImageUpdateAutomations, 'app', isSettled))).toBe(says);
  });
});
