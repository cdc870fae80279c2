/** DaemonSets: one pod on every node that fits. */

import { keyOf, Pods, type Key, type KubeObject, type Pod, type PodTemplate } from '@towpath/api';
import { jsonEqual } from '@towpath/kit';
import { createController, done, requeue, type Controller, type Result } from '@towpath/runtime';
import { nodeAffinityOf } from '../scheduler/placement.ts';
import { planDaemonSet, withDaemonTolerations } from './daemon-plan.ts';
import type { ControllerDeps } from './deps.ts';
import { Expectations } from './expectations.ts';
import { ensureRevision, ownRevisions, revisionHashLabel, trimRevisions } from './history.ts';
import { claimDependents, controllerOf, isDeleting } from './ownership.ts';
import { createPodControl, podFromTemplate, slowStart } from './pod-control.ts';
import { isFinished } from './pod-state.ts';
import { ControllerRevisionType, DaemonSetType, NodeType, type DaemonSet, type Node } from './types.ts';

const generationLabel = 'pod-template-generation';
/** A failed pod is replaced, but not in a tight loop. */
const failedPodDelayMs = 1000;

/** Source: Kubernetes pkg/controller/daemon. */
export function createDaemonSetController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('daemonset-controller');
  const informer = deps.informers.of(DaemonSetType);
  const pods = deps.informers.of(Pods);
  const nodes = deps.informers.of(NodeType);
  const revisions = deps.informers.of(ControllerRevisionType);
  const expectations = new Expectations({ informer: pods, clock: deps.clock });
  const recorder = deps.recorderFor('daemonset-controller');
  const control = createPodControl({ client, recorder });

  async function reconcile(key: Key): Promise<Result> {
    const set = informer.get(key);
    const uid = set?.metadata.uid ?? '';
    if (set === undefined || isDeleting(set) || !expectations.met(uid)) return done();
    const candidates = deps.podsByOwner.get(uid);
    const claimed = await claimDependents({
      client,
      type: Pods,
      owner: set,
      selector: set.spec.selector,
      candidates,
    });
    const known = ownRevisions(set, revisions.list());
    const revision = await ensureRevision(client, set, known);
    const hash = revision.metadata.labels?.[revisionHashLabel] ?? '';
    const plan = planDaemonSet(set, { nodes: nodes.list(), pods: claimed, hash, nowMs: deps.clock.nowMs() });
    for (const event of plan.events) void recorder.event(set, event);
    for (const pod of plan.deletions) {
      await control.delete(set, pod);
      expectations.deleted(uid, pod);
    }
    await slowStart(plan.creations.length, async (index) => {
      const pod = daemonPod(set, plan.creations[index] ?? '', hash);
      expectations.created(uid, await control.create(set, pod));
    });
    if (!jsonEqual(plan.status, set.status ?? {})) {
      await client.updateStatus(DaemonSetType, { ...set, status: plan.status });
    }
    const hashes = new Set(claimed.map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? ''));
    const inUse = known.filter(({ metadata }) => hashes.has(metadata.labels?.[revisionHashLabel] ?? ''));
    await trimRevisions(client, set, known, new Set([...inUse, revision].map(({ metadata }) => metadata.name)));
    if (plan.deletions.some(isFinished)) return requeue({ afterMs: failedPodDelayMs });
    return plan.waitMs === undefined ? done() : requeue({ afterMs: plan.waitMs });
  }

  const controller = createController({ name: 'daemonset', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(informer, (set) => [keyOf(set)]);
  controller.watch(pods, ownerKeys);
  controller.watch(revisions, ownerKeys);
  nodes.onChange((event) => {
    if (event.previous !== undefined && samePlacement(event.previous, event.object)) return;
    for (const set of informer.list()) controller.enqueue(keyOf(set));
  });
  return controller;
}

function ownerKeys(object: KubeObject): Key[] {
  const owner = controllerOf(object);
  const { namespace } = object.metadata;
  return owner?.kind === 'DaemonSet' && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
}

function samePlacement(left: Node, right: Node): boolean {
  return jsonEqual(left.metadata.labels, right.metadata.labels) && jsonEqual(left.spec, right.spec);
}

/** The pod for one node: bound by the scheduler through an affinity to the node's name. */
function daemonPod(set: DaemonSet, nodeName: string, hash: string): Pod {
  const labels = { [revisionHashLabel]: hash, [generationLabel]: String(set.metadata.generation ?? 1) };
  const template: PodTemplate = { ...set.spec.template, spec: withDaemonTolerations(set.spec.template.spec) };
  const pod = podFromTemplate({ owner: set, template, labels });
  const affinity = (pod.spec['affinity'] ?? {}) as Record<string, unknown>;
  const nodeAffinity = nodeAffinityOf(pod.spec);
  const field = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
  pod.spec['affinity'] = {
    ...affinity,
    nodeAffinity: {
      ...nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((term) => ({ ...term, matchFields: [...(term.matchFields ?? []), field] })),
      },
    },
  };
  return pod;
}
