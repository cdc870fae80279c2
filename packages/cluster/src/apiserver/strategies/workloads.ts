/** Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers. Source: pkg/apis/apps/v1/defaults.go. */

import { matchesSelector, type AnyObject, type LabelSelector } from '@towpath/api';
import { getIn, isRecord, jsonEqual } from '@towpath/kit';
import { validateLabels } from '../handlers/object-meta.ts';
import { cause, type StatusCause } from '../http/status.ts';
import { defaultPodSpec } from './pod-spec-defaults.ts';
import type { PodTemplateView } from './pod-spec-types.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import type { Strategy } from './strategy.ts';

interface RollingUpdate {
  maxUnavailable?: number | string;
  maxSurge?: number | string;
  partition?: number;
}

interface WorkloadSpec {
  replicas?: number;
  selector?: LabelSelector | null;
  template: PodTemplateView;
  revisionHistoryLimit?: number;
  progressDeadlineSeconds?: number;
  minReadySeconds?: number;
  strategy?: { type?: string; rollingUpdate?: RollingUpdate };
  updateStrategy?: { type?: string; rollingUpdate?: RollingUpdate };
  podManagementPolicy?: string;
  serviceName?: string;
  persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string; whenScaled?: string };
  volumeClaimTemplates?: {
    kind?: string;
    apiVersion?: string;
    metadata?: { name?: string };
    spec?: { volumeMode?: string };
    status?: { phase?: string };
  }[];
}

/** The specification, which the schema has checked. */
function specOf(object: AnyObject): WorkloadSpec {
  return object['spec'] as unknown as WorkloadSpec;
}

/** Validation of a pod template, its labels included; `claims` names volumes its controller adds. */
export function validateTemplate(
  template: PodTemplateView,
  path: string,
  claims: readonly string[] = [],
): StatusCause[] {
  return [
    ...validateLabels(template.metadata?.labels, `${path}.metadata.labels`),
    ...validatePodSpec(template.spec, `${path}.spec`, claims),
  ];
}

function validateSelector(spec: WorkloadSpec): StatusCause[] {
  const { selector } = spec;
  if (selector === undefined || selector === null) return [cause.required('spec.selector')];
  const empty = Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
  if (empty) return [cause.invalid('spec.selector', selector, 'empty selector is invalid for deployment')];
  const problems = validateExpressions(selector);
  if (problems.length > 0) return problems;
  const labels = spec.template.metadata?.labels;
  if (matchesSelector(selector, labels)) return [];
  return [
    cause.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'),
  ];
}

function validateExpressions(selector: LabelSelector): StatusCause[] {
  const known = ['In', 'NotIn', 'Exists', 'DoesNotExist'];
  const causes = (selector.matchExpressions ?? []).flatMap(({ operator }, index) =>
    known.includes(operator)
      ? []
      : [cause.invalid(`spec.selector.matchExpressions[${index}].operator`, operator, 'not a valid selector operator')],
  );
  return causes.length === 0 ? [] : [...causes, cause.invalid('spec.selector', selector, 'invalid label selector')];
}

