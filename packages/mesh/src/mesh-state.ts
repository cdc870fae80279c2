/** What the components of the mesh share inside the process: the stand-in for Istio's xDS streams. */

import type { Caller } from '@towpath/api';
import { RouteTable } from './route/route-table.ts';
import { World } from './model/world.ts';

/** A consistent view: the cluster as istiod sees it, and routes over it. */
export interface Snapshot {
  readonly world: World;
  readonly routes: RouteTable;
}

/**
 * istiod publishes, proxies read. Nothing else passes between them, so that a network stream can take this
 * object's place. A snapshot's World goes on changing in place as its informers report.
 */
export class MeshState {
  #snapshot: Snapshot | undefined;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};

  constructor() {
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
  }

  /** Replaces what the proxies see; called by istiod once its informers have synced. */
  publish(world: World): void {
    this.#snapshot = { world, routes: new RouteTable(world) };
    this.#markReady();
  }

  /** Undefined until istiod has published for the first time; kept when istiod goes away, as Envoy keeps its last. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Resolves with the first snapshot. */
  async ready(): Promise<Snapshot> {
    for (;;) {
      if (this.#snapshot !== undefined) return this.#snapshot;
      await this.#ready;
    }
  }
}

/** `namespace/pod` of a connection's other end. */
export function callerKey(caller: Caller): { namespace: string; name: string } {
  return { namespace: caller.namespace, name: caller.pod };
}
