/** Who an object belongs to, and when a release may take it. */

import type { AnyObject } from '@towpath/api';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import { describeObject, identityOf, keyOfObject, type ReleaseObject } from './objects.ts';

const managedByLabel = 'app.kubernetes.io/managed-by';
export const releaseNameAnnotation = 'meta.helm.sh/release-name';
const releaseNamespaceAnnotation = 'meta.helm.sh/release-namespace';

/** Synchronisation marks what it applied from a plain manifest in Git with these. */
export const syncMarkLabel = 'fluxcd.io/sync-gc-mark';
const syncChecksumAnnotation = 'fluxcd.io/sync-checksum';

export interface Owner {
  readonly name: string;
  readonly namespace: string;
}

type Annotations = Readonly<Record<string, string>> | undefined;

/** The object as it is sent: with the label and annotations that say which release it belongs to. */
export function withOwner({ object, type }: ReleaseObject, owner: Owner, annotations?: Annotations): ReleaseObject {
  const metadata = {
    ...object.metadata,
    labels: { ...object.metadata.labels, [managedByLabel]: 'Helm' },
    annotations: {
      ...object.metadata.annotations,
      ...annotations,
      [releaseNameAnnotation]: owner.name,
      [releaseNamespaceAnnotation]: owner.namespace,
    },
  };
  return { object: { ...object, metadata }, type };
}

/** An object of the release that is there already and is taken over. */
export interface Adopted {
  /** What the merge takes for the last manifest: the new one and, when it came from Git, the sync marks. */
  readonly original: ReleaseObject;
  /** True when it carried the sync mark. */
  readonly fromGit: boolean;
}

export interface AdoptionOptions {
  readonly client: Client;
  readonly owner: Owner;
  /** Takes everything (`--take-ownership`). */
  readonly takeOwnership: boolean;
  /** `Unable to continue with install` or `… update`. */
  readonly refusal: string;
}

/**
 * Looks which of `objects` exist already, and refuses those that belong to somebody else: `OWNERSHIP_CONFLICT` with
 * Helm's text. An object that carries the sync mark came from a plain manifest in Git that has moved into the chart:
 * it is adopted, which Helm alone would refuse.
 */
export async function findAdopted(objects: readonly ReleaseObject[], options: AdoptionOptions): Promise<Adopted[]> {
  const adopted: Adopted[] = [];
  const found = await Promise.all(objects.map((item) => options.client.get(item.type, keyOfObject(item))));
  for (const [index, item] of objects.entries()) {
    const live = found[index];
    if (live === undefined) continue;
    const fromGit = live.metadata.labels?.[syncMarkLabel] !== undefined;
    const conflict = ownershipConflict(live.metadata, options.owner);
    if (conflict !== undefined && !fromGit && !options.takeOwnership) {
      const what = `${describeObject(item)} exists and cannot be imported into the current release: ${conflict}`;
      throw releaseError('OWNERSHIP_CONFLICT', `${options.refusal}: ${what}`, {
        next: 'delete the object, choose another release name, or repeat with --take-ownership',
      });
    }
    adopted.push({ original: fromGit ? withSyncMarks(item) : item, fromGit });
  }
  return adopted;
}

/** Helm's words for why an object is not the release's; undefined when it is. Source: helm 3 pkg/action/validate.go. */
function ownershipConflict(metadata: AnyObject['metadata'], owner: Owner): string | undefined {
  const reasons = [
    requireValue('label', metadata.labels, managedByLabel, 'Helm'),
    requireValue('annotation', metadata.annotations, releaseNameAnnotation, owner.name),
    requireValue('annotation', metadata.annotations, releaseNamespaceAnnotation, owner.namespace),
  ].filter((reason) => reason !== undefined);
  return reasons.length === 0 ? undefined : ['invalid ownership metadata', ...reasons].join('; ');
}

function requireValue(
  what: 'label' | 'annotation',
  values: Record<string, string> | undefined,
  key: string,
  wanted: string,
): string | undefined {
  const actual = values?.[key];
  if (actual === wanted) return undefined;
  if (actual === undefined) return `${what} validation error: missing key "${key}": must be set to "${wanted}"`;
  return `${what} validation error: key "${key}" must equal "${wanted}": current value is "${actual}"`;
}

/** The three-way merge removes what the last manifest had and the new one has not: so the marks go in the same patch. */
function withSyncMarks({ object, type }: ReleaseObject): ReleaseObject {
  const metadata = {
    ...object.metadata,
    labels: { ...object.metadata.labels, [syncMarkLabel]: '' },
    annotations: { ...object.metadata.annotations, [syncChecksumAnnotation]: '' },
  };
  return { object: { ...object, metadata }, type };
}

/** Adds the objects of `adopted` to the objects of the last manifest. */
export function withAdopted(current: readonly ReleaseObject[], adopted: readonly Adopted[]): ReleaseObject[] {
  const taken = new Set(adopted.map((entry) => identityOf(entry.original)));
  return [...current.filter((item) => !taken.has(identityOf(item))), ...adopted.map((entry) => entry.original)];
}
