/** Which groups, versions and resources there are: plain and aggregated. Source: kubernetes.io, "The Kubernetes API". */

import { createHash } from 'node:crypto';
import type { UnknownRecord } from '@towpath/kit';
import { parseAccept } from '../handlers/negotiate.ts';
import { jsonResponse, type ApiResponse } from '../http/message.ts';
import type { ResourceRegistry } from '../resources/registry.ts';
import type { Resource, Subresource } from '../resources/resource.ts';
import { compareVersions } from '../custom/definition.ts';

/** The release whose behaviour is served. */
export const versionInfo = {
  major: '1',
  minor: '34',
  emulationMajor: '1',
  emulationMinor: '34',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '33',
  gitVersion: 'v1.34.4+towpath',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
} as const;

interface Group {
  readonly name: string;
  /** Version to resources, preferred version first. */
  readonly versions: ReadonlyMap<string, readonly Resource[]>;
}

/** The groups of a registry, core first, then the order they were declared in. */
function groupsOf(registry: ResourceRegistry): Group[] {
  const groups = new Map<string, Map<string, Resource[]>>();
  for (const resource of registry.all()) {
    const versions = groups.get(resource.group) ?? new Map<string, Resource[]>();
    groups.set(resource.group, versions);
    const list = versions.get(resource.version) ?? [];
    versions.set(resource.version, list);
    list.push(resource);
  }
  return [...groups].map(([name, versions]) => ({
    name,
    versions: new Map([...versions].sort(([left], [right]) => compareVersions(left, right))),
  }));
}

/** Answers a discovery path, or undefined when the path is another one. `accept` decides about the aggregated form. */
export function answerDiscovery(
  registry: ResourceRegistry,
  segments: readonly string[],
  accept: string | undefined,
): ApiResponse | undefined {
  const [root, group, version, more] = segments;
  if (root === 'api') {
    if (group === undefined)
      return aggregated(registry, accept, (name) => name === '') ?? jsonResponse(200, coreVersions());
    return version === undefined ? resourceList(registry, '', group) : undefined;
  }
  if (root !== 'apis' || more !== undefined) return undefined;
  if (group === undefined) return aggregated(registry, accept, (name) => name !== '') ?? groupList(registry);
  if (version === undefined) return oneGroup(registry, group);
  return resourceList(registry, group, version);
}

function coreVersions(): UnknownRecord {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

function groupRecord(group: Group): UnknownRecord {
  const versions = [...group.versions.keys()].map((version) => ({ groupVersion: `${group.name}/${version}`, version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

function groupList(registry: ResourceRegistry): ApiResponse {
  const groups = groupsOf(registry).filter((group) => group.name !== '');
  return jsonResponse(200, { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupRecord) });
}

function oneGroup(registry: ResourceRegistry, name: string): ApiResponse | undefined {
  const group = groupsOf(registry).find((candidate) => candidate.name === name && name !== '');
  return group === undefined
    ? undefined
    : jsonResponse(200, { kind: 'APIGroup', apiVersion: 'v1', ...groupRecord(group) });
}

function resourceList(registry: ResourceRegistry, group: string, version: string): ApiResponse | undefined {
  const resources = registry.all().filter((resource) => resource.group === group && resource.version === version);
  if (resources.length === 0) return undefined;
  const rows = resources.flatMap((resource) => [
    {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: resource.verbs,
      ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
      ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
      ...storedAs(resource),
    },
    ...[...resource.subresources.values()].map((sub) => ({
      name: `${resource.plural}/${sub.name}`,
      singularName: '',
      namespaced: resource.namespaced,
      ...(isForeign(sub, resource) ? { group: sub.group, version: sub.version } : {}),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  const groupVersion = group === '' ? version : `${group}/${version}`;
  return jsonResponse(200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: rows });
}

/** Eight bytes that change when the kind is stored in another version; nothing for kinds that are not stored. */
function storedAs({ group, hub, kind, verbs }: Resource): { storageVersionHash?: string } {
  if (!verbs.includes('list') || group === 'metrics.k8s.io') return {};
  const version = hub.slice(hub.indexOf('/') + 1);
  const hub64 = Buffer.from(
    hashOf(`${hub.includes('/') ? hub.slice(0, hub.indexOf('/')) : ''}/${version}/${kind}`),
    'base64',
  );
  return { storageVersionHash: hub64.subarray(0, 8).toString('base64') };
}

function isForeign(sub: Subresource, resource: Resource): boolean {
  return sub.group !== resource.group || sub.version !== resource.version;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** The aggregated form in the version the client asked for first; undefined when it did not ask. */
function aggregated(
  registry: ResourceRegistry,
  accept: string | undefined,
  wanted: (group: string) => boolean,
): ApiResponse | undefined {
  const entry = parseAccept(accept).find(({ type, parameters }) => {
    if (parameters['as'] === undefined) return type === 'application/json' || type === '*/*';
    const known = parameters['v'] === 'v2' || parameters['v'] === 'v2beta1';
    return type === 'application/json' && parameters['as'] === 'APIGroupDiscoveryList' && known;
  });
  const version = entry?.parameters['v'];
  if (entry?.parameters['as'] === undefined || version === undefined) return undefined;
  const items = groupsOf(registry)
    .filter((group) => wanted(group.name))
    .map(aggregatedGroup);
  const text = JSON.stringify({
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items,
  });
  return {
    status: 200,
    headers: {
      'content-type': `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      vary: 'Accept',
      etag: `"${hashOf(text)}"`,
    },
    body: text,
  };
}

function aggregatedGroup(group: Group): UnknownRecord {
  return {
    metadata: group.name === '' ? {} : { name: group.name },
    versions: [...group.versions].map(([version, resources]) => ({
      version,
      freshness: 'Current',
      resources: resources.map(aggregatedResource),
    })),
  };
}

function aggregatedResource(resource: Resource): UnknownRecord {
  const subresources = [...resource.subresources.values()].map((sub) => ({
    subresource: sub.name,
    responseKind: isForeign(sub, resource)
      ? { group: sub.group, version: sub.version, kind: sub.kind }
      : { group: '', version: '', kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: resource.plural,
    // Empty stands for the group and version of the list. Custom resources say them.
    responseKind:
      resource.custom === undefined
        ? { group: '', version: '', kind: resource.kind }
        : { group: resource.group, version: resource.version, kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
