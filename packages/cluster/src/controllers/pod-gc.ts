/** Pod garbage: pods of nodes that no longer exist, those that end before they had one, and finished ones beyond a limit. */

import { keyOf, Pods, type Key, type Pod } from '@towpath/api';
import { createController, requeue, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { markDisrupted } from './disruption-target.ts';
import { isDeleting } from './ownership.ts';
import { isFinished } from './pod-state.ts';
import { NodeType } from './types.ts';

/** Source: Kubernetes, --terminated-pod-gc-threshold and pkg/controller/podgc. */
const finishedPodsMax = 12_500;
const roundMs = 20_000;
/** A node may be away for a moment while its object is made anew. */
const absentNodeGraceMs = 40_000;

const orphaned = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', isLost: true };

export function createPodGarbageController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('pod-garbage-collector');
  const pods = deps.informers.of(Pods);
  const nodes = deps.informers.of(NodeType);
  const absentSince = new Map<string, number>();

  async function reconcile(): Promise<Result> {
    const all = pods.list();
    const finished = all.filter(isFinished).toSorted((left, right) => createdAtMs(left) - createdAtMs(right));
    const surplus = finished.slice(0, Math.max(0, finished.length - finishedPodsMax));
    const lost = homeless(all);
    for (const pod of lost) await markDisrupted(client, pod, orphaned, deps.clock.nowMs());
    // A finalizer keeps them; who waits for their end is told that it has come.
    const unbound = all.filter((pod) => isDeleting(pod) && (pod.spec.nodeName ?? '') === '' && !isFinished(pod));
    for (const pod of unbound) {
      await client.patch(Pods, keyOf(pod), { status: { phase: 'Failed' } }, { kind: 'merge', subresource: 'status' });
    }
    for (const pod of [...surplus, ...lost]) {
      const { uid } = pod.metadata;
      await client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0, ...(uid !== undefined && { uid }) });
    }
    return requeue({ afterMs: roundMs });
  }

  function homeless(all: readonly Pod[]): Pod[] {
    const nowMs = deps.clock.monotonicMs();
    const used = new Set(all.map((pod) => pod.spec.nodeName ?? '').filter((name) => name !== ''));
    for (const name of used) {
      if (nodes.get({ name }) !== undefined) absentSince.delete(name);
      else if (!absentSince.has(name)) absentSince.set(name, nowMs);
    }
    for (const name of absentSince.keys()) if (!used.has(name)) absentSince.delete(name);
    return all.filter((pod) => {
      const since = absentSince.get(pod.spec.nodeName ?? '');
      return since !== undefined && nowMs - since >= absentNodeGraceMs;
    });
  }

  const controller = createController({ name: 'pod-garbage', clock: deps.clock, log: deps.log, reconcile });
  const round: Key = { name: 'round' };
  controller.enqueue(round, roundMs);
  return controller;
}

function createdAtMs(pod: Pod): number {
  return Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
}
