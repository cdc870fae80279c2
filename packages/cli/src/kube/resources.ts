/** Resolves what a user typed (`po`, `canaries`, `deployments.apps`, `hr/frontend`) to a resource, by discovery. */

import type { ResourceType } from '@towpath/api';
import { isRecord, TowpathError } from '@towpath/kit';
import type { Client } from '@towpath/runtime';

export interface DiscoveredResource extends ResourceType {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

/** Every listed resource of the server's preferred versions, core first. */
export async function discover(client: Client): Promise<DiscoveredResource[]> {
  const groups = await groupVersions(client);
  const lists = await Promise.all(groups.map((group) => resourcesOf(client, group)));
  return lists.flat();
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

async function getJson(client: Client, path: string): Promise<unknown> {
  const response = await client.request({ method: 'GET', path });
  const text = await response.text();
  return response.status >= 400 ? undefined : (JSON.parse(text) as unknown);
}

async function groupVersions(client: Client): Promise<GroupVersion[]> {
  const body = await getJson(client, '/apis');
  const groups = isRecord(body) && Array.isArray(body['groups']) ? body['groups'] : [];
  const named = groups.filter(isRecord).flatMap((group) => {
    const preferred = isRecord(group['preferredVersion']) ? group['preferredVersion'] : undefined;
    return preferred === undefined ? [] : [{ group: String(group['name']), version: String(preferred['version']) }];
  });
  return [{ group: '', version: 'v1' }, ...named];
}

async function resourcesOf(client: Client, { group, version }: GroupVersion): Promise<DiscoveredResource[]> {
  const body = await getJson(client, group === '' ? `/api/${version}` : `/apis/${group}/${version}`);
  const list = isRecord(body) && Array.isArray(body['resources']) ? body['resources'].filter(isRecord) : [];
  return list
    .filter((entry) => !String(entry['name']).includes('/'))
    .map((entry) => ({
      group,
      version,
      kind: String(entry['kind']),
      plural: String(entry['name']),
      namespaced: entry['namespaced'] === true,
      singular: String(entry['singularName'] ?? ''),
      shortNames: strings(entry['shortNames']),
      categories: strings(entry['categories']),
    }));
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Throws `RESOURCE_UNKNOWN` with kubectl's sentence. */
export function resolveResource(resources: readonly DiscoveredResource[], text: string): DiscoveredResource {
  const wanted = text.toLowerCase();
  const dot = wanted.indexOf('.');
  const name = dot < 0 ? wanted : wanted.slice(0, dot);
  const group = dot < 0 ? undefined : wanted.slice(dot + 1);
  const matches = (resource: DiscoveredResource): boolean =>
    [resource.plural, resource.singular, resource.kind.toLowerCase(), ...resource.shortNames].includes(name) &&
    (group === undefined || resource.group === group || `${resource.version}.${resource.group}` === group);
  const found = resources.find(matches);
  if (found !== undefined) return found;
  throw new TowpathError('RESOURCE_UNKNOWN', `the server doesn't have a resource type "${text}"`, {
    next: 'list the types with: towpath get customresourcedefinitions',
  });
}

/** `all` and other categories, a comma list, or one resource. */
export function resolveResources(resources: readonly DiscoveredResource[], text: string): DiscoveredResource[] {
  return text.split(',').flatMap((part) => {
    const category = resources.filter((resource) => resource.categories.includes(part.toLowerCase()));
    return category.length > 0 ? category : [resolveResource(resources, part)];
  });
}
