/** Rows of workloads. Source: pkg/printers/internalversion. */

import { ageOf, humanDuration } from './age.ts';
import {
  at,
  containerCells,
  count,
  hasCondition,
  labelSelectorText,
  labelsText,
  records,
  text,
  type Cells,
} from './cells.ts';

const template = 'spec.template.spec.containers';

const deployment: Cells = (object, nowMs) => [
  object.metadata.name,
  `${count(object, 'status.readyReplicas')}/${count(object, 'spec.replicas')}`,
  count(object, 'status.updatedReplicas'),
  count(object, 'status.availableReplicas'),
  ageOf(object.metadata.creationTimestamp, nowMs),
  ...containerCells(object, template),
  labelSelectorText(at(object, 'spec.selector')),
];

const replicaSet: Cells = (object, nowMs) => [
  object.metadata.name,
  count(object, 'spec.replicas'),
  count(object, 'status.replicas'),
  count(object, 'status.readyReplicas'),
  ageOf(object.metadata.creationTimestamp, nowMs),
  ...containerCells(object, template),
  labelSelectorText(at(object, 'spec.selector')),
];

const replicationController: Cells = (object, nowMs) => [
  ...replicaSet(object, nowMs).slice(0, -1),
  labelsText(at(object, 'spec.selector')),
];

const statefulSet: Cells = (object, nowMs) => [
  object.metadata.name,
  `${count(object, 'status.readyReplicas')}/${count(object, 'spec.replicas')}`,
  ageOf(object.metadata.creationTimestamp, nowMs),
  ...containerCells(object, template),
];

const daemonSet: Cells = (object, nowMs) => [
  object.metadata.name,
  count(object, 'status.desiredNumberScheduled'),
  count(object, 'status.currentNumberScheduled'),
  count(object, 'status.numberReady'),
  count(object, 'status.updatedNumberScheduled'),
  count(object, 'status.numberAvailable'),
  labelsText(at(object, 'spec.template.spec.nodeSelector')),
  ageOf(object.metadata.creationTimestamp, nowMs),
  ...containerCells(object, template),
  labelSelectorText(at(object, 'spec.selector')),
];

function jobStatus(object: Parameters<Cells>[0]): string {
  if (hasCondition(object, 'Complete')) return 'Complete';
  if (hasCondition(object, 'Failed')) return 'Failed';
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (hasCondition(object, type)) return type;
  return 'Running';
}

function completions(object: Parameters<Cells>[0]): string {
  const succeeded = count(object, 'status.succeeded');
  const wanted = at(object, 'spec.completions');
  if (wanted !== undefined) return `${succeeded}/${String(wanted)}`;
  const parallelism = count(object, 'spec.parallelism');
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

const job: Cells = (object, nowMs) => {
  const started = text(object, 'status.startTime');
  const ended = text(object, 'status.completionTime');
  const durationMs = (ended === '' ? nowMs : Date.parse(ended)) - Date.parse(started);
  return [
    object.metadata.name,
    jobStatus(object),
    completions(object),
    started === '' ? '' : humanDuration(durationMs),
    ageOf(object.metadata.creationTimestamp, nowMs),
    ...containerCells(object, template),
    labelSelectorText(at(object, 'spec.selector')),
  ];
};

const cronJob: Cells = (object, nowMs) => [
  object.metadata.name,
  text(object, 'spec.schedule'),
  text(object, 'spec.timeZone', '<none>'),
  at(object, 'spec.suspend') === true ? 'True' : 'False',
  records(object, 'status.active').length,
  text(object, 'status.lastScheduleTime') === '' ? '<none>' : ageOf(at(object, 'status.lastScheduleTime'), nowMs),
  ageOf(object.metadata.creationTimestamp, nowMs),
  ...containerCells(object, 'spec.jobTemplate.spec.template.spec.containers'),
  labelSelectorText(at(object, 'spec.jobTemplate.spec.selector')),
];

const controllerRevision: Cells = (object, nowMs) => {
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller === true);
  const group = owner?.apiVersion.includes('/') === true ? `.${owner.apiVersion.split('/', 1)[0] ?? ''}` : '';
  return [
    object.metadata.name,
    owner === undefined ? '<none>' : `${owner.kind.toLowerCase()}${group}/${owner.name}`,
    count(object, 'revision'),
    ageOf(object.metadata.creationTimestamp, nowMs),
  ];
};

function metricText(metric: Record<string, unknown>, current: unknown): string {
  const type = String(metric['type'] ?? '');
  const member = `${type.slice(0, 1).toLowerCase()}${type.slice(1)}`;
  const known = text(current, `${member}.current.averageValue`, text(current, `${member}.current.value`, '<unknown>'));
  if (type === 'Resource' || type === 'ContainerResource') {
    const name = text(metric, `${member}.name`);
    const average = text(metric, `${member}.target.averageValue`);
    if (average !== '') return `${name}: ${known}/${average}`;
    const percent = text(current, `${member}.current.averageUtilization`);
    const target = text(metric, `${member}.target.averageUtilization`);
    return `${name}: ${percent === '' ? '<unknown>' : `${percent}%`}/${target === '' ? '<auto>' : `${target}%`}`;
  }
  const average = text(metric, `${member}.target.averageValue`);
  if (average === '') return `${known}/${text(metric, `${member}.target.value`)}`;
  return type === 'Pods' ? `${known}/${average}` : `${known}/${average} (avg)`;
}

function metricsText(object: Parameters<Cells>[0]): string {
  const metrics = records(object, 'spec.metrics');
  if (metrics.length === 0) return '<none>';
  const current = records(object, 'status.currentMetrics');
  const shown = metrics.slice(0, 2).map((metric, index) => metricText(metric, current[index]));
  return metrics.length > 2 ? `${shown.join(', ')} + ${metrics.length - 2} more...` : shown.join(', ');
}

const autoscaler: Cells = (object, nowMs) => [
  object.metadata.name,
  `${text(object, 'spec.scaleTargetRef.kind')}/${text(object, 'spec.scaleTargetRef.name')}`,
  metricsText(object),
  text(object, 'spec.minReplicas', '<unset>'),
  count(object, 'spec.maxReplicas'),
  count(object, 'status.currentReplicas'),
  ageOf(object.metadata.creationTimestamp, nowMs),
];

/** Rows by collection. */
export const workloadCells: Readonly<Record<string, Cells>> = {
  'apps/deployments': deployment,
  'apps/replicasets': replicaSet,
  'apps/statefulsets': statefulSet,
  'apps/daemonsets': daemonSet,
  'apps/controllerrevisions': controllerRevision,
  'core/replicationcontrollers': replicationController,
  'batch/jobs': job,
  'batch/cronjobs': cronJob,
  'autoscaling/horizontalpodautoscalers': autoscaler,
};
