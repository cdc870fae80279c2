/**
 * What is made of a proposal: recent proposals, rates and bounds. Pure; the table in limits.test.ts is its specification.
 * Source: Kubernetes pkg/controller/podautoscaler/horizontal.go (behaviour and texts).
 */

import type { Condition } from '@towpath/api';
import type { AutoscalerSpec, Behavior, ScalingRules } from './types.ts';

/** What is remembered of one autoscaler, newest last; it begins anew with the process, as theirs. */
export interface History {
  readonly proposals: readonly { readonly replicas: number; readonly atMs: number }[];
  readonly changes: readonly { readonly by: number; readonly atMs: number }[];
}

export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export interface Limited {
  readonly replicas: number;
  /** AbleToScale and ScalingLimited. */
  readonly findings: readonly Finding[];
}

export interface LimitInput {
  readonly spec: AutoscalerSpec;
  readonly currentReplicas: number;
  readonly proposed: number;
  /** Without this proposal. */
  readonly history: History;
  readonly nowMs: number;
}

const scaleUpFactor = 2;
const scaleUpLeast = 4;
/** Flag of kube-controller-manager. */
const downscaleWindowSeconds = 300;

/** The number that is set, and why. */
export function limitReplicas(input: LimitInput): Limited {
  const { behavior } = input.spec;
  const stabilized = behavior === undefined ? stabilizeDown(input) : stabilize(input, behavior);
  const limit = behavior === undefined ? plainLimit(input, stabilized) : rateLimit(input, behavior, stabilized);
  const isLimited = limit.replicas !== stabilized;
  return {
    replicas: limit.replicas,
    findings: [
      stabilized === input.proposed ? ready : stabilizedFinding(input),
      { type: 'ScalingLimited', status: isLimited ? 'True' : 'False', reason: limit.reason, message: limit.message },
    ],
  };
}

/** The history after this proposal, without what no window reaches any more. */
export function remember(history: History, spec: AutoscalerSpec, entry: { proposed: number; nowMs: number }): History {
  const { scaleUp, scaleDown } = spec.behavior ?? { scaleUp: {}, scaleDown: {} };
  const windows = [windowOf(scaleDown, downscaleWindowSeconds), windowOf(scaleUp, 0)];
  const periods = [...(scaleUp.policies ?? []), ...(scaleDown.policies ?? [])].map((policy) => policy.periodSeconds);
  const since = (seconds: readonly number[]): number => entry.nowMs - Math.max(0, ...seconds) * 1000;
  return {
    proposals: [
      ...history.proposals.filter(({ atMs }) => atMs >= since(windows)),
      { replicas: entry.proposed, atMs: entry.nowMs },
    ],
    changes: history.changes.filter(({ atMs }) => atMs >= since(periods)),
  };
}

const ready: Finding = {
  type: 'AbleToScale',
  status: 'True',
  reason: 'ReadyForNewScale',
  message: 'recommended size matches current size',
};

function stabilizedFinding({ proposed, currentReplicas, spec }: LimitInput): Finding {
  const isUp = spec.behavior !== undefined && proposed >= currentReplicas;
  const [reason, was, taken] = isUp
    ? ['ScaleUpStabilized', 'lower', 'lowest']
    : ['ScaleDownStabilized', 'higher', 'highest'];
  const message = `recent recommendations were ${was} than current one, applying the ${taken} recent recommendation`;
  return { type: 'AbleToScale', status: 'True', reason: reason ?? '', message };
}

function windowOf({ stabilizationWindowSeconds }: ScalingRules, otherwise: number): number {
  return stabilizationWindowSeconds ?? otherwise;
}

function recent(history: History, seconds: number, nowMs: number): number[] {
  return history.proposals.filter(({ atMs }) => atMs > nowMs - seconds * 1000).map(({ replicas }) => replicas);
}

function stabilizeDown({ history, proposed, nowMs }: LimitInput): number {
  return Math.max(proposed, ...recent(history, downscaleWindowSeconds, nowMs));
}

/** No higher than the lowest proposal of the window for going up, no lower than the highest of the one for going down. */
function stabilize({ history, proposed, currentReplicas, nowMs }: LimitInput, behavior: Behavior): number {
  const up = Math.min(proposed, ...recent(history, windowOf(behavior.scaleUp, 0), nowMs));
  const down = Math.max(proposed, ...recent(history, windowOf(behavior.scaleDown, downscaleWindowSeconds), nowMs));
  return Math.min(Math.max(currentReplicas, up), down);
}

interface Limit {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}

const withinRange = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' };
const tooMany = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
};
const tooFew = {
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
};
const tooFastUp = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const tooFastDown = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};

/** Without a behavior: at most twice as many, or four. */
function plainLimit({ spec, currentReplicas }: LimitInput, wanted: number): Limit {
  const fastest = Math.max(scaleUpFactor * currentReplicas, scaleUpLeast);
  const least = minReplicasOf(spec);
  if (wanted < least) return { replicas: least, ...tooFew };
  const most = Math.min(spec.maxReplicas, fastest);
  if (wanted <= most) return { replicas: wanted, ...withinRange };
  return { replicas: most, ...(spec.maxReplicas > fastest ? tooFastUp : tooMany) };
}

function rateLimit(input: LimitInput, behavior: Behavior, wanted: number): Limit {
  const { spec, currentReplicas } = input;
  if (wanted > currentReplicas) {
    const fastest = Math.max(currentReplicas, scaleUpLimit(input, behavior.scaleUp));
    const most = Math.min(spec.maxReplicas, fastest);
    if (wanted > most) return { replicas: most, ...(spec.maxReplicas > fastest ? tooFastUp : tooMany) };
  }
  if (wanted < currentReplicas) {
    const fastest = Math.min(currentReplicas, scaleDownLimit(input, behavior.scaleDown));
    const least = Math.max(minReplicasOf(spec), fastest);
    if (wanted < least) return { replicas: least, ...(minReplicasOf(spec) < fastest ? tooFastDown : tooFew) };
  }
  return { replicas: wanted, ...withinRange };
}

function scaleUpLimit(input: LimitInput, { selectPolicy = 'Max', policies = [] }: ScalingRules): number {
  if (selectPolicy === 'Disabled') return input.currentReplicas;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const before = replicasBefore(input, periodSeconds);
    // Rounded up, since a share of a few pods might never be a whole one.
    return type === 'Pods' ? before + value : Math.ceil(before * (1 + value / 100));
  });
  return selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function scaleDownLimit(input: LimitInput, { selectPolicy = 'Max', policies = [] }: ScalingRules): number {
  if (selectPolicy === 'Disabled') return input.currentReplicas;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const before = replicasBefore(input, periodSeconds);
    return type === 'Pods' ? before - value : Math.trunc(before * (1 - value / 100));
  });
  // The smallest change leaves the most.
  return selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

/** How many there were when the period began. */
function replicasBefore({ history, currentReplicas, nowMs }: LimitInput, periodSeconds: number): number {
  const changes = history.changes.filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000);
  return currentReplicas - changes.reduce((sum, { by }) => sum + by, 0);
}

/** Absent means 1. */
export function minReplicasOf(spec: AutoscalerSpec): number {
  return spec.minReplicas ?? 1;
}
