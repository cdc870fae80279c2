/** What becomes of applied objects when their Kustomization is deleted. */

import { ServiceAccounts } from '@towpath/api';
import { done, isConflict, waitForObjects, type Result } from '@towpath/runtime';
import { changeLines, deleteAll } from './apply.ts';
import { finalizer, Kustomizations, timeoutMsOf, type Kustomization } from './kinds.ts';
import { apiVersionOfRef, ownerLabels, parseInventoryEntry, subjectOf, type ObjectRef } from './objects.ts';
import type { Run } from './run.ts';
import { statusManager } from './status.ts';

/** Deletes by the inventory as the deletion policy says, then lets the object go. Throws when something could not be deleted. */
export async function finalize(run: Run): Promise<Result> {
  const { object } = run;
  if (!(object.metadata.finalizers ?? []).includes(finalizer)) return done();
  const refs = (object.status?.inventory?.entries ?? []).flatMap((entry) => parseInventoryEntry(entry) ?? []);
  if (refs.length > 0 && shouldDelete(object)) await deleteObjects(run, refs);
  await removeFinalizer(run);
  return done();
}

function shouldDelete({ spec }: Kustomization): boolean {
  if (spec.suspend === true) return false;
  switch (spec.deletionPolicy ?? 'MirrorPrune') {
    case 'MirrorPrune':
      return spec.prune;
    case 'Delete':
    case 'WaitForTermination':
      return true;
    case 'Orphan':
      return false;
  }
}

async function deleteObjects(run: Run, refs: readonly ObjectRef[]): Promise<void> {
  const { object, deps, log } = run;
  const { namespace = 'default' } = object.metadata;
  const account = object.spec.serviceAccountName ?? deps.options.defaultServiceAccount;
  const revision = object.status?.lastAppliedRevision;
  if (account !== '' && (await deps.client.get(ServiceAccounts, { namespace, name: account })) === undefined) {
    // Without the account nobody may delete them: they stay, and are named.
    const message = `unable to prune objects: \n${refs.map(subjectOf).join('\n')}`;
    log.error(message, { error: 'skiping pruning, failed to find account to impersonate' });
    run.event('error', message, { revision });
    return;
  }
  const client = account === '' ? deps.client : deps.clientAs(namespace, account);
  const { changes, failures } = await deleteAll(refs, { client, owner: ownerLabels(object.metadata) });
  if (failures.length > 0) {
    run.event('error', 'pruning for deleted resource failed', { revision });
    throw new Error(`delete failed, errors: ${failures.map(({ message }) => `${message};`).join('')}`);
  }
  run.event('info', changeLines(changes), { revision });
  if (object.spec.deletionPolicy !== 'WaitForTermination') return;
  const targets = changes
    .filter(({ action }) => action === 'deleted')
    .map(({ ref }) => ({
      apiVersion: apiVersionOfRef(ref),
      kind: ref.kind,
      name: ref.name,
      ...(ref.namespace !== '' && { namespace: ref.namespace }),
    }));
  const { clock } = deps;
  const timeoutMs = timeoutMsOf(object);
  const outcome = await waitForObjects({ client, clock, targets, until: 'NotFound', timeoutMs, signal: run.signal });
  if (outcome.type === 'reached') return;
  log.error('failed to wait for resources termination', { error: outcome.message });
  run.event('error', 'failed to wait for resources termination', { revision });
}

async function removeFinalizer({ object, deps }: Run): Promise<void> {
  const { namespace, name, finalizers = [] } = object.metadata;
  const key = { name, ...(namespace !== undefined && { namespace }) };
  const live = await deps.client.get(Kustomizations, key);
  if (live === undefined) return;
  const { resourceVersion } = live.metadata;
  const rest = (live.metadata.finalizers ?? finalizers).filter((one) => one !== finalizer);
  const patch = { metadata: { finalizers: rest, resourceVersion } };
  try {
    await deps.client.patch(Kustomizations, key, patch, { kind: 'merge', fieldManager: statusManager });
  } catch (error) {
    // Somebody changed it just now; the change comes here, too.
    if (!isConflict(error)) throw error;
  }
}
