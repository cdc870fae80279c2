/** Uninstalls what a HelmRelease left behind. */

import type { Key } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { uninstall } from '../actions/uninstall.ts';
import type { Release } from '../storage/release.ts';
import { createReleaseStorage } from '../storage/secrets.ts';
import type { OperatorDeps } from './deps.ts';
import { resourceId } from './helm-release.ts';
import { antecedentHash, antecedentLabel } from './marks.ts';

/** The releases that were installed for `key`, newest revisions; found by their label in every namespace. */
export async function releasesOf(key: Key, deps: OperatorDeps): Promise<Release[]> {
  return newest(await labelled(deps, `${antecedentLabel}=${antecedentHash(key)}`));
}

/** The releases the operator installed whose HelmRelease is not among `keys`. */
export async function orphans(keys: readonly Key[], deps: OperatorDeps): Promise<Release[]> {
  const known = new Set(keys.map(antecedentHash));
  const all = newest(await labelled(deps, antecedentLabel));
  return all.filter((release) => !known.has(release.labels[antecedentLabel] ?? ''));
}

function labelled(deps: OperatorDeps, labelSelector: string): Promise<Release[]> {
  const storage = createReleaseStorage({
    client: deps.client,
    clock: deps.clock,
    namespace: deps.flags.allowNamespace,
  });
  return storage.list({ labelSelector });
}

function newest(releases: readonly Release[]): Release[] {
  const byName = new Map<string, Release>();
  // Oldest first: the last one written stays.
  for (const release of releases) byName.set(`${release.namespace}/${release.name}`, release);
  return [...byName.values()].filter((release) => release.info.status !== 'uninstalled');
}

/** Uninstalls one release and says so. */
export async function removeRelease(key: Key, release: Release, because: string, deps: OperatorDeps): Promise<void> {
  const { client, clock, random, log } = deps;
  const { name, namespace } = release;
  const target = { key, release: { name, namespace } };
  log.release(target, 'info', 'running uninstall', { phase: 'uninstall', because });
  const storage = createReleaseStorage({ client, clock, namespace });
  const progress = (line: string): void => log.helm(target, line);
  try {
    await uninstall(
      { client, clock, random, storage, namespace, progress },
      {
        name,
        keepHistory: false,
        disableHooks: false,
        dryRun: false,
        ignoreNotFound: true,
        wait: false,
        timeoutMs: 300_000,
        cascade: 'Background',
        description: `${resourceId(key)} is gone`,
      },
    );
  } catch (error) {
    log.release(target, 'error', `failed to uninstall: ${messageOf(error)}`, { phase: 'uninstall' });
    throw error;
  }
  log.release(target, 'info', 'uninstallation succeeded', { phase: 'uninstall' });
}
