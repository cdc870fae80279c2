/** Which jobs of a configuration run for one push, with which variables. Pure. */

import { pipelineError } from '../errors.ts';
import type { CiConfig, JobConfig, Need, RefPolicy } from './model.ts';
import { firstRule, policyMatches, type RefInfo, type RuleContext } from './rules.ts';
import { expandVariables, expandWith, jobPredefined } from './variables.ts';

export interface PlanInput {
  readonly config: CiConfig;
  readonly ref: RefInfo;
  readonly predefined: Readonly<Record<string, string>>;
  /** Undefined: cannot be said, everything counts as changed. */
  readonly changedPaths: readonly string[] | undefined;
  readonly files: readonly string[];
  readonly commitMessage: string;
}

export interface PlannedJob extends Omit<JobConfig, 'rules' | 'only' | 'except' | 'needs' | 'when'> {
  readonly when: 'on_success' | 'on_failure' | 'always' | 'manual';
  /** Only jobs that are in the plan; undefined: all of earlier stages. */
  readonly needs: readonly Need[] | undefined;
  /** All variables, expanded. */
  readonly environment: Readonly<Record<string, string>>;
}

export type Plan =
  | { readonly type: 'jobs'; readonly jobs: readonly PlannedJob[] }
  | { readonly type: 'skipped'; readonly because: string };

/** Jobs in the order of their stages, then of the file. Throws `CI_INVALID` for a bad expression or a missing need. */
export function planPipeline(input: PlanInput): Plan {
  if (/\[(ci skip|skip ci)\]/i.test(input.commitMessage)) return skipped('the commit message says [ci skip]');
  const { config } = input;
  const base = { ...input.predefined, ...config.variables };
  const context = (variables: Readonly<Record<string, string>>): RuleContext => ({
    variables: expandVariables(variables),
    changedPaths: input.changedPaths,
    files: input.files,
  });
  let workflowVariables: Readonly<Record<string, string>> = {};
  if (config.workflow !== undefined) {
    const rule = firstRule(config.workflow, context(base));
    if (rule === undefined || rule.when === 'never') return skipped('workflow rules do not allow this push');
    workflowVariables = rule.variables ?? {};
  }
  const chosen: PlannedJob[] = [];
  for (const job of config.jobs) {
    const planned = planJob(job, { input, context, workflowVariables });
    if (planned !== undefined) chosen.push(planned);
  }
  if (chosen.length === 0) return skipped('no job is for what this push changes');
  const rank = (job: PlannedJob): number => config.stages.indexOf(job.stage);
  return { type: 'jobs', jobs: withPresentNeeds(chosen).toSorted((left, right) => rank(left) - rank(right)) };
}

function skipped(because: string): Plan {
  return { type: 'skipped', because };
}

interface JobSurroundings {
  readonly input: PlanInput;
  readonly context: (variables: Readonly<Record<string, string>>) => RuleContext;
  readonly workflowVariables: Readonly<Record<string, string>>;
}

function planJob(job: JobConfig, { input, context, workflowVariables }: JobSurroundings): PlannedJob | undefined {
  const { config, predefined, ref } = input;
  const inherited = Object.fromEntries(
    Object.entries({ ...config.variables, ...workflowVariables }).filter(([name]) =>
      typeof job.inheritVariables === 'boolean' ? job.inheritVariables : job.inheritVariables.includes(name),
    ),
  );
  const variables = { ...predefined, ...jobPredefined(job), ...inherited, ...job.variables };
  let { when, allowFailure } = job;
  let ruleVariables: Readonly<Record<string, string>> = {};
  if (job.rules !== undefined) {
    const rule = firstRule(job.rules, context(variables));
    if (rule === undefined) return undefined;
    when = rule.when ?? job.when;
    allowFailure = rule.allowFailure ?? job.allowFailure;
    ruleVariables = rule.variables ?? {};
  } else if (!allowedByPolicy(job, ref, context(variables))) return undefined;
  if (when === 'never') return undefined;
  const environment = expandVariables({ ...variables, ...ruleVariables });
  const { rules: _rules, only: _only, except: _except, ...rest } = job;
  return {
    ...rest,
    when,
    allowFailure,
    environment,
    image: job.image === undefined ? undefined : expandWith(job.image, environment),
  };
}

/** Without rules, only and except, a job runs for branches and tags. */
function allowedByPolicy(job: JobConfig, ref: RefInfo, context: RuleContext): boolean {
  if (job.only !== undefined && !policyMatches(job.only, ref, context, job.where)) return false;
  return job.except === undefined || isEmpty(job.except) || !policyMatches(job.except, ref, context, job.where);
}

function isEmpty(policy: RefPolicy): boolean {
  return policy.refs.length + policy.variables.length + policy.changes.length === 0;
}

/** A needed job that is not in this pipeline is an error, unless the need is optional. */
function withPresentNeeds(jobs: readonly PlannedJob[]): PlannedJob[] {
  const names = new Set(jobs.map((job) => job.name));
  return jobs.map((job) => {
    if (job.needs === undefined) return job;
    const missing = job.needs.find((need) => !names.has(need.job) && !need.optional);
    if (missing !== undefined) throw missingNeed(job, missing.job);
    return { ...job, needs: job.needs.filter((need) => names.has(need.job)) };
  });
}

function missingNeed(job: PlannedJob, name: string): Error {
  return pipelineError('CI_INVALID', `${job.where}: ${job.name} needs ${name}, which does not run for this push`, {
    next: 'make the need optional, or give both jobs the same rules',
  });
}
