/** Pods. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, jsonEqual, toTimestamp } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { mergeLabelKeys } from './match-label-keys.ts';
import { defaultPodOnly, defaultPodSpec } from './pod-spec-defaults.ts';
import type { ContainerSpec, PodSpecView } from './pod-spec-types.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import type { Strategy } from './strategy.ts';

/** The specification, which the schema has checked. */
export function podSpecOf(object: AnyObject): PodSpecView {
  return object['spec'] as PodSpecView;
}

/** Source: pkg/apis/core/v1/helper/qos. */
/** Guaranteed, Burstable or BestEffort. */
export function qosClass(spec: PodSpecView): string {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const set = (container: ContainerSpec): boolean =>
    ['cpu', 'memory'].some(
      (name) =>
        container.resources?.limits?.[name] !== undefined || container.resources?.requests?.[name] !== undefined,
    );
  if (!containers.some(set)) return 'BestEffort';
  const guaranteed = containers.every((container) =>
    ['cpu', 'memory'].every((name) => {
      const limit = container.resources?.limits?.[name];
      return limit !== undefined && (container.resources?.requests?.[name] ?? limit) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const changeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** The specification without what may change. */
function fixedPart(spec: PodSpecView): unknown {
  const plain = (list: readonly ContainerSpec[] | null | undefined): unknown =>
    (list ?? []).map((container) => ({ ...container, image: '' }));
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    nodeName: _node,
    schedulingGates: _gates,
    ...rest
  } = spec;
  return { ...rest, containers: plain(spec.containers), initContainers: plain(spec.initContainers) };
}

function validateUpdate(object: AnyObject, old: AnyObject): StatusCause[] {
  const [after, before] = [podSpecOf(object), podSpecOf(old)];
  if ((after.containers ?? []).length !== (before.containers ?? []).length)
    return [cause.forbidden('spec.containers', 'pod updates may not add or remove containers')];
  const gates = new Set((before.schedulingGates ?? []).map(({ name }) => name));
  const newGate = (after.schedulingGates ?? []).findIndex(({ name }) => !gates.has(name));
  if (newGate >= 0) {
    const name = after.schedulingGates?.[newGate]?.name ?? '';
    const detail = `only deletion is allowed, but found new scheduling gate '${name}'`;
    return [cause.forbidden(`spec.schedulingGates[${newGate}].name`, detail)];
  }
  const bound = before.nodeName ?? '';
  const rebound = bound !== '' && after.nodeName !== bound;
  return rebound || !jsonEqual(fixedPart(after), fixedPart(before)) ? [cause.forbidden('spec', changeable)] : [];
}

function fields(object: AnyObject): Record<string, string> {
  const text = (path: string[]): string => String(getIn(object, path) ?? '');
  return {
    'spec.nodeName': text(['spec', 'nodeName']),
    'spec.restartPolicy': text(['spec', 'restartPolicy']),
    'spec.schedulerName': text(['spec', 'schedulerName']),
    'spec.serviceAccountName': text(['spec', 'serviceAccountName']),
    'spec.hostNetwork': String(getIn(object, ['spec', 'hostNetwork']) === true),
    'status.phase': text(['status', 'phase']),
    'status.podIP': text(['status', 'podIP']),
    'status.nominatedNodeName': text(['status', 'nominatedNodeName']),
  };
}

/** Scheduled pods end when their node says so; others, and those that have ended, at once. */
function graceSeconds(object: AnyObject, asked: number | undefined): number {
  const spec = podSpecOf(object);
  const phase = getIn(object, ['status', 'phase']);
  if ((spec.nodeName ?? '') === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? spec.terminationGracePeriodSeconds ?? 30;
}

/** A pod with gates says why it is not scheduled. */
function markGated(object: AnyObject, nowMs: number): void {
  if ((podSpecOf(object).schedulingGates ?? []).length === 0 || !isRecord(object['status'])) return;
  object['status']['conditions'] = [
    {
      type: 'PodScheduled',
      status: 'False',
      lastProbeTime: null,
      lastTransitionTime: toTimestamp(nowMs),
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    },
  ];
}

/** Strategy of pods. */
export const pod: Strategy = {
  generation: true,
  defaults(object) {
    const spec = podSpecOf(object);
    defaultPodSpec(spec);
    defaultPodOnly(spec);
  },
  prepareCreate(object, context) {
    object['status'] = { phase: 'Pending', qosClass: qosClass(podSpecOf(object)) };
    mergeLabelKeys(object);
    markGated(object, context.nowMs);
  },
  prepareUpdate(object) {
    const status = isRecord(object['status']) ? object['status'] : {};
    object['status'] = { ...status, qosClass: qosClass(podSpecOf(object)) };
  },
  validate: (object) => validatePodSpec(podSpecOf(object), 'spec'),
  validateUpdate,
  fields,
  graceSeconds,
};
