/** Puts manifests into a server, as a person would before a suite starts, and reads objects back as text. */

import { readFile } from 'node:fs/promises';
import type { KubeObject } from '@towpath/api';
import { parseAllYaml } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { until } from './kubectl.ts';

/** A kind just defined is discovered within this time. */
const discoveryMs = 10_000;

/** Applies the objects of YAML files, in order. */
export async function applyFiles(client: Client, files: readonly string[]): Promise<void> {
  for (const file of files) await applyYaml(client, await readFile(file, 'utf8'));
}

/** Applies the objects of a YAML text; objects without a namespace go to `namespace`, where their kind has one. */
export async function applyYaml(client: Client, text: string, namespace = 'default'): Promise<void> {
  // What a manifest holds are objects, or the server refuses them.
  const objects = parseAllYaml(text, { file: 'a manifest' }) as KubeObject[];
  for (const object of objects) {
    const { apiVersion, kind } = object;
    const type = await until(`the kind ${kind} of ${apiVersion}`, discoveryMs, async () => {
      client.invalidate();
      return client.resourceFor({ apiVersion, kind });
    });
    const place = type.namespaced ? { namespace: object.metadata.namespace ?? namespace } : {};
    const body = { ...object, metadata: { ...object.metadata, ...place } };
    await client.patch(type, { ...place, name: object.metadata.name ?? '' }, body, { kind: 'apply', force: true });
  }
}

/** The object at a path of the API (and a query) as JSON text: a Status where there is none. */
export async function readText(client: Client, target: string): Promise<string> {
  const { pathname, searchParams } = new URL(target, 'http://server');
  const response = await client.request({ method: 'GET', path: pathname, query: Object.fromEntries(searchParams) });
  return response.text();
}
