/** The one suite of every runtime kind: a table of cases, each with the kinds that cannot do it and why. */

import { fileCases } from './files.cases.ts';
import { lifeCases } from './life.cases.ts';
import { networkCases } from './network.cases.ts';
import type { KindName, World } from './world.ts';

export interface RuntimeCase {
  readonly name: string;
  /** Kinds that cannot, with the reason. */
  readonly cannot?: Readonly<Partial<Record<KindName, string>>>;
  run(world: World): Promise<void>;
}

export const runtimeCases: readonly RuntimeCase[] = [...lifeCases, ...fileCases, ...networkCases];
