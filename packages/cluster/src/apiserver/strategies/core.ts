/** The smaller kinds of core/v1. Source: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, jsonEqual, toTimestamp, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { defaultPodSpec } from './pod-spec-defaults.ts';
import type { PodTemplateView } from './pod-spec-types.ts';
import type { Strategy } from './strategy.ts';

const keyPattern = /^[-._a-zA-Z0-9]+$/;
const maxDataBytes = 1024 * 1024;

/** The member as a record, created when absent. */
function record(object: UnknownRecord, name: string): UnknownRecord {
  const value = object[name];
  if (isRecord(value)) return value;
  const created: UnknownRecord = {};
  object[name] = created;
  return created;
}

function validateDataKeys(object: AnyObject, members: readonly string[]): StatusCause[] {
  const causes: StatusCause[] = [];
  let sizeBytes = 0;
  for (const member of members) {
    for (const [key, value] of Object.entries(isRecord(object[member]) ? object[member] : {})) {
      sizeBytes += String(value).length;
      if (!keyPattern.test(key) || key === '.' || key.startsWith('..')) {
        const rule =
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        causes.push(cause.invalid(`${member}[${key}]`, key, rule));
      }
    }
  }
  if (sizeBytes > maxDataBytes * 4) causes.push(cause.tooLong('', maxDataBytes));
  return causes;
}

function immutableData(object: AnyObject, old: AnyObject, members: readonly string[]): StatusCause[] {
  if (old['immutable'] !== true) return [];
  const causes: StatusCause[] = [];
  if (object['immutable'] !== true)
    causes.push(cause.forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const member of members) {
    if (!jsonEqual(object[member], old[member]))
      causes.push(cause.forbidden(member, 'field is immutable when `immutable` is set'));
  }
  return causes;
}

export const configMap: Strategy = {
  validate: (object) => validateDataKeys(object, ['data', 'binaryData']),
  validateUpdate: (object, old) => immutableData(object, old, ['data', 'binaryData']),
};

export const secret: Strategy = {
  defaults(object) {
    object['type'] ??= 'Opaque';
    const { stringData } = object;
    if (!isRecord(stringData)) return;
    const data = record(object, 'data');
    for (const [key, value] of Object.entries(stringData)) data[key] = Buffer.from(String(value)).toString('base64');
    delete object['stringData'];
  },
  validate: (object) => validateDataKeys(object, ['data']),
  validateUpdate(object, old) {
    const causes = immutableData(object, old, ['data']);
    if (object['type'] !== old['type']) causes.push(cause.invalid('type', object['type'], 'field is immutable'));
    return causes;
  },
  fields: (object) => ({ type: String(object['type'] ?? '') }),
};

export const namespace: Strategy = {
  names: 'label',
  defaults(object) {
    object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
  },
  prepareCreate(object) {
    const asked = getIn(object, ['spec', 'finalizers']);
    const own = (Array.isArray(asked) ? asked : []).filter((name) => name !== 'kubernetes');
    object['spec'] = { finalizers: [...own, 'kubernetes'] };
    object['status'] = { phase: 'Active' };
  },
  fields: (object) => ({ 'status.phase': String(getIn(object, ['status', 'phase']) ?? '') }),
};

export const node: Strategy = {
  createsStatus: true,
  defaults(object) {
    const status = object['status'];
    if (isRecord(status) && status['capacity'] !== undefined)
      status['allocatable'] ??= structuredClone(status['capacity']);
    const spec = object['spec'];
    if (isRecord(spec) && typeof spec['podCIDR'] === 'string') spec['podCIDRs'] ??= [spec['podCIDR']];
  },
  fields: (object) => ({ 'spec.unschedulable': String(getIn(object, ['spec', 'unschedulable']) === true) }),
};

export const event: Strategy = {
  fields(object) {
    const text = (path: string[]): string => String(getIn(object, path) ?? '');
    const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
    const component = text(['reportingComponent']);
    return {
      ...Object.fromEntries(involved.map((name) => [`involvedObject.${name}`, text(['involvedObject', name])])),
      reason: text(['reason']),
      reportingComponent: component,
      source: text(['source', 'component']) === '' ? component : text(['source', 'component']),
      type: text(['type']),
    };
  },
};

export const podTemplate: Strategy = {
  generation: true,
  defaults: (object) => {
    const template = object['template'] as PodTemplateView | undefined;
    if (template?.spec !== undefined) defaultPodSpec(template.spec);
  },
};

export const endpoints: Strategy = {
  defaults(object) {
    for (const subset of listOf(object['subsets'])) {
      for (const port of listOf(subset['ports'])) port['protocol'] ??= 'TCP';
    }
  },
};

export const persistentVolumeClaim: Strategy = {
  deleteFinalizers: [],
  defaults(object) {
    record(object, 'spec')['volumeMode'] ??= 'Filesystem';
  },
  prepareCreate(object) {
    object['status'] = { phase: 'Pending' };
  },
  validate(object) {
    const causes: StatusCause[] = [];
    const modes = getIn(object, ['spec', 'accessModes']);
    if (!Array.isArray(modes) || modes.length === 0)
      causes.push(cause.required('spec.accessModes', 'at least 1 access mode is required'));
    if (getIn(object, ['spec', 'resources', 'requests', 'storage']) === undefined)
      causes.push(cause.required('spec.resources[storage]'));
    return causes;
  },
};

export const persistentVolume: Strategy = {
  defaults(object) {
    const spec = record(object, 'spec');
    spec['volumeMode'] ??= 'Filesystem';
    spec['persistentVolumeReclaimPolicy'] ??= 'Retain';
    if (isRecord(spec['hostPath'])) spec['hostPath']['type'] ??= '';
  },
  prepareCreate(object, { nowMs }) {
    object['status'] = { phase: 'Pending', lastPhaseTransitionTime: toTimestamp(nowMs) };
  },
};

function listOf(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
