/** Creates, patches and deletes the objects of a release, saying each step as the Helm client does. */

import type { AnyObject } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { isConflict, isNotFound } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { ActionContext } from './context.ts';
import { identityOf, keyOfObject, type ReleaseObject } from './objects.ts';
import { releaseNameAnnotation, syncMarkLabel, type Owner } from './ownership.ts';
import { createObjectPatch, withOwnedFields } from './patch.ts';
import { applyServerSide, takeOverClientSideFields } from './send.ts';

/** Objects with this annotation and the value `keep` outlive their release. */
export const resourcePolicyAnnotation = 'helm.sh/resource-policy';

const conflictRetries = 5;

export interface UpdateInput {
  readonly owner: Owner;
  /** The objects of the last manifest, adopted ones included. */
  readonly current: readonly ReleaseObject[];
  readonly target: readonly ReleaseObject[];
  readonly force: boolean;
  readonly strictThreeWay: boolean;
  /** Objects (by identity) whose live state is merged three-way even when their kind is a custom one. */
  readonly threeWay: ReadonlySet<string> | 'all';
}

export interface UpdateResult {
  readonly created: ReleaseObject[];
  readonly updated: ReleaseObject[];
  readonly deleted: ReleaseObject[];
}

/** Creates every object; one that exists is an error of the API. */
export async function createObjects(context: ActionContext, objects: readonly ReleaseObject[]): Promise<void> {
  context.progress(`creating ${objects.length} resource(s)`);
  for (const item of objects) await createObject(context, item);
}

async function createObject(context: ActionContext, item: ReleaseObject): Promise<void> {
  if (context.serverSide === undefined) await context.client.create(item.type, item.object);
  else await applyServerSide(context, item, item.object);
}

/**
 * Brings the live objects from the last manifest to the target: creates what is missing, patches what changed, and
 * when all of that succeeded deletes what is gone from the manifest. `result` is filled as it goes, also on failure.
 */
