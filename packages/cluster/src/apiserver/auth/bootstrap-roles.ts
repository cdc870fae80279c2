/** The roles and bindings every cluster starts with. */

import type { AnyObject } from '@towpath/api';
import { toTimestamp, uuid, type Clock, type Random } from '@towpath/kit';
import rows from '../data/bootstrap-roles.json' with { type: 'json' };
import type { Change, ObjectStore } from '../storage/object-store.ts';

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rules?: unknown;
  readonly aggregationRule?: unknown;
  readonly roleRef?: unknown;
  readonly subjects?: unknown;
}

const plurals: Readonly<Record<string, string>> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
};

/** Stores the roles and bindings that are missing. Resolves when they are on disk. */
export async function ensureBootstrapRoles(deps: {
  objects: ObjectStore;
  clock: Clock;
  random: Random;
}): Promise<void> {
  const missing = (rows as readonly Row[])
    .map((row) => changeFor(row, deps))
    .filter((change) => {
      return deps.objects.collection(change.collection).get(change.key) === undefined;
    });
  await Promise.all(missing.map((change) => deps.objects.commit(change)));
}

function changeFor(row: Row, deps: { clock: Clock; random: Random }): Change {
  const { kind, name, namespace, labels, ...members } = row;
  const object: AnyObject = {
    kind,
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: uuid(deps.random),
      creationTimestamp: toTimestamp(deps.clock.nowMs()),
      ...(labels === undefined ? {} : { labels }),
      annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
    },
    ...members,
  };
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  return { collection: `rbac.authorization.k8s.io/${plurals[kind] ?? ''}`, key, object };
}
