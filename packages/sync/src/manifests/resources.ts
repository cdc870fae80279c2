/** What one synchronisation has to apply: manifests with their identity, policies and order. */

import type { AnyObject, ResourceType } from '@towpath/api';
import { parseApiVersion } from '@towpath/api';
import { isRecord, TowpathError } from '@towpath/kit';
import { checksum, resourceId } from '../marks.ts';
import type { Manifest } from './documents.ts';

export interface Resource {
  /** `ns:kind/name`. */
  readonly id: string;
  readonly object: AnyObject;
  readonly source: string;
  /** Hex SHA-1 of its document. */
  readonly checksum: string;
  readonly ignore: IgnorePolicy;
}

/** `fluxcd.io/ignore`: nothing, leave alone wholly, or apply but never delete. */
export type IgnorePolicy = 'no' | 'yes' | 'sync_only';

/** Looks up a kind; undefined when the server does not serve it. */
export type KindLookup = (target: { apiVersion: string; kind: string }) => Promise<ResourceType | undefined>;

/**
 * Gives every manifest its namespace and identity, in the order they are applied.
 * Throws `SYNC_DUPLICATE` when two declare the same object: then nothing may be applied.
 */
export async function placeManifests(
  manifests: readonly Manifest[],
  options: { lookup: KindLookup; defaultNamespace: string },
): Promise<Resource[]> {
  const declared = declaredScopes(manifests);
  const resources: Resource[] = [];
  const sources = new Map<string, string>();
  for (const { object, source, text } of manifests) {
    const namespaced = await isNamespaced(object, declared, options.lookup);
    const namespace = namespaced ? (object.metadata.namespace ?? options.defaultNamespace) : undefined;
    const placed = withNamespace(object, namespace);
    const id = resourceId({ namespace, kind: object.kind, name: object.metadata.name });
    const earlier = sources.get(id);
    if (earlier !== undefined) {
      throw new TowpathError('SYNC_DUPLICATE', `duplicate definition of '${id}' (in ${earlier} and ${source})`, {
        next: 'keep it in one file',
      });
    }
    sources.set(id, source);
    resources.push({ id, object: placed, source, checksum: checksum(text), ignore: ignorePolicy(placed) });
  }
  return resources.toSorted(inOrder);
}

/** Kinds that CustomResourceDefinitions of the same set bring along. */
function declaredScopes(manifests: readonly Manifest[]): Map<string, boolean> {
  const scopes = new Map<string, boolean>();
  for (const { object } of manifests) {
    const spec = object['spec'];
    if (object.kind !== 'CustomResourceDefinition' || !isRecord(spec)) continue;
    const names = isRecord(spec['names']) ? spec['names'] : {};
    scopes.set(`${String(spec['group'])}/${String(names['kind'])}`, spec['scope'] !== 'Cluster');
  }
  return scopes;
}

async function isNamespaced(
  object: AnyObject,
  declared: ReadonlyMap<string, boolean>,
  lookup: KindLookup,
): Promise<boolean> {
  const served = await lookup(object);
  if (served !== undefined) return served.namespaced;
  return declared.get(`${parseApiVersion(object.apiVersion).group}/${object.kind}`) ?? true;
}

function withNamespace(object: AnyObject, namespace: string | undefined): AnyObject {
  const { namespace: _written, ...metadata } = object.metadata;
  return { ...object, metadata: namespace === undefined ? metadata : { ...metadata, namespace } };
}

/** Both prefixes count, and only the text "true". Source: fluxcd/flux pkg/policy. */
export function ignorePolicy(object: AnyObject): IgnorePolicy {
  const annotations = object.metadata.annotations ?? {};
  const value = annotations['fluxcd.io/ignore'] ?? annotations['flux.weave.works/ignore'];
  return value === 'true' ? 'yes' : value === 'sync_only' ? 'sync_only' : 'no';
}

/** Source: fluxcd/flux pkg/cluster/kubernetes/sync.go, rankOfKind. */
const ranks: Readonly<Record<string, number>> = {
  Namespace: 0,
  CustomResourceDefinition: 1,
  ServiceAccount: 1,
  ClusterRole: 1,
  Role: 1,
  PersistentVolume: 1,
  Service: 1,
  ResourceQuota: 2,
  LimitRange: 2,
  Secret: 2,
  ConfigMap: 2,
  RoleBinding: 2,
  ClusterRoleBinding: 2,
  PersistentVolumeClaim: 2,
  Ingress: 2,
  DaemonSet: 3,
  Deployment: 3,
  ReplicationController: 3,
  ReplicaSet: 3,
  Job: 3,
  CronJob: 3,
  StatefulSet: 3,
};

function inOrder(left: Resource, right: Resource): number {
  const rank = (resource: Resource): number => ranks[resource.object.kind] ?? 4;
  return rank(left) - rank(right) || (left.id < right.id ? -1 : 1);
}
