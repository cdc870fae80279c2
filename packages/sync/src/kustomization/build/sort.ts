/** The order of a build's output. Source: kustomize SortOrderTransformer, order `legacy`. */

import { currentId, type Resource } from './resource.ts';

const first = [
  'Namespace ResourceQuota StorageClass CustomResourceDefinition ServiceAccount PodSecurityPolicy Role ClusterRole',
  'RoleBinding ClusterRoleBinding ConfigMap Secret Endpoints Service LimitRange PriorityClass PersistentVolume',
  'PersistentVolumeClaim Deployment StatefulSet CronJob PodDisruptionBudget',
].flatMap((line) => line.split(' '));
const last = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

export interface LegacyOrder {
  readonly orderFirst?: readonly string[];
  readonly orderLast?: readonly string[];
}

/** By rank of the kind, then group, version, kind, then namespace and name. */
export function sortLegacy(resources: readonly Resource[], order: LegacyOrder | undefined): Resource[] {
  const { orderFirst = [], orderLast = [] } = order ?? { orderFirst: first, orderLast: last };
  const rank = (kind: string): number => {
    const atEnd = orderLast.indexOf(kind);
    if (atEnd >= 0) return 1 + atEnd;
    const atStart = orderFirst.indexOf(kind);
    return atStart < 0 ? 0 : atStart - orderFirst.length;
  };
  const keyed = resources.map((resource) => {
    const { group, version, kind, name, namespace } = currentId(resource);
    const type = [group === '' ? '~G' : group, version === '' ? '~V' : version, kind].join('_');
    const text = `${kind}.${version === '' ? '[noVer]' : version}.${group === '' ? '[noGrp]' : group}`;
    const id = `${text}|${namespace === '' ? '~X' : namespace}|${name === '' ? '~N' : name}`;
    return { resource, rank: rank(kind), type, id };
  });
  return keyed
    .toSorted((left, right) => {
      if (left.rank !== right.rank) return left.rank - right.rank;
      return compare(left.type, right.type) || compare(left.id, right.id);
    })
    .map(({ resource }) => resource);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
