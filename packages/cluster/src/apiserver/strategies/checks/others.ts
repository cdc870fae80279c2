/** Validation of the smaller kinds. Source: pkg/apis/GROUP/validation of each group. */

import { isIP } from 'node:net';
import type { AnyObject } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import { cause, type StatusCause } from '../../http/status.ts';
import { labelProblem, qualifiedNameProblem } from '../../names.ts';
import { quantityValue } from '../../schema/quantity.ts';
import { at, listAt, nonNegative, oneOf, percentage, textAt, type Check } from './rules.ts';

/** Keys a secret of a type must have. */
const secretKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

const secret: Check = (object) => {
  const type = textAt(object, 'type');
  const data = isRecord(object['data']) ? object['data'] : {};
  if (type === 'kubernetes.io/basic-auth') {
    const keys = ['username', 'password'];
    return keys.some((key) => data[key] !== undefined) ? [] : keys.map((key) => cause.required(`data[${key}]`));
  }
  if (type === 'kubernetes.io/service-account-token') {
    const account = 'kubernetes.io/service-account.name';
    const named = object.metadata.annotations?.[account] ?? '';
    return named === '' ? [cause.required(`metadata.annotations[${account}]`)] : [];
  }
  return (secretKeys[type] ?? []).filter((key) => data[key] === undefined).map((key) => cause.required(`data[${key}]`));
};

