/** Rows of core and smaller groups. Source: pkg/printers/internalversion. */

import { isRecord } from '@towpath/kit';
import { ageOf, humanDuration } from './age.ts';
import { at, containerCells, count, labelSelectorText, labelsText, records, text, type Cells } from './cells.ts';
import { podCells } from './pod-cells.ts';

type Object = Parameters<Cells>[0];

function age(object: Object, nowMs: number): string {
  return ageOf(object.metadata.creationTimestamp, nowMs);
}

function size(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return isRecord(value) ? Object.keys(value).length : 0;
}

/** Name, what `middle` says, Age. */
function simple(...middle: ((object: Object) => unknown)[]): Cells {
  return (object, nowMs) => [object.metadata.name, ...middle.map((cell) => cell(object)), age(object, nowMs)];
}

function externalIP(object: Object): string {
  const own = at(object, 'spec.externalIPs');
  const given = Array.isArray(own) ? own.map(String) : [];
  const type = text(object, 'spec.type');
  if (type === 'ExternalName') return text(object, 'spec.externalName');
  if (type === 'LoadBalancer') {
    const ingress = records(object, 'status.loadBalancer.ingress').map((item) =>
      text(item, 'ip', text(item, 'hostname')),
    );
    const all = [...ingress, ...given];
    return all.length === 0 ? '<pending>' : all.join(',');
  }
  return given.length === 0 ? '<none>' : given.join(',');
}

function portsText(object: Object): string {
  const ports = records(object, 'spec.ports').map((port) => {
    const nodePort = count(port, 'nodePort');
    return `${String(port['port'])}${nodePort > 0 ? `:${nodePort}` : ''}/${String(port['protocol'])}`;
  });
  return ports.length === 0 ? '<none>' : ports.join(',');
}

const service: Cells = (object, nowMs) => [
  object.metadata.name,
  text(object, 'spec.type'),
  text(object, 'spec.clusterIPs.0', text(object, 'spec.clusterIP', '<none>')),
  externalIP(object),
  portsText(object),
  age(object, nowMs),
  labelsText(at(object, 'spec.selector')),
];

function nodeStatus(object: Object): string {
  const ready = records(object, 'status.conditions').find((condition) => condition['type'] === 'Ready');
  const status = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return at(object, 'spec.unschedulable') === true ? `${status},SchedulingDisabled` : status;
}

