/** What an install would meet in a cluster, without writing anything: `helm template --validate`. */

import { messageOf } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { hasCode, releaseError } from '../errors.ts';
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

/** Throws `KIND_UNKNOWN` or `RELEASE_FAILED` for objects the cluster would not take, `OWNERSHIP_CONFLICT` for others'. */
export async function rehearseInstall(client: Client, release: RehearsedInstall): Promise<void> {
  const { manifest, name, namespace, takeOwnership, isUpgrade } = release;
  const objects = await buildObjects(manifest, { client, namespace }).catch((error: unknown) => {
    const code = hasCode(error, 'KIND_UNKNOWN') ? 'KIND_UNKNOWN' : 'RELEASE_FAILED';
    const what = 'unable to build kubernetes objects from release manifest';
    throw releaseError(code, `${what}: ${messageOf(error)}`, { next: 'install what defines its kind', cause: error });
  });
  if (isUpgrade) return;
  const refusal = 'Unable to continue with install';
  await findAdopted(objects, { client, owner: { name, namespace }, takeOwnership, refusal });
}
