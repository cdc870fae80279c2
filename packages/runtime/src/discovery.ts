/** Which resources the server has that may be listed and deleted: what collectors of any kind go through. */

import type { ResourceType } from '@towpath/api';
import { isRecord } from '@towpath/kit';
import type { Client } from './client.ts';

/** Every resource with the verbs list and delete, in the group's preferred version. */
export async function deletableTypes(client: Client): Promise<ResourceType[]> {
  const groups = await groupVersions(client);
  const lists = await Promise.all(groups.map((path) => resourceList(client, path)));
  const seen = new Set<string>();
  return lists.flat().filter((type) => {
    // Events are served by two groups over one store.
    const name = type.plural === 'events' ? 'events' : `${type.group}/${type.plural}`;
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

/** `/api/v1`, `/apis/apps/v1`, … preferred versions first. */
async function groupVersions(client: Client): Promise<string[]> {
  const body = await json(client, '/apis');
  const groups = isRecord(body) && Array.isArray(body['groups']) ? (body['groups'] as ApiGroup[]) : [];
  const paths = groups.flatMap((group) => {
    const preferred = group.preferredVersion?.groupVersion;
    const all = (group.versions ?? []).map(({ groupVersion }) => groupVersion);
    return [...(preferred === undefined ? [] : [preferred]), ...all.filter((version) => version !== preferred)];
  });
  return ['/api/v1', ...paths.map((path) => `/apis/${path}`)];
}

interface ApiGroup {
  versions?: { groupVersion: string }[];
  preferredVersion?: { groupVersion: string };
}

async function resourceList(client: Client, path: string): Promise<ResourceType[]> {
  const body = await json(client, path);
  const resources = isRecord(body) && Array.isArray(body['resources']) ? (body['resources'] as ApiResource[]) : [];
  const [group, version] = path.startsWith('/apis/') ? path.slice('/apis/'.length).split('/') : ['', 'v1'];
  return resources
    .filter(({ name, verbs }) => !name.includes('/') && verbs?.includes('list') && verbs.includes('delete'))
    .map(({ name, kind, namespaced }) => ({
      group: group ?? '',
      version: version ?? '',
      kind,
      plural: name,
      namespaced,
    }));
}

interface ApiResource {
  name: string;
  kind: string;
  namespaced: boolean;
  verbs?: string[];
}

async function json(client: Client, path: string): Promise<unknown> {
  const response = await client.request({ method: 'GET', path });
  const text = await response.text();
  if (response.status >= 400) throw new Error(`${path} answered ${response.status}`);
  return JSON.parse(text) as unknown;
}
