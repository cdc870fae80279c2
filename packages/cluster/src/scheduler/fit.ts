/** Choosing a node for a pod: filters with Kubernetes' reasons, then a score. Pure. */

import type { Pod } from '@towpath/api';
import { isFinished } from '../controllers/pod-state.ts';
import { matchesNode, taintsOf, untolerated } from './placement.ts';
import { notNear, whyNotNear } from './pod-affinity.ts';
import { requestsOf, reserved, shortages } from './resources.ts';
import { bestOf } from './score.ts';
import { missingTopology, whyNotSpread } from './spread.ts';
import type { NodeState, SchedulingView } from './view.ts';

export type Choice =
  | { readonly type: 'node'; readonly name: string }
  | { readonly type: 'none'; readonly message: string };

/** Chooses the best of the nodes that fit, or says what keeps the pod away from each. */
export function chooseNode(pod: Pod, view: SchedulingView): Choice {
  const obstacles = view.states.map((state) => ({ state, obstacle: obstacleOf(pod, state, view) }));
  const fitting = obstacles.filter(({ obstacle }) => obstacle === undefined).map(({ state }) => state);
  const best = bestOf(pod, fitting, view);
  if (best !== undefined) return { type: 'node', name: best.node.metadata.name };
  const found = obstacles.flatMap(({ obstacle }) => obstacle ?? []);
  const total = view.states.length;
  if (total === 0) return { type: 'none', message: 'no nodes available to schedule pods' };
  const heads = found.map(({ isHopeless }) => (isHopeless ? hopeless : noVictims));
  const why = tell(
    total,
    found.flatMap(({ reasons }) => reasons),
  );
  return { type: 'none', message: `${why} no new claims to deallocate, preemption: ${tell(total, heads)}` };
}

/** What is said of nodes that preemption would not open, and of those where nobody can be preempted. */
const hopeless = 'Preemption is not helpful for scheduling';
const noVictims = 'No preemption victims found for incoming pod';

function tell(total: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const listed = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${total} nodes are available: ${listed.join(', ')}.`;
}

interface Obstacle {
  readonly reasons: readonly string[];
  /** True when it stays with all other pods gone. */
  readonly isHopeless: boolean;
}

/** Filters run in this order and the first that fails counts. Source: Kubernetes pkg/scheduler/framework/plugins. */
function obstacleOf(pod: Pod, { node, pods }: NodeState, view: SchedulingView): Obstacle | undefined {
  const { spec } = pod;
  const stays = (reason: string): Obstacle => ({ reasons: [reason], isHopeless: true });
  const taint = untolerated(spec, taintsOf(node), ['NoSchedule', 'NoExecute']);
  if (taint?.key === 'node.kubernetes.io/unschedulable') return stays('node(s) were unschedulable');
  if (taint !== undefined) return stays('node(s) had untolerated taint(s)');
  if (!matchesNode(spec, node)) return stays("node(s) didn't match Pod's node affinity/selector");
  if (hasPortConflict(pod, pods)) {
    return { reasons: ["node(s) didn't have free ports for the requested pod ports"], isHopeless: false };
  }
  const wanted = requestsOf(pod);
  const lacking = shortages(node, reserved(pods), wanted);
  if (lacking.length > 0) {
    const reasons = lacking.map((name) => (name === 'pods' ? 'Too many pods' : `Insufficient ${name}`));
    return { reasons, isHopeless: shortages(node, {}, wanted).length > 0 };
  }
  const why = whyNotSpread(pod, node, view) ?? whyNotNear(pod, node, view);
  return why === undefined ? undefined : { reasons: [why], isHopeless: [missingTopology, notNear].includes(why) };
}

/** Builtins and process pods bind nothing on the host, but two pods may still ask for one host port. */
function hasPortConflict(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod);
  return (
    wanted.length > 0 &&
    others.some((other) => !isFinished(other) && hostPorts(other).some((port) => wanted.includes(port)))
  );
}

function hostPorts(pod: Pod): string[] {
  return pod.spec.containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort !== undefined && port.hostPort > 0)
    .map((port) => `${port.protocol ?? 'TCP'}/${port.hostPort}`);
}