function nodeRoles(object: Object): string {
  const prefix = 'node-role.kubernetes.io/';
  const labels = object.metadata.labels ?? {};
  const roles = Object.entries(labels).flatMap(([key, value]) => {
    if (key.startsWith(prefix) && key.length > prefix.length) return [key.slice(prefix.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return roles.length === 0 ? '<none>' : [...new Set(roles)].sort().join(',');
}

function nodeAddress(object: Object, type: string): string {
  return text(
    records(object, 'status.addresses').find((address) => address['type'] === type),
    'address',
    '<none>',
  );
}

const node: Cells = (object, nowMs) => [
  object.metadata.name,
  nodeStatus(object),
  nodeRoles(object),
  age(object, nowMs),
  text(object, 'status.nodeInfo.kubeletVersion'),
  nodeAddress(object, 'InternalIP'),
  nodeAddress(object, 'ExternalIP'),
  text(object, 'status.nodeInfo.osImage', '<unknown>'),
  text(object, 'status.nodeInfo.kernelVersion', '<unknown>'),
  text(object, 'status.nodeInfo.containerRuntimeVersion', '<unknown>'),
];

function eventTarget(object: Object): string {
  const kind = text(object, 'involvedObject.kind').toLowerCase();
  const name = text(object, 'involvedObject.name');
  return name === '' ? kind : `${kind}/${name}`;
}

function eventSource(object: Object): string {
  const component = text(object, 'source.component', text(object, 'reportingComponent'));
  const host = text(object, 'source.host', text(object, 'reportingInstance'));
  return host === '' ? component : `${component}, ${host}`;
}

const event: Cells = (object, nowMs) => {
  const first = text(object, 'firstTimestamp', text(object, 'eventTime'));
  const last = text(object, 'series.lastObservedTime', text(object, 'lastTimestamp', first));
  const times = count(object, 'series.count') || count(object, 'count') || 1;
  return [
    ageOf(last, nowMs),
    text(object, 'type'),
    text(object, 'reason'),
    eventTarget(object),
    text(object, 'involvedObject.fieldPath'),
    eventSource(object),
    text(object, 'message').trim(),
    ageOf(first, nowMs),
    times,
    object.metadata.name,
  ];
};

/** Endpoints are lists of addresses; three are shown. */
function shorten(list: readonly string[], none: string): string {
  if (list.length === 0) return none;
  return list.length > 3 ? `${list.slice(0, 3).join(',')} + ${list.length - 3} more...` : list.join(',');
}

function endpointsText(object: Object): string {
  const all = records(object, 'subsets').flatMap((subset) => {
    const ips = records(subset, 'addresses').map((address) => text(address, 'ip'));
    const ports = records(subset, 'ports');
    return ports.length === 0 ? ips : ports.flatMap((port) => ips.map((ip) => `${ip}:${String(port['port'])}`));
  });
  return shorten(all, '<none>');
}

function slicePorts(object: Object): string {
  const ports = records(object, 'ports').map((port) => text(port, 'port', '*'));
  return shorten(ports, '<unset>');
}

function sliceEndpoints(object: Object): string {
  const all = records(object, 'endpoints').flatMap((endpoint) =>
    Array.isArray(endpoint['addresses']) ? endpoint['addresses'].map(String) : [],
  );
  return shorten(all, '<unset>');
}

const ingress: Cells = (object, nowMs) => {
  const hosts = records(object, 'spec.rules')
    .map((rule) => text(rule, 'host'))
    .filter((host) => host !== '');
  const shown = hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',');
  const addresses = records(object, 'status.loadBalancer.ingress').map((item) =>
    text(item, 'ip', text(item, 'hostname')),
  );
  return [
    object.metadata.name,
    text(object, 'spec.ingressClassName', '<none>'),
    shown === '' ? '*' : shown,
    addresses.join(','),
    records(object, 'spec.tls').length > 0 ? '80, 443' : '80',
    age(object, nowMs),
  ];
};

function subjects(object: Object, kind: string): string {
  return records(object, 'subjects')
    .filter((subject) => subject['kind'] === kind)
    .map((subject) =>
      kind === 'ServiceAccount' ? `${text(subject, 'namespace')}/${text(subject, 'name')}` : text(subject, 'name'),
    )
    .join(', ');
}

const binding: Cells = (object, nowMs) => [
  object.metadata.name,
  `${text(object, 'roleRef.kind')}/${text(object, 'roleRef.name')}`,
  age(object, nowMs),
  subjects(object, 'User'),
  subjects(object, 'Group'),
  subjects(object, 'ServiceAccount'),
];

const accessModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function modes(object: Object, path: string): string {
  const list = at(object, path);
  return Array.isArray(list) ? list.map((mode) => accessModes[String(mode)] ?? String(mode)).join(',') : '';
}

const persistentVolumeClaim: Cells = (object, nowMs) => {
  const bound = text(object, 'spec.volumeName') !== '';
  return [
    object.metadata.name,
    object.metadata.deletionTimestamp === undefined ? text(object, 'status.phase') : 'Terminating',
    text(object, 'spec.volumeName'),
    bound ? text(object, 'status.capacity.storage') : '',
    bound ? modes(object, 'status.accessModes') : '',
    text(object, 'spec.storageClassName'),
    text(object, 'spec.volumeAttributesClassName', '<unset>'),
    age(object, nowMs),
    text(object, 'spec.volumeMode', '<unset>'),
  ];
};

const persistentVolume: Cells = (object, nowMs) => {
  const claim = text(object, 'spec.claimRef.name');
  return [
    object.metadata.name,
    text(object, 'spec.capacity.storage'),
    modes(object, 'spec.accessModes'),
    text(object, 'spec.persistentVolumeReclaimPolicy'),
    object.metadata.deletionTimestamp === undefined ? text(object, 'status.phase') : 'Terminating',
    claim === '' ? '' : `${text(object, 'spec.claimRef.namespace')}/${claim}`,
    text(object, 'spec.storageClassName'),
    text(object, 'spec.volumeAttributesClassName', '<unset>'),
    text(object, 'status.reason'),
    age(object, nowMs),
    text(object, 'spec.volumeMode', '<unset>'),
  ];
};

function quota(object: Object, wanted: (name: string) => boolean): string {
  const hard = at(object, 'status.hard');
  if (!isRecord(hard)) return '';
  return Object.keys(hard)
    .filter(wanted)
    .sort()
    .map((name) => {
      const used = at(object, 'status.used');
      return `${name}: ${String(isRecord(used) ? used[name] : '0')}/${String(hard[name])}`;
    })
    .join(', ');
}

const storageClass: Cells = (object, nowMs) => {
  const isDefault = object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
  return [
    isDefault ? `${object.metadata.name} (default)` : object.metadata.name,
    text(object, 'provisioner'),
    text(object, 'reclaimPolicy', 'Delete'),
    text(object, 'volumeBindingMode', '<unset>'),
    at(object, 'allowVolumeExpansion') === true,
    age(object, nowMs),
  ];
};

const csiDriver: Cells = (object, nowMs) => {
  const audiences = records(object, 'spec.tokenRequests').map((request) => String(request['audience']));
  const modes = at(object, 'spec.volumeLifecycleModes');
  return [
    object.metadata.name,
    at(object, 'spec.attachRequired') === true,
    at(object, 'spec.podInfoOnMount') === true,
    at(object, 'spec.storageCapacity') === true,
    audiences.length === 0 ? '<unset>' : audiences.join(','),
    at(object, 'spec.requiresRepublish') === true,
    Array.isArray(modes) ? modes.join(',') : '',
    age(object, nowMs),
  ];
};

const volumeAttachment: Cells = (object, nowMs) => [
  object.metadata.name,
  text(object, 'spec.attacher'),
  text(object, 'spec.source.persistentVolumeName'),
  text(object, 'spec.nodeName'),
  at(object, 'status.attached') === true,
  age(object, nowMs),
];

const webhooks = simple((object) => records(object, 'webhooks').length);

/** Rows by collection. */
function duration(seconds: number): string {
  return humanDuration(seconds * 1000);
}

function signingStatus(object: Object): string {
  const types = records(object, 'status.conditions').map((condition) => condition['type']);
  const decided = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  const failed = types.includes('Failed') ? ',Failed' : '';
  return `${decided}${failed}${text(object, 'status.certificate') === '' ? '' : ',Issued'}`;
}

function parentText(object: Object): string {
  const parent = at(object, 'spec.parentRef');
  if (parent === undefined) return '<none>';
  const [group, namespace] = [text(parent, 'group'), text(parent, 'namespace')];
  const resource = `${text(parent, 'resource')}${group === '' ? '' : `.${group}`}`.toLowerCase();
  return [resource, ...(namespace === '' ? [] : [namespace]), text(parent, 'name')].join('/');
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(',') : '';
}

export const coreCells: Readonly<Record<string, Cells>> = {
  'core/configmaps': simple((object) => size(object['data']) + size(object['binaryData'])),
  'core/endpoints': simple(endpointsText),
  'core/events': event,
  'core/namespaces': simple((object) => text(object, 'status.phase')),
  'core/nodes': node,
  'core/persistentvolumeclaims': persistentVolumeClaim,
  'core/persistentvolumes': persistentVolume,
  'core/pods': podCells,
  'core/podtemplates': (object) => [
    object.metadata.name,
    ...containerCells(object, 'template.spec.containers'),
    labelsText(at(object, 'template.metadata.labels')),
  ],
  'core/resourcequotas': simple(
    (object) => quota(object, (name) => !name.startsWith('limits')),
    (object) => quota(object, (name) => name.startsWith('limits')),
  ),
  'core/secrets': simple(
    (object) => text(object, 'type'),
    (object) => size(object['data']),
  ),
  'core/serviceaccounts': simple((object) => size(object['secrets'])),
  'core/services': service,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhooks,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhooks,
  'apiregistration.k8s.io/apiservices': simple(
    (object) => {
      const name = text(object, 'spec.service.name');
      return name === '' ? 'Local' : `${text(object, 'spec.service.namespace')}/${name}`;
    },
    (object) => {
      const found = records(object, 'status.conditions').find((condition) => condition['type'] === 'Available');
      if (found === undefined) return 'Unknown';
      return found['status'] === 'True' ? 'True' : `${String(found['status'])} (${text(found, 'reason')})`;
    },
  ),
  'certificates.k8s.io/certificatesigningrequests': (object, nowMs) => [
    object.metadata.name,
    age(object, nowMs),
    text(object, 'spec.signerName', '<none>'),
    text(object, 'spec.username'),
    at(object, 'spec.expirationSeconds') === undefined ? '<none>' : duration(count(object, 'spec.expirationSeconds')),
    signingStatus(object),
  ],
  'networking.k8s.io/ipaddresses': (object, nowMs) => [object.metadata.name, parentText(object), age(object, nowMs)],
  'networking.k8s.io/servicecidrs': simple((object) => listText(at(object, 'spec.cidrs'))),
  'coordination.k8s.io/leases': simple((object) => text(object, 'spec.holderIdentity')),
  'discovery.k8s.io/endpointslices': simple((object) => text(object, 'addressType'), slicePorts, sliceEndpoints),
  'networking.k8s.io/ingresses': ingress,
  'networking.k8s.io/ingressclasses': simple(
    (object) => text(object, 'spec.controller'),
    (object) =>
      text(object, 'spec.parameters.name') === ''
        ? '<none>'
        : `${text(object, 'spec.parameters.kind')}/${text(object, 'spec.parameters.name')}`,
  ),
  'networking.k8s.io/networkpolicies': simple((object) => labelSelectorText(at(object, 'spec.podSelector'))),
  'node.k8s.io/runtimeclasses': simple((object) => text(object, 'handler')),
  'policy/poddisruptionbudgets': simple(
    (object) => text(object, 'spec.minAvailable', 'N/A'),
    (object) => text(object, 'spec.maxUnavailable', 'N/A'),
    (object) => count(object, 'status.disruptionsAllowed'),
  ),
  'rbac.authorization.k8s.io/clusterrolebindings': binding,
  'rbac.authorization.k8s.io/rolebindings': binding,
  'scheduling.k8s.io/priorityclasses': (object, nowMs) => [
    object.metadata.name,
    count(object, 'value'),
    at(object, 'globalDefault') === true,
    age(object, nowMs),
    text(object, 'preemptionPolicy'),
  ],
  'storage.k8s.io/storageclasses': storageClass,
  'storage.k8s.io/csidrivers': csiDriver,
  'storage.k8s.io/volumeattachments': volumeAttachment,
  'storage.k8s.io/csinodes': simple((object) => records(object, 'spec.drivers').length),
  'storage.k8s.io/volumeattributesclasses': simple((object) => text(object, 'driverName')),
};
