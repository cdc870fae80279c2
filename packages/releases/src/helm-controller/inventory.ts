/** The objects of a release as its HelmRelease lists them in status. */

import { parseApiVersion, type AnyObject } from '@towpath/api';
import type { ChartCrd } from '@towpath/charts';
import type { Client } from '@towpath/runtime';
import { parseManifest } from '../actions/objects.ts';
import type { Release } from '../storage/release.ts';
import type { InventoryEntry } from './helm-release.ts';

const hookAnnotation = 'helm.sh/hook';

/** Of the manifest, hooks left out, then of the chart's CRD files. Source: helm-controller internal/inventory. */
export async function inventoryOf(
  release: Pick<Release, 'manifest' | 'namespace'>,
  crds: readonly ChartCrd[],
  client: Client,
): Promise<InventoryEntry[]> {
  const entries: InventoryEntry[] = [];
  for (const object of parseManifest(release.manifest)) {
    if (object.metadata.annotations?.[hookAnnotation] !== undefined) continue;
    const type = await client.resourceFor(object);
    const namespace = type?.namespaced === true ? (object.metadata.namespace ?? release.namespace) : '';
    entries.push(entryOf(object, type === undefined ? (object.metadata.namespace ?? '') : namespace));
  }
  for (const { text } of crds) for (const object of parseManifest(text)) entries.push(entryOf(object, ''));
  return entries;
}

/** Colons of RBAC names are written as two underscores. Source: cli-utils pkg/object. */
function entryOf({ apiVersion, kind, metadata }: AnyObject, namespace: string): InventoryEntry {
  const { group, version } = parseApiVersion(apiVersion);
  const name = group === 'rbac.authorization.k8s.io' ? metadata.name.replaceAll(':', '__') : metadata.name;
  return { id: `${namespace}_${name}_${group}_${kind}`, v: version };
}