export async function updateObjects(context: ActionContext, input: UpdateInput, result: UpdateResult): Promise<void> {
  context.progress(`checking ${input.target.length} resources for changes`);
  const last = new Map(input.current.map((item) => [identityOf(item), item]));
  const failures: string[] = [];
  for (const item of input.target) {
    const previous = last.get(identityOf(item));
    try {
      await updateObject(context, input, { item, previous }, result);
    } catch (error) {
      // A failed creation ends the upgrade, a failed patch lets the others go on: as Helm does.
      if (result.created.includes(item)) {
        throw failed(`failed to create resource: ${messageOf(error)}`, error);
      }
      context.progress(`error updating the resource "${item.object.metadata.name}":\n\t ${messageOf(error)}`);
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw failed(failures.join(' && '));
  const wanted = new Set(input.target.map(identityOf));
  for (const item of input.current) {
    if (!wanted.has(identityOf(item))) await removeObject(context, item, input.owner, result);
  }
}

interface Pair {
  readonly item: ReleaseObject;
  /** The object in the last manifest. */
  readonly previous: ReleaseObject | undefined;
}

async function updateObject(
  context: ActionContext,
  input: UpdateInput,
  pair: Pair,
  result: UpdateResult,
): Promise<void> {
  const { client, progress } = context;
  const { item } = pair;
  const { kind, metadata } = item.object;
  for (let attempt = 1; ; attempt++) {
    const live = await client.get(item.type, keyOfObject(item));
    if (live === undefined) {
      if (!result.created.includes(item)) result.created.push(item);
      await createObject(context, item);
      progress(`Created a new ${kind} called "${metadata.name}" in ${metadata.namespace ?? ''}\n`);
      return;
    }
    if (!result.updated.includes(item)) result.updated.push(item);
    try {
      if (context.serverSide !== undefined) await applyOver(context, input, pair, live as AnyObject);
      else if (input.force) await replaceObject(context, item, live.metadata.resourceVersion);
      else await patchObject(context, input, pair, live as AnyObject);
      return;
    } catch (error) {
      // Another writer was faster, or the object vanished in between: look again.
      if ((isConflict(error) || isNotFound(error)) && attempt < conflictRetries) continue;
      const what = input.force ? 'failed to replace object' : `cannot patch "${metadata.name}" with kind ${kind}`;
      throw failed(`${what}: ${messageOf(error)}`, error);
    }
  }
}

/** Server-side apply; fields of Flagger's that did not change between the manifests are sent as they are live. */
async function applyOver(context: ActionContext, input: UpdateInput, pair: Pair, live: AnyObject): Promise<void> {
  const { item, previous } = pair;
  await takeOverClientSideFields(context, item, live);
  const last = previous?.object ?? item.object;
  const object = input.strictThreeWay ? item.object : withOwnedFields({ last, next: item.object, live });
  await applyServerSide(context, item, object);
  context.progress(`Patch ${item.object.kind} "${item.object.metadata.name}"`);
}

async function replaceObject(context: ActionContext, item: ReleaseObject, version: string | undefined): Promise<void> {
  const { kind, metadata } = item.object;
  const versioned = { ...metadata, ...(version !== undefined && { resourceVersion: version }) };
  await context.client.update(item.type, { ...item.object, metadata: versioned });
  context.progress(`Replaced "${metadata.name}" with kind ${kind} for kind ${kind}`);
}

async function patchObject(context: ActionContext, input: UpdateInput, pair: Pair, live: AnyObject): Promise<void> {
  const { item, previous } = pair;
  const { kind, metadata } = item.object;
  if (previous === undefined) throw failed(`no ${kind} with the name "${metadata.name}" found`);
  const patch = createObjectPatch({
    last: previous.object,
    next: item.object,
    live,
    strictThreeWay: input.strictThreeWay,
    threeWayForCustom: input.threeWay === 'all' || input.threeWay.has(identityOf(item)),
  });
  if (patch === undefined) {
    context.progress(`Looks like there are no changes for ${kind} "${metadata.name}"`);
    return;
  }
  context.progress(`Patch ${kind} "${metadata.name}" in namespace ${metadata.namespace ?? ''}`);
  await context.client.patch(item.type, keyOfObject(item), patch.body, { kind: patch.kind });
}

/** Deletes one object that the new manifest no longer has; a failure is said and passed over, as Helm does. */
async function removeObject(
  context: ActionContext,
  item: ReleaseObject,
  owner: Owner,
  result: UpdateResult,
): Promise<void> {
  const { client, progress } = context;
  const { name, namespace } = item.object.metadata;
  progress(`Deleting "${name}" in ${namespace ?? ''}...`);
  try {
    const live = await client.get(item.type, keyOfObject(item));
    if (live === undefined) {
      progress(`Unable to get obj "${name}", err: ${item.type.plural} "${name}" not found`);
      return;
    }
    const why = reasonToKeep(live.metadata, owner);
    if (why !== undefined) {
      progress(`Skipping delete of "${name}" due to ${why}`);
      return;
    }
    await client.delete(item.type, keyOfObject(item), { propagationPolicy: 'Background' });
    result.deleted.push(item);
  } catch (error) {
    progress(`Failed to delete "${name}", err: ${messageOf(error)}`);
  }
}

/** Why an object that left the manifest stays in the cluster; undefined when it is to be deleted. */
function reasonToKeep(metadata: AnyObject['metadata'], owner: Owner): string | undefined {
  if (metadata.annotations?.[resourcePolicyAnnotation] === 'keep') {
    return `annotation [${resourcePolicyAnnotation}=keep]`;
  }
  const release = metadata.annotations?.[releaseNameAnnotation];
  if (release !== undefined && release !== owner.name) return `its owner: it now belongs to release "${release}"`;
  // The mark goes when a release adopts an object: there again, it says that a plain manifest has taken the object over.
  if (metadata.labels?.[syncMarkLabel] !== undefined) return `label [${syncMarkLabel}]: it now comes from Git`;
  return undefined;
}

/** Deletes every object, going on after failures; returns the failures' messages. */
export async function deleteObjects(
  context: ActionContext,
  objects: readonly ReleaseObject[],
  propagationPolicy: 'Background' | 'Foreground' | 'Orphan' = 'Background',
): Promise<string[]> {
  const failures: string[] = [];
  for (const item of objects) {
    context.progress(`Starting delete for "${item.object.metadata.name}" ${item.object.kind}`);
    try {
      await context.client.delete(item.type, keyOfObject(item), { propagationPolicy });
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  return failures;
}

function failed(message: string, cause?: unknown): Error {
  return releaseError('RELEASE_FAILED', message, cause === undefined ? {} : { cause });
}
