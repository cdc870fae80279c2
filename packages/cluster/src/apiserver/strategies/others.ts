/** Kinds of the smaller groups. Source: the defaults.go and strategy.go of each group. */

import { isRecord, jsonEqual, type UnknownRecord, getIn } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import type { Strategy } from './strategy.ts';

function listOf(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function record(value: unknown): UnknownRecord {
  return isRecord(value) ? value : {};
}

/** A reference as the real server prints it. */
function internalRoleRef({ apiGroup, kind, name }: UnknownRecord): UnknownRecord {
  return { APIGroup: apiGroup, Kind: kind, Name: name };
}

export const role: Strategy = { names: 'path' };

/** Named after the address. */
export const ipAddress: Strategy = { names: 'ip' };

export const roleBinding: Strategy = {
  names: 'path',
  defaults(object) {
    const roleRef = record(object['roleRef']);
    if ((roleRef['apiGroup'] ?? '') === '') roleRef['apiGroup'] = 'rbac.authorization.k8s.io';
    for (const subject of listOf(object['subjects'])) {
      if (subject['kind'] !== 'ServiceAccount') subject['apiGroup'] ??= 'rbac.authorization.k8s.io';
    }
  },
  validate(object) {
    const causes: StatusCause[] = [];
    const name = getIn(object, ['roleRef', 'name']);
    const kind = getIn(object, ['roleRef', 'kind']);
    const kinds = object.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
    if (!kinds.includes(String(kind))) causes.push(cause.notSupported('roleRef.kind', kind ?? '', kinds, 'given'));
    if (name === undefined || name === '') causes.push(cause.required('roleRef.name'));
    listOf(object['subjects']).forEach((subject, index) => {
      const needsNamespace = subject['kind'] === 'ServiceAccount' && (subject['namespace'] ?? '') === '';
      if (needsNamespace) causes.push(cause.required(`subjects[${index}].namespace`));
    });
    return causes;
  },
  validateUpdate: (object, old) =>
    jsonEqual(object['roleRef'], old['roleRef'])
      ? []
      : [cause.invalid('roleRef', internalRoleRef(record(object['roleRef'])), 'cannot change roleRef')],
};

export const endpointSlice: Strategy = {
  generation: true,
  defaults(object) {
    for (const port of listOf(object['ports'])) {
      port['name'] ??= '';
      port['protocol'] ??= 'TCP';
    }
  },
  validate(object) {
    const type = object['addressType'];
    if (type === 'IPv4' || type === 'IPv6' || type === 'FQDN') return [];
    return [cause.notSupported('addressType', type ?? '', ['FQDN', 'IPv4', 'IPv6'])];
  },
  validateUpdate: (object, old) =>
    object['addressType'] === old['addressType']
      ? []
      : [cause.invalid('addressType', object['addressType'], 'field is immutable')],
};

export const horizontalPodAutoscaler: Strategy = {
  defaults(object) {
    const spec = record(object['spec']);
    spec['minReplicas'] ??= 1;
    const cpu = {
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
    };
    if (listOf(spec['metrics']).length === 0) spec['metrics'] = [cpu];
    if (isRecord(spec['behavior'])) defaultBehavior(spec['behavior']);
  },
  prepareCreate(object) {
    object['status'] = { desiredReplicas: 0, currentMetrics: null };
  },
  validate(object) {
    const spec = record(object['spec']);
    const causes: StatusCause[] = [];
    if (Number(spec['maxReplicas'] ?? 0) < 1)
      causes.push(cause.invalid('spec.maxReplicas', spec['maxReplicas'] ?? 0, 'must be greater than 0'));
    else if (Number(spec['maxReplicas']) < Number(spec['minReplicas'])) {
      causes.push(
        cause.invalid('spec.maxReplicas', spec['maxReplicas'], 'must be greater than or equal to `minReplicas`'),
      );
    }
    const target = record(spec['scaleTargetRef']);
    if ((target['kind'] ?? '') === '') causes.push(cause.required('spec.scaleTargetRef.kind'));
    if ((target['name'] ?? '') === '') causes.push(cause.required('spec.scaleTargetRef.name'));
    return causes;
  },
};

function defaultBehavior(behavior: UnknownRecord): void {
  const up = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  };
  const down = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };
  behavior['scaleUp'] = { ...up, ...record(behavior['scaleUp']) };
  behavior['scaleDown'] = { ...down, ...record(behavior['scaleDown']) };
}

