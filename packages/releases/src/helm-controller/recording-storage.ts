/** A storage that tells which revisions were written, so that the status shows what is really stored. */

import type { Release } from '../storage/release.ts';
import type { ReleaseStorage } from '../storage/secrets.ts';

/** Calls `seen` with a copy of each revision after it was written or deleted. */
export function recordingStorage(storage: ReleaseStorage, seen: (release: Release) => void): ReleaseStorage {
  return {
    ...storage,
    async create(release, options) {
      await storage.create(release, options);
      seen(copyOf(release));
    },
    async update(release) {
      await storage.update(release);
      seen(copyOf(release));
    },
    async delete(name, version) {
      const before = (await storage.history(name)).find((release) => release.version === version);
      await storage.delete(name, version);
      if (before !== undefined) seen(before);
    },
  };
}

/** What actions change later is copied; the rest is shared. */
function copyOf(release: Release): Release {
  const hooks = release.hooks.map((hook) => ({ ...hook, last_run: { ...hook.last_run } }));
  return { ...release, info: { ...release.info }, hooks };
}
