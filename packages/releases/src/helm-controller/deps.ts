/** What the parts of the controller share. */

import type { Key } from '@towpath/api';
import type { Client, Recorder } from '@towpath/runtime';
import type { Clock, Logger, Random } from '@towpath/kit';
import type { Renderer } from '../render-worker/renderer.ts';
import type { ChartLoader } from './source.ts';

export interface ControllerDeps {
  /** Writes as `helm-controller`. */
  readonly client: Client;
  /** The same, acting for a service account. */
  readonly clientFor: (serviceAccount: { namespace: string; name: string }) => Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly recorder: Recorder;
  readonly renderer: Renderer | undefined;
  readonly charts: ChartLoader;
  /** False with --no-cross-namespace-refs. */
  readonly crossNamespaceRefs: boolean;
  /** Of HelmReleases that name none; '' for none. */
  readonly defaultServiceAccount: string;
  /** How long until a dependency or source is looked at again when no event came. */
  readonly requeueDependencyMs: number;
  readonly memory: ControllerMemory;
}

/** Only saves work: everything in it can be forgotten. */
export interface ControllerMemory {
  /** Work under way, by `namespace/name`. */
  readonly running: Map<string, RunningWork>;
  /** The artifact that was last found ready, by `namespace/name`: an event that says no more is no news. */
  readonly found: Map<string, string>;
  /** Requeues in a row, by `namespace/name`. */
  readonly requeues: Map<string, number>;
  /** When a failed action is due again (monotonic milliseconds), by `namespace/name`. */
  readonly retries: Map<string, number>;
}

interface RunningWork {
  readonly generation: number | undefined;
  readonly abort: AbortController;
}

/** Why a wait ends early: what asks for something newer. */
export class Superseded extends Error {
  override readonly name = 'AbortError';
  readonly by: string;

  constructor(kind: string, key: Key) {
    super('health checks canceled');
    this.by = `${kind}/${key.namespace ?? ''}/${key.name}`;
  }
}

export function createMemory(): ControllerMemory {
  return { running: new Map(), found: new Map(), requeues: new Map(), retries: new Map() };
}
