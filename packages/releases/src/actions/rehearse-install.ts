/** What an install would meet in a cluster, without writing anything: `helm template --validate`. */

import type { Client } from '@towpath/runtime';
import { buildObjects } from './objects.ts';
import { findAdopted } from './ownership.ts';

/** The release, as it would be installed. */
export interface RehearsedInstall {
  readonly manifest: string;
  readonly name: string;
  readonly namespace: string;
  /** Objects that exist may belong to somebody else. */
  readonly takeOwnership: boolean;
  /** Objects may exist. */
  readonly isUpgrade: boolean;
}

/** Throws `KIND_UNKNOWN` or `MANIFEST_INVALID` for objects the cluster would not take, `OWNERSHIP_CONFLICT` for others'. */
export async function rehearseInstall(client: Client, release: RehearsedInstall): Promise<void> {
  const { manifest, name, namespace, takeOwnership, isUpgrade } = release;
  const objects = await buildObjects(manifest, { client, namespace });
  if (isUpgrade) return;
  const refusal = 'Unable to continue with install';
  await findAdopted(objects, { client, owner: { name, namespace }, takeOwnership, refusal });
}
