/** Sends what changed of a status. */

import { createJsonMergePatch, keyOf } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import { isNotFound, type Client } from '@towpath/runtime';
import type { Draft } from './conditions.ts';
import { HelmReleasesV2, type HelmReleaseStatus } from './helm-release.ts';

export interface StatusWriter {
  /** Writes what changed since the last call; nothing is sent when nothing did. */
  write(draft: Draft): Promise<void>;
}

export function createStatusWriter(client: Client, stored: HelmReleaseStatus | undefined): StatusWriter {
  let last: HelmReleaseStatus = structuredClone(stored ?? {});
  return {
    async write({ object, status }) {
      if (jsonEqual(last, status)) return;
      const patch = createJsonMergePatch(last, status);
      if (!isRecord(patch)) return;
      const sent = structuredClone(status);
      try {
        await client.patch(HelmReleasesV2, keyOf(object), { status: patch }, { kind: 'merge', subresource: 'status' });
      } catch (error) {
        if (object.metadata.deletionTimestamp === undefined || !isNotFound(error)) throw error;
      }
      last = sent;
    },
  };
}
