/** ConfigMaps and Secrets that running pods mount, each watched once however many pods use it. */

import {
  ConfigMaps,
  Secrets,
  type ConfigMap,
  type Key,
  type KubeObject,
  type ResourceType,
  type Secret,
} from '@towpath/api';
import type { Clock, Logger } from '@towpath/kit';
import { createInformer, type Client, type Informer } from '@towpath/runtime';
import type { ConfigReader } from '../env.ts';

export interface ObjectCache {
  /** Reads through watches that live as long as the lease; `onChange` is called when one of the objects changed. */
  lease(onChange: () => void): ConfigReader & { release(): void };
  dispose(): Promise<void>;
}

interface Watched {
  readonly informer: Informer<KubeObject>;
  users: number;
}

/** A watch without users is kept this long, for the next pod of the same workload. */
const idleMs = 60_000;

export function createObjectCache(deps: { client: Client; clock: Clock; log: Logger }): ObjectCache {
  const { clock, log, client } = deps;
  const watched = new Map<string, Watched>();

  function watch(type: ResourceType, key: Key): { entry: Watched; id: string } {
    const id = `${type.plural}/${key.namespace ?? ''}/${key.name}`;
    let entry = watched.get(id);
    if (entry === undefined) {
      const informer = createInformer({
        client,
        type,
        namespace: key.namespace,
        fieldSelector: `metadata.name=${key.name}`,
        clock,
        log,
      });
      informer.start();
      entry = { informer, users: 0 };
      watched.set(id, entry);
    }
    return { entry, id };
  }

  function leave(id: string, entry: Watched): void {
    entry.users--;
    if (entry.users > 0) return;
    clock.startTimer(idleMs, () => {
      if (entry.users > 0 || watched.get(id) !== entry) return;
      watched.delete(id);
      void entry.informer.dispose();
    });
  }

  return {
    lease(onChange) {
      const held = new Map<string, () => void>();
      const read = async (type: ResourceType, key: Key): Promise<KubeObject | undefined> => {
        const { entry, id } = watch(type, key);
        if (!held.has(id)) {
          entry.users++;
          let settled = false;
          const unsubscribe = entry.informer.onChange(() => {
            if (settled) onChange();
          });
          held.set(id, () => {
            unsubscribe();
            leave(id, entry);
          });
          await entry.informer.synced();
          settled = true;
        } else await entry.informer.synced();
        return entry.informer.get(key);
      };
      return {
        configMap: async (key) => (await read(ConfigMaps, key)) as ConfigMap | undefined,
        secret: async (key) => (await read(Secrets, key)) as Secret | undefined,
        release() {
          for (const end of held.values()) end();
          held.clear();
        },
      };
    },
    async dispose() {
      await Promise.all([...watched.values()].map(async ({ informer }) => informer.dispose()));
      watched.clear();
    },
  };
}
