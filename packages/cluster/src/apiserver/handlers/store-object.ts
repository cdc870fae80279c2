/** The last step of every write. */

import type { AnyObject } from '@towpath/api';
import type { Resource } from '../resources/resource.ts';
import type { StoredObject } from '../storage/collection.ts';
import type { ApiContext } from './context.ts';

/** What a write did. */
export interface Written {
  readonly object: AnyObject;
  /** Absent when the object is not stored (any more). */
  readonly stored?: StoredObject;
  readonly created: boolean;
}

/** kind, apiVersion and metadata first, as Go writes them; lists rely on it. */
function ordered(object: AnyObject): AnyObject {
  const { kind, apiVersion, metadata, ...rest } = object;
  return { kind, apiVersion, metadata, ...rest };
}

/** Stores a new or changed object; resolves when it is on disk. */
export async function storeObject(
  context: ApiContext,
  resource: Resource,
  key: string,
  parts: { object: AnyObject; created: boolean },
): Promise<Written> {
  const change = { collection: resource.collection, key, object: ordered(parts.object) };
  const stored = await context.objects.commit(change);
  return { object: stored.object, stored, created: parts.created };
}

/** Takes the object out of the store; watchers see `last`. */
export async function finishDeletion(
  context: ApiContext,
  resource: Resource,
  stored: StoredObject,
  last: AnyObject,
): Promise<Written> {
  const change = { collection: resource.collection, key: stored.key, last: ordered(last) };
  const written = await context.objects.commit(change);
  return { object: written.object, created: false };
}
