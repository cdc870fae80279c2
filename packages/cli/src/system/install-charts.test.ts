import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CustomResourceDefinitions } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { Disposer, seededRandom, systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureRelease, type InstallDeps } from './install-charts.ts';

let ends: Disposer;
let deps: InstallDeps;

beforeEach(async () => {
  ends = new Disposer();
  const chartsDir = await mkdtemp(join(tmpdir(), 'towpath-charts-'));
  ends.add(() => rm(chartsDir, { recursive: true, force: true }));
  const cluster = await startTestCluster();
  ends.add(cluster);
  const client = new Client({ transport: cluster.transport() });
  const signal = new AbortController().signal;
  deps = { client, clock: systemClock, random: seededRandom(1), signal, chartsDir, progress: () => {} };
});

afterEach(() => ends.dispose());

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = join(deps.chartsDir, 'own', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

const definition = (plural: string, kind: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${plural}.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: ${plural}, singular: ${kind.toLowerCase()}, kind: ${kind}, listKind: ${kind}List}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`;
const config = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {value: "${value}"}\n`;

test('a new version brings its new kinds', async () => {
  const release = { name: 'own', namespace: 'default', chart: 'own', values: {} };
  await write({
    'Chart.yaml': 'apiVersion: v2\nname: own\nversion: 1.0.0\n',
    'crds/lamp.yaml': definition('lamps', 'Lamp'),
    'templates/config.yaml': config('one'),
  });
  const first = [await ensureRelease(deps, release), await ensureRelease(deps, release)];
  await write({ 'crds/chair.yaml': definition('chairs', 'Chair'), 'templates/config.yaml': config('two') });

  const second = await ensureRelease(deps, release);

  const { items } = await deps.client.list(CustomResourceDefinitions);
  expect([...first, second]).toEqual(['installed', 'unchanged', 'upgraded']);
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['chairs.example.com', 'lamps.example.com']);
});