export const ingress: Strategy = {
  generation: true,
  prepareCreate(object) {
    object['status'] = { loadBalancer: {} };
  },
  validate(object) {
    const spec = record(object['spec']);
    const causes: StatusCause[] = [];
    if (listOf(spec['rules']).length === 0 && spec['defaultBackend'] === undefined) {
      causes.push(
        cause.invalid(
          'spec',
          Object.keys(spec).length === 0 ? null : spec,
          'either `defaultBackend` or `rules` must be specified',
        ),
      );
    }
    listOf(spec['rules']).forEach((rule, at) =>
      listOf(record(rule['http'])['paths']).forEach((path, index) => {
        const field = `spec.rules[${at}].http.paths[${index}].pathType`;
        if ((path['pathType'] ?? '') === '') causes.push(cause.required(field, 'pathType must be specified'));
      }),
    );
    return causes;
  },
};

export const networkPolicy: Strategy = {
  generation: true,
  defaults(object) {
    const spec = record(object['spec']);
    for (const rule of [...listOf(spec['ingress']), ...listOf(spec['egress'])]) {
      for (const port of listOf(rule['ports'])) port['protocol'] ??= 'TCP';
    }
    if (listOf(spec['policyTypes']).length > 0 || Array.isArray(spec['policyTypes'])) return;
    spec['policyTypes'] = listOf(spec['egress']).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
};

export const podDisruptionBudget: Strategy = {
  generation: true,
  prepareCreate(object) {
    object['status'] = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
};

export const storageClass: Strategy = {
  defaults(object) {
    object['reclaimPolicy'] ??= 'Delete';
    object['volumeBindingMode'] ??= 'Immediate';
  },
};

export const ingressClass: Strategy = { generation: true };

export const csiDriver: Strategy = {
  defaults(object) {
    const spec = record(object['spec']);
    object['spec'] = spec;
    spec['attachRequired'] ??= true;
    spec['fsGroupPolicy'] ??= 'ReadWriteOnceWithFSType';
    spec['volumeLifecycleModes'] ??= ['Persistent'];
    for (const name of ['podInfoOnMount', 'storageCapacity', 'requiresRepublish', 'seLinuxMount']) spec[name] ??= false;
  },
};

export const priorityClass: Strategy = {
  generation: true,
  defaults(object) {
    object['preemptionPolicy'] ??= 'PreemptLowerPriority';
  },
  validateUpdate: (object, old) => [
    ...(object['value'] === old['value'] ? [] : [cause.forbidden('value', 'may not be changed in an update.')]),
    ...(object['preemptionPolicy'] === old['preemptionPolicy']
      ? []
      : [cause.invalid('preemptionPolicy', object['preemptionPolicy'], 'field is immutable')]),
  ],
};

export const webhookConfiguration: Strategy = {
  generation: true,
  defaults(object) {
    for (const webhook of listOf(object['webhooks'])) {
      webhook['failurePolicy'] ??= 'Fail';
      webhook['matchPolicy'] ??= 'Equivalent';
      webhook['namespaceSelector'] ??= {};
      webhook['objectSelector'] ??= {};
      webhook['timeoutSeconds'] ??= 10;
      if (object.kind === 'MutatingWebhookConfiguration') webhook['reinvocationPolicy'] ??= 'Never';
      for (const rule of listOf(webhook['rules'])) rule['scope'] ??= '*';
      const service = record(webhook['clientConfig'])['service'];
      if (isRecord(service)) service['port'] ??= 443;
    }
  },
  validate(object) {
    const causes: StatusCause[] = [];
    listOf(object['webhooks']).forEach((webhook, index) => {
      const at = `webhooks[${index}]`;
      if (String(webhook['name'] ?? '').split('.').length < 3) {
        causes.push(
          cause.invalid(
            `${at}.name`,
            webhook['name'] ?? '',
            'should be a domain with at least three segments separated by dots',
          ),
        );
      }
      if ((webhook['sideEffects'] ?? '') === '')
        causes.push(cause.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
      const versions = webhook['admissionReviewVersions'];
      if (!Array.isArray(versions) || !versions.includes('v1')) {
        causes.push(
          cause.invalid(`${at}.admissionReviewVersions`, versions ?? null, 'must include at least one of v1'),
        );
      }
      if (Array.isArray(webhook['matchConditions']) && webhook['matchConditions'].length > 0) {
        causes.push(
          cause.forbidden(
            `${at}.matchConditions`,
            'towpath does not evaluate match conditions of webhooks yet: use namespaceSelector and objectSelector',
          ),
        );
      }
    });
    return causes;
  },
};

/** Strategy of certificate signing requests: who asks is written down, whatever the request says. */
export const signingRequest: Strategy = {
  prepareCreate(object, { user }) {
    const spec = isRecord(object['spec']) ? object['spec'] : {};
    object['spec'] = {
      ...spec,
      username: user.name,
      groups: user.groups,
      ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    };
  },
};
