/** The demonstration shop as files, and a cluster that knows its kinds. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CustomResourceDefinitions, type AnyObject, type Transport, type TransportRequest } from '@towpath/api';
import { systemTime } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { parseManifests } from '@towpath/sync';
import { guessResource, readDesired, type Desired, type Files } from '../desired.ts';
import { planChanges } from '../plan.ts';
import { readOnlyTransport } from '../read-only.ts';
import { renderRelease } from '../render-release.ts';
import type { PlanReport } from '../report.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** `shop/deploy` with texts replaced: path → [from, to]. A path that is not there is added with `to`. */
export function shopFiles(
  edits: Readonly<Record<string, readonly [from: string, to: string]>> = {},
): Map<string, Uint8Array> {
  const folder = join(root, 'shop/deploy');
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(join(root, 'shop').length + 1), readFileSync(path));
  }
  for (const [path, [from, to]] of Object.entries(edits)) {
    const text = Buffer.from(files.get(path) ?? '').toString('utf8');
    if (!text.includes(from)) throw new Error(`${path} does not contain ${from}`);
    files.set(path, Buffer.from(text.replace(from, () => to)));
  }
  return files;
}

export interface PlanCall {
  readonly before: Files;
  readonly after: Files;
  readonly transport?: Transport | undefined;
  readonly query?: Parameters<typeof planChanges>[0]['query'];
  readonly paths?: readonly string[];
  readonly live?: Parameters<typeof planChanges>[0]['live'];
}

/** A plan through the read-only transport. */
export function planOf({ before, after, transport, query, live, paths = ['deploy'] }: PlanCall): Promise<PlanReport> {
  return planChanges({
    base: { revision: 'before', because: 'test', files: before },
    head: { revision: 'after', because: 'test', files: after },
    paths,
    live,
    isOwn: () => true,
    client: transport === undefined ? undefined : new Client({ transport: readOnlyTransport(transport) }),
    query,
    time: systemTime,
  });
}

const definitions = [
  'charts/flagger/crd.yaml',
  'charts/helm-operator/crds.yaml',
  'charts/istio/crds/virtualservices.yaml',
  'charts/istio/crds/gateways.yaml',
  'charts/istio/crds/destinationrules.yaml',
  'charts/prometheus/crds/servicemonitors.yaml',
];

/** Creates the kinds, and what the files render to. */
export async function deployFiles(transport: Transport, files: Files): Promise<void> {
  const client = new Client({ transport });
  const crds = parseManifests(new Map(definitions.map((path) => [path, readText(path)]))).manifests.map(
    ({ object }) => object,
  );
  for (const crd of crds) await client.create(CustomResourceDefinitions, crd);
  for (const object of await desiredObjects(files)) {
    const type = await client.resourceFor(object);
    if (type !== undefined) await client.create(type, object);
  }
}

async function desiredObjects(files: Files): Promise<AnyObject[]> {
  const options = {
    paths: ['deploy'],
    live: [],
    isOwn: () => true,
    lookup: (target: { apiVersion: string; kind: string }) => Promise.resolve(guessResource(target)),
  };
  const set = await readDesired(files, options);
  const rendered: Desired[][] = [];
  for (const release of set.releases)
    rendered.push(await renderRelease(release, { client: undefined, time: systemTime, set }));
  return [...set.plain, ...rendered.flat().filter(({ isHook }) => !isHook)].map(({ object }) => object);
}

function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Remembers what was asked. */
export function recording(transport: Transport): { transport: Transport; requests: TransportRequest[] } {
  const requests: TransportRequest[] = [];
  return {
    requests,
    transport: {
      request: (request) => {
        requests.push(request);
        return transport.request(request);
      },
    },
  };
}
