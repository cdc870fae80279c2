/** Validation of workloads beyond what their strategies check. Source: pkg/apis/apps/validation, pkg/apis/batch/validation. */

import { matchesSelector, type LabelSelector } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import { cause, type StatusCause } from '../../http/status.ts';
import { validateJobPolicies } from './job-policies.ts';
import { at, nonNegative, oneOf, percentage, textAt, type Check } from './rules.ts';

const noSelector: Check = (object) => {
  if (at(object, 'spec.selector') !== undefined && at(object, 'spec.selector') !== null) return [];
  const labels = at(object, 'spec.template.metadata.labels') ?? null;
  return [cause.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
};

const templateDeadline: Check = (object) =>
  at(object, 'spec.template.spec.activeDeadlineSeconds') === undefined
    ? []
    : [
        cause.forbidden(
          'spec.template.spec.activeDeadlineSeconds',
          'activeDeadlineSeconds in ReplicaSet is not Supported',
        ),
      ];

const statusCounts: Check = (object, old) => {
  if (old === undefined || jsonEqual(object['status'], old['status'])) return [];
  const count = (name: string): number => Number(at(object, `status.${name}`) ?? 0);
  const causes = nonNegative(object, 'status.replicas', 'status.updatedReplicas', 'status.readyReplicas');
  const replicas = count('replicas');
  for (const name of ['updatedReplicas', 'readyReplicas', 'availableReplicas']) {
    if (count(name) > replicas) {
      causes.push(cause.invalid(`status.${name}`, count(name), 'cannot be greater than status.replicas'));
    }
  }
  if (count('availableReplicas') > count('readyReplicas')) {
    causes.push(
      cause.invalid('status.availableReplicas', count('availableReplicas'), 'cannot be greater than readyReplicas'),
    );
  }
  return causes;
};

const deployment: Check = (object, old) => [
  ...noSelector(object, old),
  ...templateDeadline(object, old),
  ...nonNegative(object, 'spec.revisionHistoryLimit'),
  ...percentage(object, 'spec.strategy.rollingUpdate.maxUnavailable', 'bounded'),
  ...percentage(object, 'spec.strategy.rollingUpdate.maxSurge', 'unbounded'),
  ...statusCounts(object, old),
];

function strategyOf(type: string): Record<string, unknown> {
  return { Type: type, RollingUpdate: null };
}

const statefulSet: Check = (object, old) => {
  const causes: StatusCause[] = noSelector(object, old);
  const policy = textAt(object, 'spec.podManagementPolicy');
  if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    causes.push(cause.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  const type = textAt(object, 'spec.updateStrategy.type');
  const rolling = at(object, 'spec.updateStrategy.rollingUpdate');
  if (type !== 'RollingUpdate' && type !== 'OnDelete') {
    causes.push(cause.invalid('spec.updateStrategy', strategyOf(type), "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (type === 'OnDelete' && isRecord(rolling)) {
    const value = { Partition: rolling['partition'] ?? 0, MaxUnavailable: rolling['maxUnavailable'] ?? null };
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    causes.push(cause.invalid('spec.updateStrategy.rollingUpdate', value, detail));
  }
  const keep = 'spec.persistentVolumeClaimRetentionPolicy';
  return [
    ...causes,
    ...oneOf(object, `${keep}.whenDeleted`, ['Retain', 'Delete'], 'given'),
    ...oneOf(object, `${keep}.whenScaled`, ['Retain', 'Delete'], 'given'),
    ...nonNegative(object, 'spec.ordinals.start', 'spec.updateStrategy.rollingUpdate.partition'),
  ];
};

const daemonSet: Check = (object, old) => {
  const causes = [...noSelector(object, old), ...templateDeadline(object, old)];
  const type = textAt(object, 'spec.updateStrategy.type');
  const types = ['RollingUpdate', 'OnDelete'];
  if (!types.includes(type)) {
    return [...causes, cause.notSupported('spec.updateStrategy', strategyOf(type), types, 'given')];
  }
  const rolling = 'spec.updateStrategy.rollingUpdate';
  const isZero = (value: unknown): boolean => value === undefined || value === 0 || value === '0%';
  const [surge, unavailable] = [at(object, `${rolling}.maxSurge`), at(object, `${rolling}.maxUnavailable`)];
  if (type !== 'RollingUpdate') return causes;
  if (isZero(surge) && isZero(unavailable)) {
    causes.push(cause.required(`${rolling}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  } else if (!isZero(surge) && !isZero(unavailable)) {
    causes.push(cause.invalid(`${rolling}.maxSurge`, surge, 'may not be set when maxUnavailable is non-zero'));
  }
  return causes;
};

const job: Check = (object) => {
  const causes = nonNegative(object, 'spec.activeDeadlineSeconds', 'spec.ttlSecondsAfterFinished');
  causes.push(...oneOf(object, 'spec.completionMode', ['NonIndexed', 'Indexed'], 'given'));
  causes.push(...validateJobPolicies(object, 'spec'));
  if (at(object, 'spec.manualSelector') === true) return causes;
  const selector = at(object, 'spec.selector');
  const labels = at(object, 'spec.template.metadata.labels');
  const uidLabel = 'batch.kubernetes.io/controller-uid';
  if (!isRecord(selector) || !isRecord(labels)) return causes;
  const generated = { matchLabels: { [uidLabel]: labels[uidLabel] } };
  if (!jsonEqual(selector, generated)) {
    causes.push(cause.invalid('spec.selector', selector, '`selector` not auto-generated'));
  }
  if (!matchesSelector(selector as LabelSelector, labels as Record<string, string>)) {
    const detail = '`selector` does not match template `labels`';
    causes.push(cause.invalid('spec.template.metadata.labels', labels, detail));
  }
  return causes;
};

/** Names of the jobs get eleven characters more. */
const cronNameMax = 52;

const cronJob: Check = (object) => {
  const causes = nonNegative(
    object,
    'spec.startingDeadlineSeconds',
    'spec.successfulJobsHistoryLimit',
    'spec.failedJobsHistoryLimit',
  );
  causes.push(...validateJobPolicies(object, 'spec.jobTemplate.spec'));
  const { name } = object.metadata;
  if (name.length > cronNameMax) {
    causes.push(cause.invalid('metadata.name', name, `must be no more than ${cronNameMax} characters`));
  }
  const zone = textAt(object, 'spec.timeZone');
  if (zone !== '' && !isTimeZone(zone)) {
    causes.push(cause.invalid('spec.timeZone', zone, `unknown time zone ${zone}`));
  }
  const schedule = textAt(object, 'spec.schedule');
  if (schedule.includes('TZ')) {
    const detail = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
    causes.push(cause.invalid('spec.schedule', schedule, detail));
  } else {
    causes.push(...scheduleWords(schedule));
  }
  return causes;
};

/** Words in a schedule that are neither numbers nor names of months and days. */
function scheduleWords(schedule: string): StatusCause[] {
  const fields = schedule.trim().split(/\s+/);
  if (schedule.startsWith('@') || fields.length !== 5) return [];
  const words = fields.flatMap((field, index) =>
    field
      .split(/[,/-]/)
      .filter((part) => part !== '*' && part !== '?' && !/^\d+$/.test(part) && !isCronName(part, index)),
  );
  return words.slice(0, 1).map((word) => {
    const detail = `failed to parse int from ${word}: strconv.Atoi: parsing ${JSON.stringify(word)}: invalid syntax`;
    return cause.invalid('spec.schedule', schedule, detail);
  });
}

function isCronName(word: string, field: number): boolean {
  if (field === 3) return /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)$/i.test(word);
  return field === 4 && /^(sun|mon|tue|wed|thu|fri|sat)$/i.test(word);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** By collection. */
export const workloadChecks: Readonly<Record<string, Check>> = {
  'apps/deployments': deployment,
  'apps/replicasets': (object, old) => [...noSelector(object, old), ...templateDeadline(object, old)],
  'apps/statefulsets': statefulSet,
  'apps/daemonsets': daemonSet,
  'batch/jobs': job,
  'batch/cronjobs': cronJob,
};
