/** Server-side apply of a release's objects, as Helm 4 does it. */

import type { AnyObject, ManagedFieldsEntry } from '@towpath/api';
import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { isConflict } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { Release } from '../storage/release.ts';
import type { ActionContext } from './context.ts';
import { keyOfObject, type ReleaseObject } from './objects.ts';

/** What a release says of how its objects are sent. */
export function applyMethodOf(serverSide: boolean | undefined): Pick<Release, 'apply_method'> {
  return serverSide === undefined ? {} : { apply_method: serverSide ? 'ssa' : 'csa' };
}

/** Whether objects are sent by server-side apply when the caller leaves it to a revision. */
export function sendsServerSide(wanted: boolean | 'auto' | undefined, revision: Release): boolean | undefined {
  return wanted === 'auto' ? revision.apply_method === 'ssa' : wanted;
}

/** Applies `object` as the client's field manager; members its kind does not know are refused. */
export async function applyServerSide(context: ActionContext, item: ReleaseObject, object: AnyObject): Promise<void> {
  const force = context.serverSide?.force ?? false;
  try {
    await context.client.patch(item.type, keyOfObject(item), object, {
      kind: 'apply',
      force,
      fieldValidation: 'Strict',
    });
  } catch (error) {
    const { namespace = '', name } = item.object.metadata;
    const { group, version, kind } = item.type;
    const what = `object ${namespace}/${name} ${group}/${version}, Kind=${kind}`;
    const how = isConflict(error) ? 'conflict occurred while applying' : 'server-side apply failed for';
    throw releaseError('RELEASE_FAILED', `${how} ${what}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Makes fields that the manager wrote on the client side its applied ones, so that applying without them removes them.
 * Source: client-go util/csaupgrade.
 */
export async function takeOverClientSideFields(
  context: ActionContext,
  item: ReleaseObject,
  live: AnyObject,
): Promise<void> {
  const manager = context.client.fieldManager;
  const { managedFields = [], resourceVersion } = live.metadata;
  const isOurs = (entry: ManagedFieldsEntry): boolean =>
    entry.manager === manager && entry.subresource === undefined && entry.operation === 'Update';
  const updated = managedFields.filter(isOurs);
  if (updated.length === 0) return;
  const applied = managedFields.find((entry) => entry.manager === manager && entry.operation === 'Apply');
  const first = updated[0];
  const merged: ManagedFieldsEntry = {
    ...(applied ?? first),
    operation: 'Apply',
    fieldsV1: [applied, ...updated].reduce<UnknownRecord>((all, entry) => union(all, entry?.fieldsV1 ?? {}), {}),
  };
  const others = managedFields.filter((entry) => !isOurs(entry) && entry !== applied);
  const patch = [
    { op: 'replace', path: '/metadata/managedFields', value: [...others, merged] },
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
  ];
  await context.client.patch(item.type, keyOfObject(item), patch, { kind: 'json' });
}

function union(left: UnknownRecord, right: UnknownRecord): UnknownRecord {
  const merged: UnknownRecord = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const known = merged[key];
    merged[key] = isRecord(known) && isRecord(value) ? union(known, value) : value;
  }
  return merged;
}
