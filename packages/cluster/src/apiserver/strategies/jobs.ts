/** Jobs and CronJobs. Source: pkg/apis/batch/v1/defaults.go, pkg/registry/batch/job/strategy.go. */

import type { AnyObject, LabelSelector } from '@towpath/api';
import { getIn, jsonEqual } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { defaultPodSpec } from './pod-spec-defaults.ts';
import type { PodTemplateView } from './pod-spec-types.ts';
import type { Strategy } from './strategy.ts';
import { failurePolicyShown, successPolicyShown } from './checks/job-policies.ts';
import { validateTemplate } from './workloads.ts';

interface JobSpec {
  completions?: number;
  parallelism?: number;
  backoffLimit?: number;
  backoffLimitPerIndex?: number;
  completionMode?: string;
  suspend?: boolean;
  manualSelector?: boolean;
  podReplacementPolicy?: string;
  podFailurePolicy?: { rules?: { onPodConditions?: { status?: string }[] }[] | null };
  successPolicy?: object;
  managedBy?: string;
  selector?: LabelSelector;
  template: PodTemplateView;
}

interface CronJobSpec {
  schedule?: string;
  concurrencyPolicy?: string;
  suspend?: boolean;
  successfulJobsHistoryLimit?: number;
  failedJobsHistoryLimit?: number;
  jobTemplate: { spec: JobSpec };
}

function specOf(object: AnyObject): JobSpec {
  return object['spec'] as unknown as JobSpec;
}

function cronSpecOf(object: AnyObject): CronJobSpec {
  return object['spec'] as unknown as CronJobSpec;
}

function applyDefaults(object: AnyObject): void {
  const spec = specOf(object);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  const { labels } = spec.template.metadata ?? {};
  if (labels !== undefined && Object.keys(object.metadata.labels ?? {}).length === 0)
    object.metadata.labels = { ...labels };
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  defaultPolicies(spec);
  defaultPodSpec(spec.template.spec);
}

function defaultPolicies(spec: JobSpec): void {
  const policy = spec.podFailurePolicy;
  for (const { onPodConditions = [] } of policy?.rules ?? []) {
    for (const pattern of onPodConditions) pattern.status = pattern.status === '' ? 'True' : (pattern.status ?? 'True');
  }
  // The real server loses the difference when it converts.
  if (policy?.rules?.length === 0) policy.rules = null;
}

/** Pods of a Job are found by its uid. */
function generateSelector(object: AnyObject): void {
  const spec = specOf(object);
  if (spec.manualSelector === true) return;
  const { uid = '', name } = object.metadata;
  const labels = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  spec.template.metadata ??= {};
  spec.template.metadata.labels = { ...spec.template.metadata.labels, ...labels };
  // The labels of the Job are those of its template when it has none of its own, the generated ones included.
  if (Object.keys(object.metadata.labels ?? {}).length === 0)
    object.metadata.labels = { ...spec.template.metadata.labels };
  spec.selector ??= {};
  spec.selector.matchLabels = { ...spec.selector.matchLabels, 'batch.kubernetes.io/controller-uid': uid };
}

function validateJob(spec: JobSpec, path: string): StatusCause[] {
  const causes = validateTemplate(spec.template, `${path}.template`);
  const { restartPolicy } = spec.template.spec;
  if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never') {
    const field = `${path}.template.spec.restartPolicy`;
    causes.push(
      restartPolicy === 'Always' || restartPolicy === undefined
        ? { reason: 'FieldValueRequired', message: 'Required value: valid values: "OnFailure", "Never"', field }
        : cause.notSupported(field, restartPolicy ?? '', ['OnFailure', 'Never']),
    );
  }
  for (const name of ['completions', 'parallelism', 'backoffLimit'] as const) {
    if ((spec[name] ?? 0) < 0)
      causes.push(cause.invalid(`${path}.${name}`, spec[name], 'must be greater than or equal to 0'));
  }
  return causes;
}

/** Strategy of jobs. */
export const job: Strategy = {
  generation: true,
  defaults: applyDefaults,
  prepareCreate(object) {
    object['status'] = {};
    generateSelector(object);
  },
  validate: (object) => validateJob(specOf(object), 'spec'),
  validateUpdate(object, old) {
    const [after, before] = [specOf(object), specOf(old)];
    const causes: StatusCause[] = [];
    const policies = ['podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;
    const fixed = ['selector', 'completionMode', ...policies] as const;
    for (const name of fixed) {
      if (!jsonEqual(after[name], before[name]))
        causes.push(cause.invalid(`spec.${name}`, shownPolicy(name, after[name]), 'field is immutable'));
    }
    if (after.completionMode !== 'Indexed' && after.completions !== before.completions) {
      causes.push(cause.invalid('spec.completions', after.completions ?? null, 'field is immutable'));
    }
    const started = before.suspend !== true || getIn(old, ['status', 'startTime']) !== undefined;
    if (started && !jsonEqual(after.template, before.template)) {
      causes.push(cause.invalid('spec.template', after.template, 'field is immutable'));
    }
    return causes;
  },
  fields: (object) => ({ 'status.successful': String(getIn(object, ['status', 'succeeded']) ?? 0) }),
};

/** Strategy of cron jobs. */
export const cronJob: Strategy = {
  generation: true,
  defaults(object) {
    const spec = cronSpecOf(object);
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    defaultPolicies(spec.jobTemplate.spec);
    defaultPodSpec(spec.jobTemplate.spec.template.spec);
  },
  validate(object) {
    const spec = cronSpecOf(object);
    const causes: StatusCause[] = [];
    const { schedule = '' } = spec;
    if (schedule === '') causes.push(cause.required('spec.schedule'));
    else if (!schedule.startsWith('@') && !schedule.includes('TZ') && schedule.trim().split(/\s+/).length !== 5) {
      causes.push(
        cause.invalid(
          'spec.schedule',
          schedule,
          `expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule}]`,
        ),
      );
    }
    if (!['Allow', 'Forbid', 'Replace'].includes(spec.concurrencyPolicy ?? '')) {
      causes.push(
        cause.notSupported('spec.concurrencyPolicy', spec.concurrencyPolicy ?? '', ['Allow', 'Forbid', 'Replace']),
      );
    }
    return [...causes, ...validateJob(spec.jobTemplate.spec, 'spec.jobTemplate.spec')];
  },
};

function shownPolicy(name: string, value: unknown): unknown {
  if (value === undefined) return null;
  if (name === 'successPolicy') return successPolicyShown(value);
  return name === 'podFailurePolicy' ? failurePolicyShown(value) : value;
}
