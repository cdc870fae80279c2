/** What the parts of the operator share. */

import type { Clock, Random } from '@towpath/kit';
import type { Client, Recorder } from '@towpath/runtime';
import type { Renderer } from '../render-worker/renderer.ts';
import type { ChartSourceDeps } from './chart-source.ts';
import type { OperatorFlags } from './flags.ts';
import type { OperatorLog } from './log.ts';

export interface OperatorDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly flags: OperatorFlags;
  readonly log: OperatorLog;
  readonly recorder: Recorder;
  /** For charts that take long to render. */
  readonly renderer: Renderer | undefined;
  readonly charts: ChartSourceDeps;
  /** Fetches the text of an `externalSourceRef`. */
  readonly fetchText: (url: string) => Promise<string>;
  /** Names this run of the operator: a pending revision of another run was left behind by a killed one. */
  readonly instance: string;
  readonly memory: OperatorMemory;
}

/** What a HelmRelease's inputs were when they were last compared with its release. */
interface Comparison {
  readonly fingerprint: string;
  readonly atMs: number;
}

/** Only saves work: everything in it can be forgotten. */
export interface OperatorMemory {
  /** By `namespace/name`. */
  readonly compared: Map<string, Comparison>;
  /** Failures in a row, by `namespace/name`. */
  readonly failures: Map<string, number>;
  /** Work under way, by `namespace/name`. */
  readonly running: Map<string, RunningWork>;
}

interface RunningWork {
  /** The revision of the chart that is being released. */
  readonly revision: string;
  readonly changedSince: (revision: string | undefined) => Promise<boolean>;
  readonly generation: number;
  readonly abort: AbortController;
}

export function createMemory(): OperatorMemory {
  return { compared: new Map(), failures: new Map(), running: new Map() };
}
