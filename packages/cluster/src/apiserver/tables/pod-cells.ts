/** The row of a pod, whose status is worked out from its containers. Source: pkg/printers/internalversion, printPod. */

import type { AnyObject } from '@towpath/api';
import { isRecord, type UnknownRecord } from '@towpath/kit';
import { ageOf } from './age.ts';
import { at, hasCondition, records, text } from './cells.ts';

interface Tally {
  readonly reason: string;
  readonly ready: number;
  readonly restarts: number;
  /** When a container last ended before it was restarted. */
  readonly restartedAt: string;
}

/** Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates. */
export function podCells(pod: AnyObject, nowMs: number): unknown[] {
  const sidecars = new Set(
    records(pod, 'spec.initContainers')
      .filter((container) => container['restartPolicy'] === 'Always')
      .map((container) => container['name']),
  );
  const total = records(pod, 'spec.containers').length + sidecars.size;
  const { reason, ready, restarts, restartedAt } = tallyOf(pod, sidecars);
  const restartsText =
    restarts > 0 && restartedAt !== '' ? `${restarts} (${ageOf(restartedAt, nowMs)} ago)` : String(restarts);
  return [
    pod.metadata.name,
    `${ready}/${total}`,
    finalReason(pod, reason),
    restartsText,
    ageOf(pod.metadata.creationTimestamp, nowMs),
    text(records(pod, 'status.podIPs')[0], 'ip', text(pod, 'status.podIP', '<none>')),
    text(pod, 'spec.nodeName', '<none>'),
    text(pod, 'status.nominatedNodeName', '<none>'),
    gatesText(pod),
  ];
}

function tallyOf(pod: AnyObject, sidecars: ReadonlySet<unknown>): Tally {
  let reason = text(pod, 'status.reason', text(pod, 'status.phase'));
  const gated = records(pod, 'status.conditions').some(
    (condition) => condition['type'] === 'PodScheduled' && condition['reason'] === 'SchedulingGated',
  );
  if (gated) reason = 'SchedulingGated';
  const init = initTally(pod, sidecars);
  if (init.reason !== undefined && !hasCondition(pod, 'Initialized')) {
    return { reason: init.reason, ready: init.ready, restarts: init.restarts, restartedAt: init.restartedAt };
  }
  return mainTally(pod, init.reason ?? reason, init);
}

interface InitTally {
  /** Set while initialisation is not over. */
  readonly reason: string | undefined;
  readonly ready: number;
  readonly restarts: number;
  readonly restartedAt: string;
  readonly sidecarRestarts: number;
  readonly sidecarRestartedAt: string;
}

function initTally(pod: AnyObject, sidecars: ReadonlySet<unknown>): InitTally {
  let [ready, restarts, restartedAt, sidecarRestarts, sidecarRestartedAt] = [0, 0, '', 0, ''];
  let reason: string | undefined;
  const all = records(pod, 'spec.initContainers').length;
  for (const [index, status] of records(pod, 'status.initContainerStatuses').entries()) {
    const isSidecar = sidecars.has(status['name']);
    restarts += Number(status['restartCount'] ?? 0);
    restartedAt = later(restartedAt, text(status, 'lastState.terminated.finishedAt'));
    if (isSidecar) {
      sidecarRestarts += Number(status['restartCount'] ?? 0);
      sidecarRestartedAt = later(sidecarRestartedAt, text(status, 'lastState.terminated.finishedAt'));
    }
    const terminated = at(status, 'state.terminated');
    if (isRecord(terminated) && terminated['exitCode'] === 0) continue;
    if (isSidecar && status['started'] === true) {
      if (status['ready'] === true) ready++;
      continue;
    }
    const waiting = text(status, 'state.waiting.reason');
    if (isRecord(terminated)) reason = `Init:${endReason(terminated)}`;
    else reason = waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${all}`;
    break;
  }
  return { reason, ready, restarts, restartedAt, sidecarRestarts, sidecarRestartedAt };
}

function mainTally(pod: AnyObject, initialReason: string, init: InitTally): Tally {
  let reason = initialReason;
  let { ready } = init;
  let restarts = init.sidecarRestarts;
  let restartedAt = init.sidecarRestartedAt;
  let hasRunning = false;
  for (const status of records(pod, 'status.containerStatuses').toReversed()) {
    restarts += Number(status['restartCount'] ?? 0);
    restartedAt = later(restartedAt, text(status, 'lastState.terminated.finishedAt'));
    const waiting = text(status, 'state.waiting.reason');
    const terminated = at(status, 'state.terminated');
    if (waiting !== '') reason = waiting;
    else if (isRecord(terminated)) reason = endReason(terminated);
    else if (status['ready'] === true && isRecord(at(status, 'state.running'))) {
      hasRunning = true;
      ready++;
    }
  }
  if (reason === 'Completed' && hasRunning) reason = hasCondition(pod, 'Ready') ? 'Running' : 'NotReady';
  return { reason, ready, restarts, restartedAt };
}

function later(left: string, right: string): string {
  if (right === '') return left;
  return left === '' || Date.parse(right) > Date.parse(left) ? right : left;
}

function endReason(terminated: UnknownRecord): string {
  const { reason, signal, exitCode } = terminated;
  if (typeof reason === 'string' && reason !== '') return reason;
  return typeof signal === 'number' && signal !== 0 ? `Signal:${signal}` : `ExitCode:${String(exitCode ?? 0)}`;
}

function finalReason(pod: AnyObject, reason: string): string {
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  if (at(pod, 'status.reason') === 'NodeLost') return 'Unknown';
  const phase = at(pod, 'status.phase');
  return phase === 'Succeeded' || phase === 'Failed' ? reason : 'Terminating';
}

function gatesText(pod: AnyObject): string {
  const gates = records(pod, 'spec.readinessGates');
  if (gates.length === 0) return '<none>';
  const open = gates.filter((gate) => hasCondition(pod, String(gate['conditionType'])));
  return `${open.length}/${gates.length}`;
}
