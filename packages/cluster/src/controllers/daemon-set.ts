/** DaemonSets: one pod on every node that fits. */

import { keyOf, Pods, type Key, type KubeObject, type Pod, type PodSpec, type PodTemplate } from '@towpath/api';
import { jsonEqual } from '@towpath/kit';
import { createController, done, requeue, type Controller, type Result } from '@towpath/runtime';
import { matchesNode, nodeAffinityOf, taintsOf, tolerationsOf, untolerated } from '../scheduler/placement.ts';
import { resolve } from './deployment/numbers.ts';
import type { ControllerDeps } from './deps.ts';
import { Expectations } from './expectations.ts';
import { ensureRevision, ownRevisions, revisionHashLabel, trimRevisions } from './history.ts';
import { claimDependents, controllerOf, isDeleting } from './ownership.ts';
import { createPodControl, podFromTemplate, slowStart } from './pod-control.ts';
import { isAvailable, isFinished, isReady, readySinceMs } from './pod-state.ts';
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

interface DaemonObserved {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** The hash of the current template's revision. */
  readonly hash: string;
  readonly nowMs: number;
}

interface DaemonPlan {
  /** Names of nodes that need a pod. */
  readonly creations: readonly string[];
  readonly deletions: readonly Pod[];
  readonly status: NonNullable<DaemonSet['status']>;
  /** When a pod that is ready becomes available. */
  readonly waitMs: number | undefined;
}

/** Pure: which nodes lack a pod, which pods go, and the counts. */
function planDaemonSet(set: DaemonSet, observed: DaemonObserved): DaemonPlan {
  const { nodes, pods, nowMs } = observed;
  const spec = withDaemonTolerations(set.spec.template.spec);
  const byNode = groupByNode(pods);
  const creations: string[] = [];
  const deletions: Pod[] = [];
  const counted: Pod[] = [];
  let desired = 0;
  let misscheduled = 0;
  for (const node of nodes) {
    const here = byNode.get(node.metadata.name) ?? [];
    const live = here.filter((pod) => !isFinished(pod) && !isDeleting(pod));
    deletions.push(...here.filter((pod) => isFinished(pod) && !isDeleting(pod)));
    const fits = matchesNode(spec, node);
    const shouldRun = fits && untolerated(spec, taintsOf(node), ['NoSchedule', 'NoExecute']) === undefined;
    const mayStay = fits && untolerated(spec, taintsOf(node), ['NoExecute']) === undefined;
    if (shouldRun) desired++;
    if (shouldRun && here.length === 0) creations.push(node.metadata.name);
    if (!mayStay) deletions.push(...live);
    else deletions.push(...live.slice(1));
    if (!shouldRun && live.length > 0) misscheduled++;
    const first = live[0];
    if (first !== undefined && shouldRun) counted.push(first);
  }
  deletions.push(...planDaemonUpdate(set, observed, counted, desired));
  const status = daemonStatus(set, observed, { desired, misscheduled, counted });
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000;
  const waits = counted
    .map((pod) => (readySinceMs(pod) ?? -Infinity) + minReadyMs - nowMs)
    .filter((waitMs) => waitMs > 0);
  return { creations, deletions, status, waitMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) groups.set(nodeNameOf(pod), [...(groups.get(nodeNameOf(pod)) ?? []), pod]);
  return groups;
}

/** Outdated pods that may go now: all unavailable ones, then as many as maxUnavailable leaves. */
function planDaemonUpdate(set: DaemonSet, observed: DaemonObserved, counted: readonly Pod[], desired: number): Pod[] {
  if (set.spec.updateStrategy?.type === 'OnDelete') return [];
  const minReady = set.spec.minReadySeconds ?? 0;
  const available = (pod: Pod): boolean => isAvailable(pod, minReady, observed.nowMs);
  const limit = set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const allowed = Math.max(1, resolve(limit, desired, Math.ceil));
  const outdated = counted.filter((pod) => pod.metadata.labels?.[revisionHashLabel] !== observed.hash);
  const broken = outdated.filter((pod) => !available(pod));
  const room = allowed - (desired - counted.filter(available).length);
  return [...broken, ...outdated.filter(available).slice(0, Math.max(0, room))];
}

function daemonStatus(
  set: DaemonSet,
  observed: DaemonObserved,
  counts: { desired: number; misscheduled: number; counted: readonly Pod[] },
): NonNullable<DaemonSet['status']> {
  const { desired, misscheduled, counted } = counts;
  const minReady = set.spec.minReadySeconds ?? 0;
  const available = counted.filter((pod) => isAvailable(pod, minReady, observed.nowMs)).length;
  const updated = counted.filter((pod) => pod.metadata.labels?.[revisionHashLabel] === observed.hash).length;
  return {
    currentNumberScheduled: counted.length,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: counted.filter(isReady).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 && { updatedNumberScheduled: updated }),
    ...(available > 0 && { numberAvailable: available }),
    ...(desired > available && { numberUnavailable: desired - available }),
    ...(set.status?.collisionCount !== undefined && { collisionCount: set.status.collisionCount }),
  };
}

/** The node a pod runs on or, before it is bound, is meant for. */
function nodeNameOf(pod: Pod): string {
  if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== '') return pod.spec.nodeName;
  const terms = nodeAffinityOf(pod.spec)?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

function withDaemonTolerations(spec: PodSpec): PodSpec {
  const added = [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
    { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
  ];
  return { ...spec, tolerations: [...tolerationsOf(spec), ...added] };
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
