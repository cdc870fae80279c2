/** The Service `kubernetes` in `default`, by which pods find the API. */

import type { AnyObject } from '@towpath/api';
import { toTimestamp, uuid, type Clock, type Random } from '@towpath/kit';
import type { ObjectStore } from '../storage/object-store.ts';

/** The address every cluster gives its API. */
export const kubernetesServiceIP = '10.96.0.1';

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
