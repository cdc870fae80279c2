/**
 * From usage to a number of replicas. Pure; the table in replicas.test.ts is its specification.
 * Source: Kubernetes pkg/controller/podautoscaler/replica_calculator.go (behaviour and texts).
 */

import type { Pod } from '@towpath/api';

/** What one pod uses: CPU in thousandths of a core, memory in thousandths of a byte. */
export interface PodUsage {
  readonly milli: number;
  readonly atMs: number;
  readonly windowMs: number;
}

export interface UsageInput {
  readonly currentReplicas: number;
  readonly pods: readonly Pod[];
  /** By name of the pod; pods without figures are missing. */
  readonly usage: ReadonlyMap<string, PodUsage>;
  readonly resource: string;
  readonly nowMs: number;
}

export interface Proposal {
  readonly replicas: number;
  /** Per pod, of those with figures. */
  readonly averageMilli: number;
  /** Of the requests, in percent; only for a target of that kind. */
  readonly utilizationPercent?: number;
}

/** Changes below this share are not worth a rescale. */
const tolerance = 0.1;
/** Flags of kube-controller-manager: after a start, figures of CPU are of the start. */
const cpuInitializationMs = 5 * 60_000;
const initialReadinessDelayMs = 30_000;

/** For a target in percent of the requests; `requestsMilli` by name of the pod. Throws an Error with Kubernetes' text. */
export function proposeByUtilization(
  input: UsageInput,
  target: { percent: number; requestsMilli: ReadonlyMap<string, number> },
): Proposal {
  const { percent, requestsMilli } = target;
  const ratioOf = (usage: ReadonlyMap<string, number>): Ratio => {
    let used = 0;
    let requested = 0;
    let count = 0;
    for (const [name, milli] of usage) {
      const request = requestsMilli.get(name);
      if (request === undefined) continue;
      used += milli;
      requested += request;
      count++;
    }
    if (requested === 0) throw new Error('no metrics returned matched known pods');
    const utilizationPercent = Math.trunc((used * 100) / requested);
    return { ratio: utilizationPercent / percent, averageMilli: Math.trunc(used / count), utilizationPercent };
  };
  // Pods without figures are taken for fully busy when the number is to go down.
  const missingMilli = (name: string): number =>
    Math.trunc(((requestsMilli.get(name) ?? 0) * Math.max(100, percent)) / 100);
  return propose(input, { ratioOf, missingMilli });
}

/** For a target in absolute figures per pod. Throws an Error with Kubernetes' text. */
export function proposeByValue(input: UsageInput, targetMilli: number): Proposal {
  const ratioOf = (usage: ReadonlyMap<string, number>): Ratio => {
    const averageMilli = Math.trunc([...usage.values()].reduce((sum, milli) => sum + milli, 0) / usage.size);
    return { ratio: averageMilli / targetMilli, averageMilli };
  };
  return propose(input, { ratioOf, missingMilli: () => targetMilli });
}

interface Ratio {
  readonly ratio: number;
  readonly averageMilli: number;
  readonly utilizationPercent?: number;
}

interface Method {
  readonly ratioOf: (usage: ReadonlyMap<string, number>) => Ratio;
  /** What a pod without figures counts as when the number is to go down. */
  readonly missingMilli: (pod: string) => number;
}

function propose(input: UsageInput, { ratioOf, missingMilli }: Method): Proposal {
  const { currentReplicas, pods } = input;
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  const { ready, unready, missing } = groupPods(input);
  const counted = new Map(ready.map((name) => [name, input.usage.get(name)?.milli ?? 0]));
  if (counted.size === 0) {
    throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  }
  const { ratio, ...measured } = ratioOf(counted);
  const stay = { ...measured, replicas: currentReplicas };
  const isUpWithUnready = unready.length > 0 && ratio > 1;
  if (!isUpWithUnready && missing.length === 0) {
    return isWithin(ratio) ? stay : { ...measured, replicas: Math.ceil(ratio * ready.length) };
  }
  if (ratio < 1) for (const name of missing) counted.set(name, missingMilli(name));
  if (ratio > 1) for (const name of missing) counted.set(name, 0);
  if (isUpWithUnready) for (const name of unready) counted.set(name, 0);
  const again = ratioOf(counted).ratio;
  if (isWithin(again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) return stay;
  const replicas = Math.ceil(again * counted.size);
  const turnsRound = (again < 1 && replicas > currentReplicas) || (again > 1 && replicas < currentReplicas);
  return turnsRound ? stay : { ...measured, replicas };
}

function isWithin(ratio: number): boolean {
  return ratio >= 1 - tolerance && ratio <= 1 + tolerance;
}

interface Groups {
  readonly ready: readonly string[];
  readonly unready: readonly string[];
  readonly missing: readonly string[];
}

function groupPods(input: UsageInput): Groups {
  const groups = { ready: [] as string[], unready: [] as string[], missing: [] as string[] };
  for (const pod of input.pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const phase = pod.status?.phase;
    if (deletionTimestamp !== undefined || phase === 'Failed') continue;
    const usage = input.usage.get(name);
    if (phase === 'Pending') groups.unready.push(name);
    else if (usage === undefined) groups.missing.push(name);
    else if (input.resource === 'cpu' && isStarting(pod, usage, input.nowMs)) groups.unready.push(name);
    else groups.ready.push(name);
  }
  return groups;
}

/** What a pod uses while it starts says nothing of its load. */
function isStarting(pod: Pod, usage: PodUsage, nowMs: number): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  const startTime = pod.status?.startTime;
  if (ready?.lastTransitionTime === undefined || startTime === undefined) return true;
  const startedAtMs = Date.parse(startTime);
  const changedAtMs = Date.parse(ready.lastTransitionTime);
  const isNotReady = ready.status === 'False';
  if (startedAtMs + cpuInitializationMs > nowMs) return isNotReady || usage.atMs < changedAtMs + usage.windowMs;
  return isNotReady && startedAtMs + initialReadinessDelayMs > changedAtMs;
}
