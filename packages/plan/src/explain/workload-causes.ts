/** Causes that a workload itself tells: what its pods could not say because there are none. */

import type { AnyObject } from '@towpath/api';
import type { Finding } from './explanation.ts';
import { conditionsOf, nameOf, nameText, numberAt, type Snapshot } from './snapshot.ts';

const kinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

export function isWorkload({ kind }: AnyObject): boolean {
  return kinds.has(kind);
}

export function workloadFindings(_snapshot: Snapshot, object: AnyObject): Finding[] {
  if (!isWorkload(object)) return [];
  const failed = conditionsOf(object).find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (failed !== undefined) {
    const text = `${failed.reason ?? ''}: ${failed.message ?? ''}`;
    const isQuota = /exceeded quota/.test(text);
    return [
      {
        cause: isQuota ? 'quota' : 'pods-refused',
        stage: 'workload',
        object: nameOf(object),
        sentence: `${nameText(nameOf(object))}: its pods cannot be created`,
        evidence: [{ object: nameOf(object), field: 'status.conditions[ReplicaFailure]', text }],
        next: isQuota ? 'raise the quota, or lower the requests' : 'correct what the message names',
      },
    ];
  }
  const { wanted, ready } = readiness(object);
  if (ready >= wanted) return [];
  const late = conditionsOf(object).find(({ reason }) => reason === 'ProgressDeadlineExceeded');
  return [
    {
      cause: 'not-ready-in-time',
      stage: 'workload',
      object: nameOf(object),
      sentence: `${nameText(nameOf(object))}: ${ready} of ${wanted} pods are ready`,
      evidence: [{ object: nameOf(object), field: 'status', text: late?.message ?? `${ready} of ${wanted} ready` }],
      next: 'look at its pods',
      isConsequence: true,
    },
  ];
}

export function readiness(object: AnyObject): { wanted: number; ready: number } {
  const wanted =
    object.kind === 'DaemonSet'
      ? (numberAt(object, ['status', 'desiredNumberScheduled']) ?? 0)
      : (numberAt(object, ['spec', 'replicas']) ?? 1);
  const ready = numberAt(object, ['status', object.kind === 'DaemonSet' ? 'numberReady' : 'readyReplicas']) ?? 0;
  return { wanted, ready };
}
