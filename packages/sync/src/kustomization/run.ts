/** One run of the controller over one Kustomization: what it is given, and what its steps share. */

import type { AnyObject, Key } from '@towpath/api';
import type { Clock, Logger, Random } from '@towpath/kit';
import type { Client, Recorder } from '@towpath/runtime';
import type { FetchBytes } from './artifact.ts';
import type { Kustomization } from './kinds.ts';
import type { KustomizeProgram } from './program.ts';
import type { StatusWriter } from './status.ts';

export interface ReconcileDeps {
  readonly client: Client;
  /** The API as another service account. */
  readonly clientAs: (namespace: string, serviceAccount: string) => Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly recorder: Recorder;
  readonly fetchBytes: FetchBytes;
  readonly kustomize: { readonly program: KustomizeProgram | undefined; readonly scratchDir: string };
  readonly options: KustomizeOptions;
  /** Bounds how many are built and applied at once; those that wait for health do not count. */
  readonly limit: <Value>(work: () => Promise<Value>) => Promise<Value>;
  /** Of the wait for health: aborted when something newer is to be applied. */
  readonly waitSignal: (key: Key) => AbortSignal;
}

export interface KustomizeOptions {
  /** How long to wait where a dependency or an artifact is not there yet; news come sooner. */
  readonly requeueDependencyMs: number;
  readonly noCrossNamespaceRefs: boolean;
  readonly defaultServiceAccount: string;
}

/** One Kustomization at work. */
export interface Run {
  readonly deps: ReconcileDeps;
  readonly object: Kustomization;
  readonly status: StatusWriter;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly startedAtMs: number;
  /** Writes an Event; its reason is that of the Ready condition. */
  readonly event: (
    severity: 'info' | 'error',
    message: string,
    options?: { readonly revision?: string | undefined; readonly annotations?: Readonly<Record<string, string>> },
  ) => void;
}

/** Something newer is to be applied: what waited for health gives way. */
export class NewerRevision extends Error {
  override readonly name = 'NewerRevision';
  /** `Kind/namespace/name` of what changed. */
  readonly trigger: string;

  constructor(trigger: string) {
    super(`New reconciliation triggered by ${trigger}`);
    this.trigger = trigger;
  }
}

/** Jobs that remove themselves when they are done. */
export function selfRemovingJobs(objects: readonly AnyObject[]): ReadonlySet<string> {
  const jobs = objects.filter(({ kind, apiVersion }) => kind === 'Job' && apiVersion.startsWith('batch/'));
  const own = jobs.filter((job) => {
    const spec = job['spec'];
    return typeof spec === 'object' && spec !== null && 'ttlSecondsAfterFinished' in spec;
  });
  return new Set(own.map(({ metadata }) => `Job/${metadata.namespace ?? ''}/${metadata.name}`));
}
