/** What the cluster can do, as templates ask for it with .Capabilities. */

import { getIn, isRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { apiErrorFrom } from '@towpath/runtime';

export interface Capabilities {
  readonly kubeVersion: string;
  /** Group versions (`apps/v1`) and kinds (`apps/v1/Deployment`). */
  readonly apiVersions: readonly string[];
}

/** Asks the API for its version, groups and kinds. */
export async function loadCapabilities(client: Client): Promise<Capabilities> {
  const [version, core, groups] = await Promise.all([
    getJson(client, '/version'),
    getJson(client, '/api'),
    getJson(client, '/apis'),
  ]);
  const coreVersions = stringsIn(getIn(core, ['versions']));
  const groupVersions = recordsIn(getIn(groups, ['groups'])).flatMap((group) =>
    recordsIn(group['versions']).map((entry) => String(entry['groupVersion'])),
  );
  const served = [...coreVersions, ...groupVersions];
  const kinds = await Promise.all(
    served.map(async (apiVersion) => {
      // One broken aggregated API must not stop every release.
      const resources = await client.resourcesOf(apiVersion).catch(() => []);
      return resources.map((resource) => `${apiVersion}/${resource.kind}`);
    }),
  );
  return {
    kubeVersion: String(getIn(version, ['gitVersion']) ?? ''),
    apiVersions: [...new Set([...served, ...kinds.flat()])],
  };
}

async function getJson(client: Client, path: string): Promise<unknown> {
  const response = await client.request({ method: 'GET', path });
  const text = await response.text();
  if (response.status >= 400) throw apiErrorFrom(response.status, text);
  return JSON.parse(text) as unknown;
}

function recordsIn(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function stringsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
