/** What a Job says about failures and success beyond counting pods. Pure. Source: pkg/controller/job, *_policy.go. */

import type { ContainerStatus, Pod } from '@towpath/api';
import type { Job, PodFailureRule } from '../types.ts';
import { parseIndexes } from './indexes.ts';

export interface FailureVerdict {
  /** The action of the rule that matched; undefined when none did. */
  readonly action: string | undefined;
  /** False when the failure does not count against the limits. */
  readonly isCounted: boolean;
  /** Why the whole Job fails. */
  readonly failsJob: string | undefined;
}

const ordinary: FailureVerdict = { action: undefined, isCounted: true, failsJob: undefined };

/** The first rule of `podFailurePolicy` that a failed pod matches decides. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const why = matchRule(rule, pod);
    if (why === undefined) continue;
    const { action } = rule;
    const failsJob = action === 'FailJob' ? `${why} matching FailJob rule at index ${index}` : undefined;
    return { action, isCounted: action !== 'Ignore', failsJob };
  }
  return ordinary;
}

/** What matched, as the message of the Job begins. */
function matchRule(rule: PodFailureRule, pod: Pod): string | undefined {
  const { namespace, name } = pod.metadata;
  if (rule.onExitCodes !== undefined) {
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const requirement = rule.onExitCodes;
    const found = statuses.find((status) => matchesExitCode(requirement, status));
    if (found === undefined) return undefined;
    return `Container ${found.name} for pod ${namespace}/${name} failed with exit code ${exitCodeOf(found)}`;
  }
  const condition = (pod.status?.conditions ?? []).find(({ type, status }) =>
    rule.onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
  );
  return condition === undefined ? undefined : `Pod ${namespace}/${name} has condition ${condition.type}`;
}

function matchesExitCode(rule: NonNullable<PodFailureRule['onExitCodes']>, status: ContainerStatus): boolean {
  const code = exitCodeOf(status);
  if (code === undefined || code === 0) return false;
  if (rule.containerName !== undefined && rule.containerName !== status.name) return false;
  const isListed = rule.values?.includes(code) === true;
  return rule.operator === 'In' ? isListed : rule.operator === 'NotIn' && !isListed;
}

function exitCodeOf(status: ContainerStatus): number | undefined {
  return (status.state?.['terminated'] as { exitCode?: number } | undefined)?.exitCode;
}

/** The message of the rule of `successPolicy` that the indexes done so far fulfil. */
export function metSuccessRule(job: Job, done: ReadonlySet<number>): string | undefined {
  if (done.size === 0) return undefined;
  for (const [index, rule] of (job.spec.successPolicy?.rules ?? []).entries()) {
    const { succeededIndexes, succeededCount = Infinity } = rule;
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, job.spec.completions);
    const count = wanted === undefined ? done.size : wanted.filter((each) => done.has(each)).length;
    const isAll = wanted !== undefined && wanted.length > 0 && count === wanted.length;
    if (isAll || (count >= succeededCount && wanted?.length !== 0)) return `Matched rules at index ${index}`;
  }
  return undefined;
}
