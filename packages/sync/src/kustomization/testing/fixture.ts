/** A kustomize-controller under test: the real API server in memory, artifacts from memory. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import {
  CustomResourceDefinitions,
  Events,
  Namespaces,
  type AnyObject,
  type BuiltinContext,
  type Event,
  type KubeObject,
} from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { createLogger, Disposer, parseAllYaml, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { createKustomizeController } from '../builtin.ts';
import { Kustomizations, type Kustomization, type KustomizationSpec } from '../kinds.ts';

export const namespace = 'flux-system';

export interface Fixture {
  readonly client: Client;
  readonly lines: string[];
  /** Makes a revision of the GitRepository `app`; its files are path → text. */
  source(revision: string, files: Readonly<Record<string, string>>): Promise<void>;
  kustomization(name: string, spec?: Partial<KustomizationSpec>): Promise<void>;
  /** The Kustomization once `test` holds. */
  until(name: string, test: (object: Kustomization) => boolean): Promise<Kustomization>;
  events(): Promise<Event[]>;
  eventually<Value>(check: () => Promise<Value | undefined | false>): Promise<Value>;
  start(args?: readonly string[]): Promise<void>;
  dispose(): Promise<void>;
}

const definition = new URL('../../../../../charts/towpath/crds/kustomize.yaml', import.meta.url);

export async function startFixture(): Promise<Fixture> {
  const ends = new Disposer();
  const cluster = await startTestCluster({ clock: systemClock });
  ends.add(cluster);
  const client = new Client({ transport: cluster.transport(), fieldManager: 'test' });
  const makeNamespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await client.create(Namespaces, makeNamespace as AnyObject);
  const text = await readFile(fileURLToPath(definition), 'utf8');
  for (const object of [...parseAllYaml(text, { file: 'kustomize.yaml' }), gitRepositoryDefinition]) {
    await client.create(CustomResourceDefinitions, object as AnyObject);
  }
  const archives = new Map<string, Uint8Array>();
  const lines: string[] = [];
  return {
    client,
    lines,
    source: (revision, files) => makeSource(client, archives, { revision, files }),
    async kustomization(name, spec = {}) {
      const sourceRef = { kind: 'GitRepository', name: 'app' };
      await apply(client, {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name, namespace },
        spec: { interval: '1h', path: './', prune: true, targetNamespace: namespace, sourceRef, ...spec },
      });
    },
    until: (name, test) =>
      eventually(async () => {
        const object = await client.get(Kustomizations, { namespace, name });
        return object !== undefined && test(object) ? object : undefined;
      }),
    events: async () => (await client.list(Events, { namespace })).items,
    eventually,
    async start(args = []) {
      const stop = new AbortController();
      const log = createLogger({ level: 'debug', write: (line) => lines.push(line) });
      const transport = cluster.transport();
      const network = { listen: () => ({ close: () => {} }) };
      const some = { args, transport, log, network, pod: { namespace }, signal: stop.signal };
      // The members this builtin does not use are left out.
      const context = some as unknown as BuiltinContext;
      const fetchBytes = async (url: string): Promise<Uint8Array | undefined> => archives.get(url);
      const instance = await createKustomizeController({ fetchBytes })(context);
      ends.add(async () => {
        stop.abort();
        await instance.done;
      });
    },
    dispose: () => ends.dispose(),
  };
}

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const gitRepositoryDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gitrepositories.source.toolkit.fluxcd.io' },
  spec: {
    group: 'source.toolkit.fluxcd.io',
    scope: 'Namespaced',
    names: {
      kind: 'GitRepository',
      listKind: 'GitRepositoryList',
      plural: 'gitrepositories',
      singular: 'gitrepository',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
      },
    ],
  },
};

async function apply(client: Client, object: object, subresource?: string): Promise<void> {
  const any = object as AnyObject;
  const type = await client.resourceFor(any);
  if (type === undefined) throw new Error(`${any.kind} is not served`);
  const { name } = any.metadata;
  const key = { name, ...(type.namespaced && { namespace }) };
  await client.patch(type, key, any, { kind: 'apply', force: true, ...(subresource !== undefined && { subresource }) });
}

async function makeSource(
  client: Client,
  archives: Map<string, Uint8Array>,
  { revision, files }: { revision: string; files: Readonly<Record<string, string>> },
): Promise<void> {
  const archive = gzipSync(tar(files));
  const url = `http://source-controller/${revision}.tar.gz`;
  archives.set(url, archive);
  const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
  const type = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace },
  };
  await apply(client, { ...type, spec: { url: 'https://example.com/app' } });
  await apply(client, { ...type, status: { artifact: { revision, digest, url } } }, 'status');
}

/** A ustar archive of the files. */
function tar(files: Readonly<Record<string, string>>): Uint8Array {
  const blocks = Object.entries(files).flatMap(([path, text]) => {
    const header = Buffer.alloc(512);
    const data = Buffer.from(text);
    header.write(path, 0);
    header.write(data.length.toString(8).padStart(11, '0'), 124);
    header.write('0', 156);
    header.write('ustar\0' + '00', 257);
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const patienceMs = 10_000;

async function eventually<Value>(check: () => Promise<Value | undefined | false>): Promise<Value> {
  const endMs = systemClock.monotonicMs() + patienceMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (systemClock.monotonicMs() > endMs) throw new Error('it did not come to that');
    await systemClock.sleep(5);
  }
}