function validateWorkload(object: AnyObject): StatusCause[] {
  const spec = specOf(object);
  const causes: StatusCause[] = [];
  if ((spec.replicas ?? 0) < 0)
    causes.push(cause.invalid('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  const claims = (spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '');
  causes.push(...validateSelector(spec), ...validateTemplate(spec.template, 'spec.template', claims));
  if (spec.template.spec.restartPolicy !== 'Always') {
    causes.push(
      cause.notSupported('spec.template.spec.restartPolicy', spec.template.spec.restartPolicy ?? '', ['Always']),
    );
  }
  if ((spec.minReadySeconds ?? 0) < 0)
    causes.push(cause.invalid('spec.minReadySeconds', spec.minReadySeconds, 'must be greater than or equal to 0'));
  return causes;
}

function selectorFixed(object: AnyObject, old: AnyObject): StatusCause[] {
  const { selector } = specOf(object);
  if (jsonEqual(selector, specOf(old).selector)) return [];
  return [cause.invalid('spec.selector', selector ?? null, 'field is immutable')];
}

/** Strategy of deployments. */
export const deployment: Strategy = {
  generation: true,
  defaults(object) {
    const spec = specOf(object);
    defaultPodSpec(spec.template.spec);
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    spec.strategy ??= {};
    spec.strategy.type ??= 'RollingUpdate';
    if (spec.strategy.type !== 'RollingUpdate') return;
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  },
  validate(object) {
    const spec = specOf(object);
    const causes = validateWorkload(object);
    const { type, rollingUpdate } = spec.strategy ?? {};
    if (type !== 'RollingUpdate' && type !== 'Recreate')
      causes.push(
        cause.notSupported('spec.strategy', { Type: type ?? '', RollingUpdate: null }, ['Recreate', 'RollingUpdate']),
      );
    if (type === 'Recreate' && rollingUpdate !== undefined) {
      causes.push(
        cause.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"),
      );
    }
    const isZero = (value: number | string | undefined): boolean => value === 0 || value === '0%';
    if (isZero(rollingUpdate?.maxUnavailable) && isZero(rollingUpdate?.maxSurge)) {
      causes.push(
        cause.invalid(
          'spec.strategy.rollingUpdate.maxUnavailable',
          rollingUpdate?.maxUnavailable,
          'may not be 0 when `maxSurge` is 0',
        ),
      );
    }
    if ((spec.progressDeadlineSeconds ?? 0) <= (spec.minReadySeconds ?? 0)) {
      causes.push(
        cause.invalid(
          'spec.progressDeadlineSeconds',
          spec.progressDeadlineSeconds,
          'must be greater than minReadySeconds',
        ),
      );
    }
    return causes;
  },
  validateUpdate: selectorFixed,
};

/** Strategy of replica sets. */
export const replicaSet: Strategy = {
  generation: true,
  defaults(object) {
    const spec = specOf(object);
    spec.template ??= { spec: { containers: [] } };
    defaultPodSpec(spec.template.spec);
    spec.replicas ??= 1;
  },
  prepareCreate(object) {
    object['status'] = { replicas: 0 };
  },
  validate: validateWorkload,
  validateUpdate: selectorFixed,
  fields: (object) => ({ 'status.replicas': String(getIn(object, ['status', 'replicas']) ?? 0) }),
};

/** Counts the changes of the template of a daemon set. */
const templateGeneration = 'deprecated.daemonset.template.generation';

/** Strategy of daemon sets. */
export const daemonSet: Strategy = {
  generation: true,
  defaults(object) {
    const spec = specOf(object);
    defaultPodSpec(spec.template.spec);
    spec.revisionHistoryLimit ??= 10;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= 'RollingUpdate';
    if (spec.updateStrategy.type !== 'RollingUpdate') return;
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    object.metadata.annotations = { [templateGeneration]: '1', ...object.metadata.annotations };
  },
  prepareUpdate(object, old) {
    if (jsonEqual(specOf(object).template, specOf(old).template)) return;
    const before = Number(old.metadata.annotations?.[templateGeneration] ?? 0);
    object.metadata.annotations = { ...object.metadata.annotations, [templateGeneration]: String(before + 1) };
  },
  prepareCreate(object) {
    object['status'] = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  },
  validate: validateWorkload,
  validateUpdate: selectorFixed,
};

const statefulSetMembers = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

/** Strategy of stateful sets. */
export const statefulSet: Strategy = {
  generation: true,
  defaults(object) {
    const spec = specOf(object);
    defaultPodSpec(spec.template.spec);
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    spec.podManagementPolicy ??= 'OrderedReady';
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= 'Retain';
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.kind ??= 'PersistentVolumeClaim';
      claim.apiVersion ??= 'v1';
      claim.spec ??= {};
      claim.spec.volumeMode ??= 'Filesystem';
      claim.status ??= {};
      claim.status.phase ??= 'Pending';
    }
  },
  prepareCreate(object) {
    object['status'] = { replicas: 0, availableReplicas: 0 };
  },
  validate: validateWorkload,
  validateUpdate(object, old) {
    const fixed = (value: AnyObject): unknown => {
      const spec = isRecord(value['spec']) ? value['spec'] : {};
      return Object.fromEntries(Object.entries(spec).filter(([name]) => !statefulSetMembers.includes(name)));
    };
    if (jsonEqual(fixed(object), fixed(old))) return [];
    const names = statefulSetMembers.map((name) => `'${name}'`);
    const list = `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
    return [cause.forbidden('spec', `updates to statefulset spec for fields other than ${list} are forbidden`)];
  },
};

/** Strategy of replication controllers, whose selector is a plain map. */
export const replicationController: Strategy = {
  generation: true,
  defaults(object) {
    const spec = object['spec'] as { replicas?: number; selector?: Record<string, string>; template?: PodTemplateView };
    spec.replicas ??= 1;
    if (spec.template === undefined) return;
    defaultPodSpec(spec.template.spec);
    const { labels } = spec.template.metadata ?? {};
    if (labels !== undefined) {
      spec.selector ??= { ...labels };
      object.metadata.labels ??= { ...labels };
    }
  },
  prepareCreate(object) {
    object['status'] = { replicas: 0 };
  },
  validate(object) {
    const spec = object['spec'] as { selector?: Record<string, string>; template?: PodTemplateView };
    if (spec.template === undefined) return [cause.required('spec.template')];
    return validateTemplate(spec.template, 'spec.template');
  },
  fields: (object) => ({ 'status.replicas': String(getIn(object, ['status', 'replicas']) ?? 0) }),
};
