/** The ReplicaSets of a Deployment by age of their template, and the annotations that number them. */

import { ownerReference, type Deployment } from '@towpath/api';
import { podTemplateHashLabel, sameTemplate, templateHash, withoutHash } from '../template-hash.ts';
import type { ReplicaSet } from '../types.ts';
import { byAge, desiredReplicasAnnotation, maxReplicasAnnotation, replicasOf, strategyOf } from './numbers.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';

/** Annotations that belong to one object and are not copied from the Deployment to its ReplicaSets. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  'deprecated.deployment.rollback.to',
]);

export interface Split {
  /** The set of the current template; the oldest when there are several. */
  readonly newest: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

export function splitSets(deployment: Deployment, sets: readonly ReplicaSet[]): Split {
  const newest = byAge(sets).find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { newest, old: sets.filter((set) => set !== newest) };
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
}

export function nextRevision(old: readonly ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

/** The annotations of the newest ReplicaSet: the Deployment's own, its revision and the sizes it was planned for. */
export function newestAnnotations(
  deployment: Deployment,
  existing: Readonly<Record<string, string>>,
  revision: number,
): Record<string, string> {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name));
  const before = Number(existing[revisionAnnotation] ?? 0) || 0;
  const annotations: Record<string, string> = { ...existing, ...Object.fromEntries(copied) };
  if (before < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (before > 0) {
      const history = (existing[revisionHistoryAnnotation] ?? '').split(',').filter((entry) => entry !== '');
      annotations[revisionHistoryAnnotation] = [...history, String(before)].join(',');
    }
  }
  return { ...annotations, ...sizeAnnotations(deployment) };
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = replicasOf(deployment);
  return {
    [desiredReplicasAnnotation]: String(wanted),
    [maxReplicasAnnotation]: String(wanted + strategyOf(deployment).maxSurge),
  };
}

/** The ReplicaSet of the Deployment's current template, as it is created. */
export function newReplicaSet(options: {
  deployment: Deployment;
  replicas: number;
  revision: number;
  collisionCount: number;
}): ReplicaSet {
  const { deployment, replicas, revision } = options;
  const { name, namespace } = deployment.metadata;
  const template = withoutHash(deployment.spec.template);
  const hash = templateHash(template, options.collisionCount);
  const labels = { ...template.metadata?.labels, [podTemplateHashLabel]: hash };
  const { selector } = deployment.spec;
  const minReadySeconds = deployment.spec['minReadySeconds'];
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels,
      annotations: newestAnnotations(deployment, {}, revision),
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas,
      ...(typeof minReadySeconds === 'number' && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [podTemplateHashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** Old, empty sets beyond the history limit, oldest revision first. */
export function surplusSets(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec['revisionHistoryLimit'];
  const keep = typeof limit === 'number' ? limit : 10;
  const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined);
  return alive
    .toSorted((left, right) => revisionOf(left) - revisionOf(right))
    .slice(0, Math.max(0, alive.length - keep))
    .filter((set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0)
    .filter((set) => (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0));
}
