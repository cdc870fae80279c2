/** The field selectors each kind accepts. Source: pkg/apis/*\/conversion.go, pkg/registry/*\/strategy.go. */

import type { Resource } from '../resources/resource.ts';

const event = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

const byCollection: Readonly<Record<string, readonly string[]>> = {
  'core/pods': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  'core/events': [...event.map((name) => `involvedObject.${name}`), 'reason', 'reportingComponent', 'source', 'type'],
  'core/nodes': ['spec.unschedulable'],
  'core/namespaces': ['status.phase'],
  'core/secrets': ['type'],
  'core/services': ['spec.clusterIP', 'spec.type'],
  'core/replicationcontrollers': ['status.replicas'],
  'batch/jobs': ['status.successful'],
  'certificates.k8s.io/certificatesigningrequests': ['spec.signerName'],
};

/** Other spellings, as `collection given`. */
export const fieldAliases: Readonly<Record<string, string>> = {
  'core/pods spec.host': 'spec.nodeName',
  'core/events reportingController': 'reportingComponent',
  ...Object.fromEntries(event.map((name) => [`core/events regarding.${name}`, `involvedObject.${name}`])),
};

/** The selectable fields of a resource. */
export function knownFields(resource: Resource): string[] {
  const special = resource.custom?.selectableFields ?? byCollection[resource.collection] ?? [];
  return ['metadata.name', 'metadata.namespace', ...special];
}
