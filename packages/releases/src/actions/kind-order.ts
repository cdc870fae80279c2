/** The order in which kinds are deleted. */

import type { ReleaseObject } from './objects.ts';

/** Source: helm 3 pkg/releaseutil/kind_sorter.go, UninstallOrder. */
const uninstallOrder = [
  'APIService',
  'Ingress',
  'IngressClass',
  'Service',
  'CronJob',
  'Job',
  'StatefulSet',
  'HorizontalPodAutoscaler',
  'Deployment',
  'ReplicaSet',
  'ReplicationController',
  'Pod',
  'DaemonSet',
  'RoleBindingList',
  'RoleBinding',
  'RoleList',
  'Role',
  'ClusterRoleBindingList',
  'ClusterRoleBinding',
  'ClusterRoleList',
  'ClusterRole',
  'CustomResourceDefinition',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'StorageClass',
  'ConfigMap',
  'SecretList',
  'Secret',
  'ServiceAccount',
  'PodDisruptionBudget',
  'PodSecurityPolicy',
  'LimitRange',
  'ResourceQuota',
  'NetworkPolicy',
  'Namespace',
  'PriorityClass',
] as const;

/** Objects in the order they are deleted; kinds the list does not name come last, by name of the kind. */
export function inUninstallOrder(objects: readonly ReleaseObject[]): ReleaseObject[] {
  const rank = (kind: string): number => {
    const index = (uninstallOrder as readonly string[]).indexOf(kind);
    return index < 0 ? uninstallOrder.length : index;
  };
  return objects.toSorted((left, right) => {
    const byRank = rank(left.object.kind) - rank(right.object.kind);
    if (byRank !== 0 || rank(left.object.kind) < uninstallOrder.length) return byRank;
    return left.object.kind < right.object.kind ? -1 : left.object.kind > right.object.kind ? 1 : 0;
  });
}
