/** What a pipeline does next, from its plan and what its jobs did. Pure. */

import type { PipelinePhase } from '@towpath/api';
import type { PlannedJob } from '../config/plan.ts';

/** What is known of one planned job. */
export interface JobState {
  readonly phase: PipelinePhase;
  readonly message?: string;
}

type JobAction =
  | { readonly type: 'start'; readonly job: PlannedJob }
  | { readonly type: 'skip'; readonly job: PlannedJob; readonly because: string }
  | { readonly type: 'wait'; readonly job: PlannedJob };

export interface PipelineDecision {
  /** One for every job that has not started. */
  readonly actions: readonly JobAction[];
  readonly phase: PipelinePhase;
  readonly message: string;
}

/** `states` by job name; jobs without a state have not started. */
export function decidePipeline(jobs: readonly PlannedJob[], states: ReadonlyMap<string, JobState>): PipelineDecision {
  const rank = new Map<string, number>();
  for (const job of jobs) if (!rank.has(job.stage)) rank.set(job.stage, rank.size);
  const actions: JobAction[] = [];
  for (const job of jobs) {
    if (states.has(job.name)) continue;
    const before = jobs.filter((other) =>
      job.needs === undefined
        ? (rank.get(other.stage) ?? 0) < (rank.get(job.stage) ?? 0)
        : job.needs.some((need) => need.job === other.name),
    );
    actions.push(actionFor(job, before, states));
  }
  return { actions, ...summarize(jobs, states, actions) };
}

function actionFor(job: PlannedJob, before: readonly PlannedJob[], states: ReadonlyMap<string, JobState>): JobAction {
  if (before.some((other) => !isFinished(states.get(other.name)?.phase))) return { type: 'wait', job };
  if (job.when === 'manual') return { type: 'skip', job, because: 'manual jobs are not started' };
  const failed = before.find((other) => isFailure(other, states.get(other.name)));
  if (job.when === 'on_success' && failed !== undefined) {
    return { type: 'skip', job, because: `${failed.name} did not succeed` };
  }
  if (job.when === 'on_failure' && failed === undefined) {
    return { type: 'skip', job, because: 'nothing before it failed' };
  }
  return { type: 'start', job };
}

/** A failure that counts: jobs after it do not run, the pipeline fails. */
function isFailure(job: PlannedJob, state: JobState | undefined): boolean {
  if (state?.phase === 'Failed' || state?.phase === 'Canceled') return !job.allowFailure;
  // A job that was skipped since something before it failed hands that on; a manual one does not.
  return state?.phase === 'Skipped' && job.when !== 'manual' && job.when !== 'on_failure';
}

/** True for a phase that does not change any more. */
export function isFinished(phase: PipelinePhase | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Skipped' || phase === 'Canceled';
}

function summarize(
  jobs: readonly PlannedJob[],
  states: ReadonlyMap<string, JobState>,
  actions: readonly JobAction[],
): { phase: PipelinePhase; message: string } {
  const done = jobs.filter((job) => isFinished(states.get(job.name)?.phase));
  if (actions.length > 0 || done.length < jobs.length) {
    const started = jobs.some((job) => states.get(job.name)?.phase === 'Running') || done.length > 0;
    return { phase: started ? 'Running' : 'Pending', message: `${done.length} of ${jobs.length} jobs finished` };
  }
  const failed = jobs.filter((job) => !job.allowFailure && states.get(job.name)?.phase === 'Failed');
  if (failed.length === 0) return { phase: 'Succeeded', message: `${jobs.length} jobs passed` };
  const [first] = failed;
  const why = first === undefined ? '' : (states.get(first.name)?.message ?? '');
  const others = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
  return { phase: 'Failed', message: `job ${first?.name ?? ''}${others} failed${why === '' ? '' : `: ${why}`}` };
}
