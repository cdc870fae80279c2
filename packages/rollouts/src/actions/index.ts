/** From a decided step to the action that carries it out. */

import type { Canary } from '../canary.ts';
import type { Step } from '../decide.ts';
import { analyse } from './analyse.ts';
import type { ActionContext } from './context.ts';
import { begin, finishInitialization, initialize } from './initialize.ts';
import { newRevision, restart } from './new-revision.ts';
import { finish, routeToPrimary, skipAnalysis } from './promotion.ts';
import { rollbackBecause } from './rollback.ts';

/** Carries out one step and returns the canary with the status it left. */
export async function act(step: Step, context: ActionContext): Promise<Canary> {
  const { canary, deps } = context;
  switch (step.type) {
    case 'wait':
      return canary;
    case 'begin':
      return begin(context);
    case 'suspended':
      await deps.narrator.info(canary, 'skipping canary run as object is suspended');
      return canary;
    case 'initialize':
      return initialize(context);
    case 'finish-initialization':
      return finishInitialization(context);
    case 'not-ready':
      await deps.narrator.warn(canary, step.message);
      return canary;
    case 'new-revision':
      return newRevision(context);
    case 'restart':
      return restart(context);
    case 'skip-analysis':
      return skipAnalysis(context);
    case 'analyse':
      return analyse(context, step);
    case 'rollback':
      return rollbackBecause(context, step.because);
    case 'route-to-primary':
      return routeToPrimary(context);
    case 'finish':
      return finish(context);
  }
}