const configMap: Check = (object) => {
  const binary = isRecord(object['binaryData']) ? object['binaryData'] : {};
  return Object.keys(isRecord(object['data']) ? object['data'] : {})
    .filter((key) => binary[key] !== undefined)
    .map((key) => cause.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
};

const event: Check = (object) => {
  const involved = textAt(object, 'involvedObject.namespace');
  if (involved === '' || involved === object.metadata.namespace) return [];
  return [cause.invalid('involvedObject.namespace', involved, 'does not match event.namespace')];
};

const claimModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

const claim: Check = (object, old) => {
  const modes = at(object, 'spec.accessModes');
  const causes = (Array.isArray(modes) ? modes : [])
    .filter((mode) => !claimModes.includes(String(mode)))
    .map((mode) => cause.notSupported('spec.accessModes', mode, claimModes));
  if (old !== undefined && claimChanged(object, old)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    causes.push(cause.forbidden('spec', detail));
  }
  const storage = textAt(object, 'spec.resources.requests.storage');
  if (storage !== '' && quantityValue(storage) <= 0) {
    causes.push(cause.invalid('spec.resources[storage]', storage, 'must be greater than zero'));
  }
  return causes;
};

/** A claim that is bound can ask for more; the volume's name is set by binding it. */
function claimChanged(object: AnyObject, old: AnyObject): boolean {
  const isBound = at(old, 'status.phase') === 'Bound';
  const fixed = (value: AnyObject): unknown => {
    const spec = isRecord(value['spec']) ? value['spec'] : {};
    const { volumeName, resources, volumeAttributesClassName, ...rest } = spec;
    const named = at(old, 'spec.volumeName') === undefined ? undefined : volumeName;
    return isBound ? { ...rest, named } : { ...rest, named, resources, volumeAttributesClassName };
  };
  return !jsonEqual(fixed(object), fixed(old));
}

const volume: Check = (object) => {
  const causes: StatusCause[] = [];
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const modes = spec['accessModes'];
  if (!Array.isArray(modes) || modes.length === 0) causes.push(cause.required('spec.accessModes'));
  if (spec['capacity'] === undefined) {
    causes.push(cause.required('spec.capacity'), cause.notSupported('spec.capacity', null, ['storage']));
  }
  const sources = ['hostPath', 'nfs', 'csi', 'local', 'iscsi', 'fc', 'rbd', 'cephfs', 'glusterfs', 'flexVolume'];
  sources.push('awsElasticBlockStore', 'gcePersistentDisk', 'azureDisk', 'azureFile', 'cinder', 'vsphereVolume');
  sources.push('portworxVolume', 'quobyte', 'scaleIO', 'storageos', 'photonPersistentDisk', 'flocker');
  if (!sources.some((name) => spec[name] !== undefined)) {
    causes.push(cause.required('spec', 'must specify a volume type'));
  }
  return causes;
};

const quotaNames = new Set(
  'cpu memory ephemeral-storage requests.cpu requests.memory requests.storage requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage pods count services services.nodeports services.loadbalancers secrets configmaps persistentvolumeclaims replicationcontrollers resourcequotas'.split(
    ' ',
  ),
);

const quota: Check = (object) => {
  const hard = at(object, 'spec.hard');
  return Object.entries(isRecord(hard) ? hard : {}).flatMap(([name, quantity]) => {
    const field = `spec.hard[${name}]`;
    if (!quotaNames.has(name) && !name.includes('/') && !name.startsWith('requests.')) {
      return [
        cause.invalid(field, name, 'must be a standard resource type or fully qualified'),
        cause.invalid(field, name, 'must be a standard resource for quota'),
      ];
    }
    return quantityValue(String(quantity)) < 0
      ? [cause.invalid(field, quantity, 'must be greater than or equal to 0')]
      : [];
  });
};

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

const node: Check = (object) => {
  const causes = listAt(object, 'spec.taints').flatMap((taint, index) =>
    taintEffects.includes(textAt(taint, 'effect'))
      ? []
      : [cause.notSupported(`metadata.taints[${index}].effect`, textAt(taint, 'effect'), taintEffects, 'given')],
  );
  const cidr = textAt(object, 'spec.podCIDR');
  const [address = '', bits = ''] = cidr.split('/');
  if (cidr !== '' && (isIP(address) === 0 || !/^\d+$/.test(bits))) {
    const detail = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
    causes.push(cause.invalid('spec.podCIDRs[0]', cidr, detail));
  }
  return causes;
};

const namespace: Check = (object) => {
  const finalizers = at(object, 'spec.finalizers');
  return (Array.isArray(finalizers) ? finalizers : []).flatMap((name: unknown) => {
    const problem = qualifiedNameProblem(String(name));
    const detail = 'name is neither a standard finalizer name nor is it fully qualified';
    const isKnown = name === 'kubernetes' || String(name).includes('/');
    return [
      ...(problem === undefined ? [] : [cause.invalid('spec.finalizers', name, problem)]),
      ...(isKnown ? [] : [cause.invalid('spec.finalizers', name, detail)]),
    ];
  });
};

const budget: Check = (object) => {
  const [least, most] = [at(object, 'spec.minAvailable'), at(object, 'spec.maxUnavailable')];
  if (least !== undefined && most !== undefined) {
    const value = {
      MinAvailable: least,
      Selector: at(object, 'spec.selector') ?? null,
      MaxUnavailable: most,
      UnhealthyPodEvictionPolicy: at(object, 'spec.unhealthyPodEvictionPolicy') ?? null,
    };
    return [cause.invalid('spec', value, 'minAvailable and maxUnavailable cannot be both set')];
  }
  return [
    ...percentage(object, 'spec.minAvailable', 'bounded'),
    ...percentage(object, 'spec.maxUnavailable', 'bounded'),
  ];
};

const autoscaler: Check = (object) =>
  textAt(object, 'spec.scaleTargetRef.apiVersion') === '' && at(object, 'spec.scaleTargetRef') !== undefined
    ? [cause.invalid('spec.scaleTargetRef.apiVersion', '', 'apiVersion must specify API group')]
    : [];

const lease: Check = (object) => {
  const seconds = at(object, 'spec.leaseDurationSeconds');
  const causes: StatusCause[] = [];
  if (typeof seconds === 'number' && seconds <= 0) {
    causes.push(cause.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  }
  return [...causes, ...nonNegative(object, 'spec.leaseTransitions')];
};

const role: Check = (object) =>
  listAt(object, 'rules').flatMap((rule, index) => {
    const field = `rules[${index}]`;
    const causes: StatusCause[] = [];
    const verbs = rule['verbs'];
    if (!Array.isArray(verbs) || verbs.length === 0) {
      causes.push(cause.required(`${field}.verbs`, 'verbs must contain at least one value'));
    }
    const urls = rule['nonResourceURLs'];
    if (object.kind === 'Role' && Array.isArray(urls) && urls.length > 0) {
      const detail = 'namespaced rules cannot apply to non-resource URLs';
      causes.push(cause.invalid(`${field}.nonResourceURLs`, urls, detail));
    }
    return causes;
  });

const subjectKinds = ['ServiceAccount', 'User', 'Group'];

const binding: Check = (object) =>
  listAt(object, 'subjects').flatMap((subject, index) =>
    subjectKinds.includes(textAt(subject, 'kind'))
      ? []
      : [cause.notSupported(`subjects[${index}].kind`, textAt(subject, 'kind'), subjectKinds, 'given')],
  );

const storageClass: Check = (object, old) => {
  const causes = textAt(object, 'provisioner') === '' ? [cause.required('provisioner')] : [];
  causes.push(...oneOf(object, 'reclaimPolicy', ['Delete', 'Retain']));
  for (const name of ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode']) {
    if (old === undefined || jsonEqual(object[name], old[name])) continue;
    causes.push(cause.forbidden(name, `updates to ${name} are forbidden.`));
  }
  return causes;
};

const highestUserPriority = 1_000_000_000;

const priorityClass: Check = (object) => {
  const value = Number(object['value'] ?? 0);
  const causes: StatusCause[] = [];
  if (value > highestUserPriority && !object.metadata.name.startsWith('system-')) {
    const detail = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
    causes.push(cause.forbidden('value', detail));
  }
  return causes;
};

const runtimeClass: Check = (object) => {
  const problem = labelProblem(textAt(object, 'handler'));
  return problem === undefined ? [] : [cause.invalid('handler', textAt(object, 'handler'), problem)];
};

/** By collection. */
export const otherChecks: Readonly<Record<string, Check>> = {
  'core/secrets': secret,
  'core/configmaps': configMap,
  'core/events': event,
  'core/persistentvolumeclaims': claim,
  'core/persistentvolumes': volume,
  'core/resourcequotas': quota,
  'core/nodes': node,
  'core/namespaces': namespace,
  'policy/poddisruptionbudgets': budget,
  'autoscaling/horizontalpodautoscalers': autoscaler,
  'coordination.k8s.io/leases': lease,
  'rbac.authorization.k8s.io/roles': role,
  'rbac.authorization.k8s.io/clusterroles': role,
  'rbac.authorization.k8s.io/rolebindings': binding,
  'rbac.authorization.k8s.io/clusterrolebindings': binding,
  'storage.k8s.io/storageclasses': storageClass,
  'scheduling.k8s.io/priorityclasses': priorityClass,
  'node.k8s.io/runtimeclasses': runtimeClass,
};
