/** Shifts requests between primary and canary; one file per mesh. */

import type { Canary } from '../canary.ts';
import type { Plan } from '../plan.ts';

export interface Router {
  /** Brings the mesh's objects to `canaryWeight` percent; writes nothing when they already are. */
  apply(canary: Canary, plan: Plan, canaryWeight: number): Promise<void>;
}
