/** The Service `kubernetes` in `default`, by which pods find the API. */

import type { AnyObject } from '@towpath/api';
import { toTimestamp, uuid, type Clock, type Random } from '@towpath/kit';
import type { ObjectStore } from '../storage/object-store.ts';

/** The address every cluster gives its API. */
export const kubernetesServiceIP = '10.96.0.1';

/** Where cluster IPs are taken from. */
const serviceRange = '10.96.0.0/16';

/** Creates the ServiceCIDR `kubernetes` when it is missing: the range that cluster IPs are taken from. */
export async function ensureServiceRange(deps: { objects: ObjectStore; clock: Clock; random: Random }): Promise<void> {
  const { objects, clock, random } = deps;
  const collection = 'networking.k8s.io/servicecidrs';
  const key = 'kubernetes';
  if (objects.collection(collection).get(key) !== undefined) return;
  const now = toTimestamp(clock.nowMs());
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: now, reason: '', message: '' };
  const object: AnyObject = {
    kind: 'ServiceCIDR',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name: key, uid: uuid(random), creationTimestamp: now },
    spec: { cidrs: [serviceRange] },
    status: { conditions: [{ ...ready, message: 'Kubernetes default Service CIDR is ready' }] },
  };
  await objects.commit({ collection, key, object });
}

/** Creates the Service when it is missing. It has no endpoints: the cluster network reaches the server by name. */
export async function ensureKubernetesService(deps: {
  objects: ObjectStore;
  clock: Clock;
  random: Random;
}): Promise<void> {
  const { objects, clock, random } = deps;
  const key = 'default/kubernetes';
  if (objects.collection('core/services').get(key) !== undefined) return;
  const object: AnyObject = {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      uid: uuid(random),
      creationTimestamp: toTimestamp(clock.nowMs()),
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
      clusterIP: kubernetesServiceIP,
      clusterIPs: [kubernetesServiceIP],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  };
  await objects.commit({ collection: 'core/services', key, object });
}
