/** Tags that appear in the embedded registry, for containers that wait for their image. */

import { Images, type ImageRecord } from '@towpath/api';
import type { Clock, Logger } from '@towpath/kit';
import { parseImageReference } from '@towpath/registry';
import { createInformer, type Client } from '@towpath/runtime';

export interface ImageArrivals {
  /** Calls back whenever the tag `reference` names is there anew. Returns the end of the subscription. */
  on(reference: string, arrived: () => void): () => void;
  dispose(): Promise<void>;
}

/** Follows the Image objects the registry's publisher writes; without that kind nothing ever arrives. */
export function watchImageArrivals(deps: { client: Client; clock: Clock; log: Logger }): ImageArrivals {
  const waiting = new Map<() => void, { repository: string; tag: string }>();
  const informer = createInformer({ ...deps, type: Images });
  informer.onChange(({ type, object, previous }) => {
    if (type === 'delete') return;
    const before = new Set((previous?.status?.tags ?? []).map(identity));
    const fresh = (object.status?.tags ?? []).filter((tag) => !before.has(identity(tag)));
    for (const [arrived, wanted] of waiting) {
      if (object.spec.repository === wanted.repository && fresh.some(({ name }) => name === wanted.tag)) arrived();
    }
  });
  informer.start();
  return {
    on(reference, arrived) {
      try {
        const { repository, tag } = parseImageReference(reference);
        waiting.set(arrived, { repository, tag: tag ?? 'latest' });
      } catch {
        // A name that cannot be parsed never arrives; the pull says so.
      }
      return () => waiting.delete(arrived);
    },
    dispose: async () => informer.dispose(),
  };
}

function identity(tag: NonNullable<NonNullable<ImageRecord['status']>['tags']>[number]): string {
  return `${tag.name}@${tag.digest}`;
}
