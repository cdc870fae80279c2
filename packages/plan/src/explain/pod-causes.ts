/** Causes in pods: images, crashes, probes, places. */

import type { AnyObject, Event } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { maskText } from '../mask.ts';
import type { Finding, Proof } from './explanation.ts';
import { conditionsOf, eventsOf, nameOf, numberAt, recordsAt, textAt, type Snapshot } from './snapshot.ts';

export function podFindings(snapshot: Snapshot, pod: AnyObject): Finding[] {
  if (pod.kind !== 'Pod' || pod.metadata.deletionTimestamp !== undefined) return [];
  const statuses = [
    ...recordsAt(pod, ['status', 'initContainerStatuses']),
    ...recordsAt(pod, ['status', 'containerStatuses']),
  ];
  for (const status of statuses) {
    const found = containerFinding(snapshot, pod, status);
    if (found !== undefined) return [found];
  }
  return unscheduled(pod) ?? unready(snapshot, pod) ?? [];
}

const pullReasons =
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|ImageInspectError|RegistryUnavailable)$/;
const configReasons = /^(CreateContainerConfigError|CreateContainerError|RunContainerError|StartError)$/;

function containerFinding(snapshot: Snapshot, pod: AnyObject, status: Record<string, unknown>): Finding | undefined {
  const name = String(status['name']);
  const reason = textAt(status, ['state', 'waiting', 'reason']) ?? '';
  const message = maskText(textAt(status, ['state', 'waiting', 'message']) ?? '');
  const proof: Proof = {
    object: nameOf(pod),
    field: `status.containerStatuses[${name}].state.waiting`,
    text: `${reason}: ${message}`,
  };
  if (pullReasons.test(reason)) {
    const pulled = eventsOf(snapshot, pod).find(
      (event) => event.reason === 'Failed' && /pull/i.test(event.message ?? ''),
    );
    return finding(pod, {
      cause: 'image-pull',
      sentence: `${place(pod)}: the image ${String(status['image'])} of container ${name} cannot be pulled`,
      evidence: [proof, ...eventProof(pod, pulled)],
      next: 'push the image, or correct its name, tag or pull secret',
    });
  }
  if (configReasons.test(reason)) {
    return finding(pod, {
      cause: 'container-config',
      sentence: `${place(pod)}: container ${name} cannot be created: ${message}`,
      evidence: [proof],
      next: 'create what the message names, or correct the reference',
    });
  }
  const restarts = numberAt(status, ['restartCount']) ?? 0;
  const exit =
    numberAt(status, ['lastState', 'terminated', 'exitCode']) ?? numberAt(status, ['state', 'terminated', 'exitCode']);
  const isFailing =
    reason === 'CrashLoopBackOff' || (restarts > 1 && status['ready'] !== true && exit !== undefined && exit !== 0);
  return isFailing ? crashFinding(snapshot, pod, { name, restarts, exit, proof }) : undefined;
}

function crashFinding(
  snapshot: Snapshot,
  pod: AnyObject,
  seen: { name: string; restarts: number; exit: number | undefined; proof: Proof },
): Finding {
  const { name, restarts, exit, proof } = seen;
  const log = snapshot.logs.get(`${pod.metadata.namespace ?? ''}/${pod.metadata.name}/${name}`) ?? '';
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((each) => /error|exception|fatal|panic|cannot|failed/i.test(each)) ?? lines.at(-1);
  const isMemory = recordsAt(pod, ['status', 'containerStatuses']).some(
    (status) => textAt(status, ['lastState', 'terminated', 'reason']) === 'OOMKilled',
  );
  const killed = eventsOf(snapshot, pod).find(
    (event) => event.reason === 'Unhealthy' && /liveness/i.test(event.message ?? ''),
  );
  return finding(pod, {
    cause: isMemory ? 'out-of-memory' : 'crash-loop',
    sentence: `${place(pod)}: container ${name} ends with exit code ${exit ?? 'unknown'} again and again (${restarts} restarts)${isMemory ? ': it was out of memory' : ''}`,
    evidence: [
      proof,
      ...(line === undefined ? [] : [{ object: nameOf(pod), field: `log of ${name}, last run`, text: maskText(line) }]),
      ...eventProof(pod, killed),
    ],
    next: isMemory
      ? 'raise its memory limit'
      : `read its log: kubectl -n ${pod.metadata.namespace ?? ''} logs ${pod.metadata.name} -c ${name} --previous`,
  });
}

function unscheduled(pod: AnyObject): Finding[] | undefined {
  const condition = conditionsOf(pod).find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (condition === undefined) return undefined;
  const text = `${condition.reason ?? ''}: ${condition.message ?? ''}`;
  return [
    finding(pod, {
      cause: 'unschedulable',
      sentence: `${place(pod)}: no node takes it`,
      evidence: [{ object: nameOf(pod), field: 'status.conditions[PodScheduled]', text }],
      next: 'lower its requests, or add what the message says is missing',
    }),
  ];
}

/** A pod that only just started fails no probe yet, or has no event of it. */
function unready(snapshot: Snapshot, pod: AnyObject): Finding[] | undefined {
  if (getIn(pod, ['status', 'phase']) !== 'Running') return undefined;
  const ready = conditionsOf(pod).find(({ type }) => type === 'Ready');
  const failing = eventsOf(snapshot, pod).find(
    (event) => event.reason === 'Unhealthy' && /readiness|startup/i.test(event.message ?? ''),
  );
  if (ready?.status !== 'False' || failing === undefined) return undefined;
  return [
    finding(pod, {
      cause: 'readiness',
      sentence: `${place(pod)}: it runs, but its readiness probe never succeeds`,
      evidence: [
        ...eventProof(pod, failing),
        {
          object: nameOf(pod),
          field: 'status.conditions[Ready]',
          text: `${ready.reason ?? ''}: ${ready.message ?? ''}`,
        },
      ],
      next: 'compare the probe (path, port) with what the program serves, and read its log',
    }),
  ];
}

function eventProof(pod: AnyObject, event: Event | undefined): Proof[] {
  return event === undefined
    ? []
    : [{ object: nameOf(pod), field: `event ${event.reason ?? ''}`, text: maskText(event.message ?? '') }];
}

function place({ metadata }: AnyObject): string {
  return `Pod ${metadata.namespace ?? ''}/${metadata.name}`;
}

function finding(pod: AnyObject, seen: Pick<Finding, 'cause' | 'sentence' | 'evidence' | 'next'>): Finding {
  return { stage: 'pod', object: nameOf(pod), ...seen };
}
