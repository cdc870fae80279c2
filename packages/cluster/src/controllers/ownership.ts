/** Owner references: who controls an object, and how a controller adopts and releases its dependents. */

import {
  matchesSelector,
  ownerReference,
  type KubeObject,
  type LabelSelector,
  type OwnerReference,
} from '@towpath/api';
import { keyOf, type ResourceType } from '@towpath/api';
import type { Client } from '@towpath/runtime';

/** The owner reference with `controller: true`. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/**
 * The dependents of `owner`: those it controls and that match its selector. Matching orphans are adopted,
 * owned ones that no longer match are released.
 * Source: Kubernetes pkg/controller/controller_ref_manager.go.
 */
export async function claimDependents<Object extends KubeObject>(options: {
  client: Client;
  type: ResourceType<Object>;
  owner: KubeObject;
  selector: LabelSelector | undefined;
  /** Objects in the owner's namespace that are controlled by it, or by nobody. */
  candidates: readonly Object[];
}): Promise<Object[]> {
  const { client, type, owner, selector } = options;
  const claimed: Object[] = [];
  for (const candidate of options.candidates) {
    const matches = matchesSelector(selector, candidate.metadata.labels);
    const controller = controllerOf(candidate);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches) claimed.push(candidate);
      else if (!isDeleting(owner) && !isDeleting(candidate)) await release(client, type, owner, candidate);
    } else if (matches && !isDeleting(owner) && !isDeleting(candidate)) {
      claimed.push(await adopt(client, type, owner, candidate));
    }
  }
  return claimed;
}

function adopt<Object extends KubeObject>(
  client: Client,
  type: ResourceType<Object>,
  owner: KubeObject,
  object: Object,
): Promise<Object> {
  const ownerReferences = [...(object.metadata.ownerReferences ?? []), ownerReference(owner)];
  return client.patch(
    type,
    keyOf(object),
    { metadata: { uid: object.metadata.uid, ownerReferences } },
    { kind: 'merge' },
  );
}

async function release<Object extends KubeObject>(
  client: Client,
  type: ResourceType<Object>,
  owner: KubeObject,
  object: Object,
): Promise<void> {
  const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
  await client.patch(
    type,
    keyOf(object),
    { metadata: { uid: object.metadata.uid, ownerReferences } },
    { kind: 'merge' },
  );
}
