/** StatefulSets: numbered pods with stable names and claims, brought up and updated in order. */

import { keyOf, Pods, type AnyObject, type Key, type KubeObject, type Pod, type PodTemplate } from '@towpath/api';
import { jsonEqual } from '@towpath/kit';
import {
  createController,
  done,
  isAlreadyExists,
  requeue,
  type Client,
  type Controller,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { Expectations } from './expectations.ts';
import { ensureRevision, ownRevisions, podTemplateOf, revisionHashLabel, trimRevisions } from './history.ts';
import { claimDependents, controllerOf, isDeleting } from './ownership.ts';
import { createPodControl, podFromTemplate, type PodControl, type PodMessages } from './pod-control.ts';
import { readySinceMs } from './pod-state.ts';
import { ordinalOf, planStatefulSet, type StatefulAction } from './stateful-set-plan.ts';
import {
  ControllerRevisionType,
  PersistentVolumeClaimType,
  StatefulSetType,
  type ControllerRevision,
  type StatefulSet,
} from './types.ts';

const messages: PodMessages = {
  created: (pod, owner) => `create Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} successful`,
  createFailed: (error, pod, owner) =>
    `create Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} failed error: ${error}`,
  deleted: (pod, owner) => `delete Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} successful`,
  deleteFailed: (error, pod, owner) =>
    `delete Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} failed error: ${error}`,
};

/** Source: Kubernetes pkg/controller/statefulset. */
export function createStatefulSetController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('statefulset-controller');
  const recorder = deps.recorderFor('statefulset-controller');
  const informer = deps.informers.of(StatefulSetType);
  const pods = deps.informers.of(Pods);
  const revisions = deps.informers.of(ControllerRevisionType);
  const expectations = new Expectations({ informer: pods, clock: deps.clock });
  const control = createPodControl({ client, recorder, messages });

  async function reconcile(key: Key): Promise<Result> {
    const set = informer.get(key);
    if (set === undefined || isDeleting(set) || !expectations.met(set.metadata.uid ?? '')) return done();
    const candidates = deps.podsByOwner.get(set.metadata.uid ?? '');
    const claim = { client, type: Pods, owner: set, selector: set.spec.selector, candidates };
    const claimed = (await claimDependents(claim)).filter((pod) => ordinalOf(set, pod) !== undefined);
    const known = ownRevisions(set, revisions.list());
    const update = await ensureRevision(client, set, known);
    const current = known.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
    const nowMs = deps.clock.nowMs();
    const names = { currentRevision: current.metadata.name, updateRevision: update.metadata.name };
    const plan = planStatefulSet(set, { pods: claimed, ...names, nowMs });
    for (const action of plan.actions) await act({ client, control, expectations, set, action, current, update });
    if (!jsonEqual(plan.status, set.status ?? {})) {
      await client.updateStatus(StatefulSetType, { ...set, status: plan.status });
    }
    const inUse = new Set(claimed.map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? ''));
    inUse.add(names.currentRevision).add(names.updateRevision);
    await trimRevisions(client, set, known, inUse);
    return untilAvailable(set, claimed, nowMs);
  }

  const controller = createController({ name: 'statefulset', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(informer, (set) => [keyOf(set)]);
  controller.watch(pods, (pod) => ownerKeys(pod));
  controller.watch(revisions, (revision) => ownerKeys(revision));
  return controller;
}

function ownerKeys(object: KubeObject): Key[] {
  const owner = controllerOf(object);
  const { namespace } = object.metadata;
  return owner?.kind === 'StatefulSet' && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
}

function untilAvailable(set: StatefulSet, pods: readonly Pod[], nowMs: number): Result {
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000;
  const waits = pods
    .map((pod) => (readySinceMs(pod) ?? nowMs - minReadyMs) + minReadyMs - nowMs)
    .filter((waitMs) => waitMs > 0);
  return waits.length === 0 ? done() : requeue({ afterMs: Math.min(...waits) });
}

async function act(options: {
  client: Client;
  control: PodControl;
  expectations: Expectations;
  set: StatefulSet;
  action: StatefulAction;
  current: ControllerRevision;
  update: ControllerRevision;
}): Promise<void> {
  const { client, control, expectations, set, action } = options;
  const uid = set.metadata.uid ?? '';
  if (action.type === 'delete') {
    await control.delete(set, action.pod);
    expectations.deleted(uid, action.pod);
    return;
  }
  const revision = action.revision === 'current' ? options.current : options.update;
  await createClaims(client, set, action.ordinal);
  const pod = statefulPod(set, podTemplateOf(revision, set.spec.template), action.ordinal, revision.metadata.name);
  try {
    expectations.created(uid, await control.create(set, pod));
  } catch (error) {
    // The old pod of that name is still on its way out: its deletion brings us back.
    if (!isAlreadyExists(error)) throw error;
  }
}

async function createClaims(client: Client, set: StatefulSet, ordinal: number): Promise<void> {
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const { namespace } = set.metadata;
    const name = claimName(set, template, ordinal);
    const claim: AnyObject = {
      ...template,
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        ...(namespace !== undefined && { namespace }),
        labels: { ...set.spec.selector.matchLabels, ...template.metadata.labels },
      },
    };
    delete claim['status'];
    try {
      await client.create(PersistentVolumeClaimType, claim);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

function claimName(set: StatefulSet, template: AnyObject, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

/** The pod of an ordinal: stable name, host name, claims. */
function statefulPod(set: StatefulSet, template: PodTemplate, ordinal: number, revision: string): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const labels = {
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionHashLabel]: revision,
    'statefulset.kubernetes.io/pod-name': name,
  };
  const pod = podFromTemplate({ owner: set, template, name, labels });
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claim) => ({
    name: claim.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, claim, ordinal) },
  }));
  const claimed = new Set(claims.map((claim) => claim.name));
  const others = (pod.spec.volumes ?? []).filter((volume) => !claimed.has(String(volume['name'])));
  const volumes = [...claims, ...others];
  if (volumes.length > 0) pod.spec.volumes = volumes;
  pod.spec['hostname'] = name;
  if (set.spec.serviceName !== undefined && set.spec.serviceName !== '') pod.spec['subdomain'] = set.spec.serviceName;
  return pod;
}
