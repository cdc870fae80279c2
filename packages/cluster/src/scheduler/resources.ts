/** How much a pod asks for and what is left on a node. */

import type { Container, Pod } from '@towpath/api';
import { isFinished } from '../controllers/pod-state.ts';
import type { Node } from '../controllers/types.ts';
import { parseQuantity } from './quantity.ts';

export type Amounts = Readonly<Record<string, number>>;

/**
 * The requests of a pod: the containers together with native sidecars, or the largest init container if that is more.
 * Source: Kubernetes documentation, "Resource sharing within containers" of init containers.
 */
export function requestsOf(pod: Pod, missing: Amounts = {}): Record<string, number> {
  const containerRequests = (container: Container): Amounts => ({ ...missing, ...declaredRequests(container) });
  const running: Record<string, number> = {};
  const largest: Record<string, number> = {};
  for (const container of pod.spec.initContainers ?? []) {
    const own = containerRequests(container);
    if (container.restartPolicy === 'Always') add(running, own);
    else
      for (const [name, value] of Object.entries(own)) {
        largest[name] = Math.max(largest[name] ?? 0, value + (running[name] ?? 0));
      }
  }
  for (const container of pod.spec.containers) add(running, containerRequests(container));
  for (const [name, value] of Object.entries(largest)) running[name] = Math.max(running[name] ?? 0, value);
  const overhead = (pod.spec['overhead'] ?? {}) as Record<string, string>;
  for (const [name, value] of Object.entries(overhead)) running[name] = (running[name] ?? 0) + parseQuantity(value);
  return running;
}

/** A limit without a request counts as the request. */
function declaredRequests(container: Container): Record<string, number> {
  const { requests = {}, limits = {} } = container.resources ?? {};
  return Object.fromEntries(
    Object.entries({ ...limits, ...requests }).map(([name, value]) => [name, parseQuantity(value)]),
  );
}

function add(sum: Record<string, number>, amounts: Amounts): void {
  for (const [name, value] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + value;
}

/** What a container counts for that does not say what it needs: a tenth of a core and 200 MiB. */
const assumedRequests: Amounts = { cpu: 0.1, memory: 200 * 1024 ** 2 };

/** The requests of a pod as scores see them. Source: pkg/scheduler/util/pod_resources.go. */
export function requestsForScore(pod: Pod): Record<string, number> {
  return requestsOf(pod, assumedRequests);
}

/** What the unfinished pods of a node count for in scores. */
export function reservedForScore(pods: readonly Pod[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const pod of pods) if (!isFinished(pod)) add(sum, requestsForScore(pod));
  return sum;
}

/** What the unfinished pods of a node have reserved, with `pods` as their number. */
export function reserved(pods: readonly Pod[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const pod of pods) {
    if (isFinished(pod)) continue;
    add(sum, requestsOf(pod));
    sum['pods'] = (sum['pods'] ?? 0) + 1;
  }
  return sum;
}

/** Names of the resources a pod does not fit into; `pods` when the node is full. */
export function shortages(node: Node, taken: Amounts, wanted: Amounts): string[] {
  const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {};
  const lacks = ([name, value]: [string, number]): boolean =>
    value > 0 && value > parseQuantity(allocatable[name]) - (taken[name] ?? 0) + 1e-9;
  const podLimit = parseQuantity(allocatable['pods'] ?? '110');
  const full = (taken['pods'] ?? 0) + 1 > podLimit ? ['pods'] : [];
  return [
    ...full,
    ...Object.entries(wanted)
      .filter(lacks)
      .map(([name]) => name),
  ];
}
