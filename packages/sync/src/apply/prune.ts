/** Garbage collection: marked objects that Git no longer declares are deleted, after a second look. */

import { keyOf, type AnyObject, type KubeObject, type ResourceType } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { deletableTypes, isConflict, type Client } from '@towpath/runtime';
import { gcMark, gcMarkLabel, resourceId } from '../marks.ts';
import { ignorePolicy } from '../manifests/resources.ts';
import type { FluxLog } from '../flux-log.ts';

/** Kinds that belong to others or cannot be deleted usefully. Source: fluxcd/flux pkg/cluster/kubernetes/sync.go. */
const skippedKinds = new Set(['ComponentStatus', 'Endpoints', 'EndpointSlice', 'Event']);

export interface PruneOptions {
  readonly client: Client;
  readonly setName: string;
  /** Ids of everything Git declares, ignored ones included. */
  readonly declared: ReadonlySet<string>;
  readonly dryRun: boolean;
  readonly logLine: FluxLog;
}

export interface PruneFailure {
  readonly resource: string;
  readonly message: string;
}

/** Deletes what carries this set's mark for its own id and is not declared; answers what could not be deleted. */
export async function prune(options: PruneOptions): Promise<PruneFailure[]> {
  const failures: PruneFailure[] = [];
  for (const { type, object, id } of await findOrphans(options)) {
    options.logLine('sync.go:271', {
      method: 'Sync',
      info: 'cluster resource not in resources to be synced; deleting',
      'dry-run': options.dryRun,
      resource: id,
    });
    if (options.dryRun) continue;
    try {
      await deleteMarked(options, type, object, id);
    } catch (error) {
      failures.push({ resource: id, message: messageOf(error) });
    }
  }
  return failures;
}

interface Orphan {
  readonly type: ResourceType;
  readonly object: KubeObject;
  readonly id: string;
}

async function findOrphans(options: PruneOptions): Promise<Orphan[]> {
  const { client, setName, declared } = options;
  const orphans: Orphan[] = [];
  for (const type of await deletableTypes(client)) {
    if (skippedKinds.has(type.kind)) continue;
    for (const object of await marked(client, type)) {
      const id = idOf(type, object);
      const isOurs = object.metadata.labels?.[gcMarkLabel] === gcMark(setName, id);
      if (!isOurs || declared.has(id) || (object.metadata.ownerReferences ?? []).length > 0) continue;
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const policy = ignorePolicy(object as AnyObject);
      if (policy === 'no') orphans.push({ type, object, id });
      else {
        const info = `skipping GC of cluster resource; resource has ignore policy ${policy === 'yes' ? 'true' : policy}`;
        options.logLine('sync.go:266', { method: 'Sync', info, resource: id });
      }
    }
  }
  // Namespaces last: what is inside may still have to be judged by itself.
  return orphans.toSorted(
    (left, right) => Number(left.type.kind === 'Namespace') - Number(right.type.kind === 'Namespace'),
  );
}

async function marked(client: Client, type: ResourceType): Promise<KubeObject[]> {
  try {
    return (await client.list(type, { labelSelector: gcMarkLabel })).items;
  } catch (error) {
    // A kind that went away between discovery and now, or one we may not list, holds nothing of ours.
    const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 0;
    if (status === 404 || status === 403 || status === 405) return [];
    throw error;
  }
}

/**
 * Reads the object once more: a Helm release may have adopted it meanwhile and taken the mark away. The preconditions
 * make the deletion fail when anything changed after that reading.
 */
async function deleteMarked(options: PruneOptions, type: ResourceType, object: KubeObject, id: string): Promise<void> {
  const live = await options.client.get(type, keyOf(object));
  if (live === undefined || live.metadata.labels?.[gcMarkLabel] !== gcMark(options.setName, id)) return;
  const { uid, resourceVersion } = live.metadata;
  try {
    await options.client.delete(type, keyOf(object), {
      propagationPolicy: 'Background',
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    });
  } catch (error) {
    // Somebody changed it just now: the next round looks at it afresh.
    if (!isConflict(error)) throw error;
  }
}

function idOf(type: ResourceType, object: KubeObject): string {
  const namespace = type.namespaced ? object.metadata.namespace : undefined;
  return resourceId({ namespace, kind: type.kind, name: object.metadata.name });
}
