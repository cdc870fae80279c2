/** The two priority classes every cluster has. Source: pkg/apis/scheduling/v1, helpers.go. */

import type { AnyObject, ManagedFieldsEntry } from '@towpath/api';
import { toTimestamp, uuid, type Clock, type Random } from '@towpath/kit';
import type { ObjectStore } from '../storage/object-store.ts';

const collection = 'scheduling.k8s.io/priorityclasses';

const classes = [
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
];

/** Creates those that are missing. Resolves when they are on disk. */
export async function ensurePriorityClasses(deps: {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}): Promise<void> {
  const { objects, clock, random } = deps;
  const missing = classes.filter(({ name }) => objects.collection(collection).get(name) === undefined);
  await Promise.all(
    missing.map(({ name, value, description }) => {
      const object: AnyObject = {
        kind: 'PriorityClass',
        apiVersion: 'scheduling.k8s.io/v1',
        metadata: {
          name,
          uid: uuid(random),
          creationTimestamp: toTimestamp(clock.nowMs()),
          generation: 1,
          managedFields: [managedFields(toTimestamp(clock.nowMs()))],
        },
        value,
        description,
        preemptionPolicy: 'PreemptLowerPriority',
      };
      return objects.commit({ collection, key: name, object });
    }),
  );
}

/** The server itself manages what it made. */
function managedFields(time: string): ManagedFieldsEntry {
  return {
    manager: 'kube-apiserver',
    operation: 'Update',
    apiVersion: 'scheduling.k8s.io/v1',
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:description': {}, 'f:preemptionPolicy': {}, 'f:value': {} },
  };
}
