/**
 * What to do next with a Canary: a pure function of its plan, its status and what was observed.
 * Source: Flagger, pkg/controller/scheduler.go, advanceCanary.
 */

import type { CanaryStatus, Phase } from './canary.ts';
import { revisionOf } from './hash.ts';
import type { Plan } from './plan.ts';
import type { Readiness } from './readiness.ts';

/** What the world looks like, as far as the next step depends on it. */
export interface Situation {
  /** Fingerprint of the target's pod template; undefined when the target does not exist. */
  readonly targetHash: string | undefined;
  /** Fingerprints of the target's ConfigMaps and Secrets. */
  readonly configs: Readonly<Record<string, string>>;
  readonly primary: 'absent' | Readiness;
  readonly primaryScaledToZero: boolean;
  readonly canary: Readiness;
  /** The revision (template and configs) the primary was last copied from. */
  readonly copied: string;
  /** The interval has passed since the last step. */
  readonly tickDue: boolean;
}

/** Where an analysis goes when its checks pass. */
export type Advance =
  | { readonly type: 'weight'; readonly weight: number }
  | { readonly type: 'iteration'; readonly iteration: number }
  | { readonly type: 'route-to-canary'; readonly iteration: number }
  | { readonly type: 'promote' }
  /** Neither steps nor iterations are configured. */
  | { readonly type: 'stay' };

export type Step =
  /** Nothing before the next tick or change. */
  | { readonly type: 'wait'; readonly because: string }
  /** The first sight of a Canary. */
  | { readonly type: 'begin' }
  | { readonly type: 'suspended' }
  /** Creates what is missing: services, primary. */
  | { readonly type: 'initialize' }
  | { readonly type: 'finish-initialization' }
  /** Says why nothing moves; nothing is counted. */
  | { readonly type: 'not-ready'; readonly message: string }
  /** A new revision: asks for approval, then scales up. */
  | { readonly type: 'new-revision' }
  | { readonly type: 'restart' }
  | { readonly type: 'skip-analysis' }
  /** `starting`: pre-rollout hooks instead of metric checks. */
  | { readonly type: 'analyse'; readonly starting: boolean; readonly advance: Advance }
  | { readonly type: 'rollback'; readonly because: 'threshold' | 'deadline' }
  | { readonly type: 'route-to-primary' }
  | { readonly type: 'finish' };

const runningPhases: ReadonlySet<Phase | ''> = new Set<Phase>([
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
]);

/** The next step. */
export function decide(plan: Plan, status: CanaryStatus, situation: Situation): Step {
  if (status.phase === '') return { type: 'begin' };
  if (plan.suspend) return situation.tickDue ? { type: 'suspended' } : wait('suspended');
  if (situation.targetHash === undefined) {
    const message = `${plan.targetKind.toLowerCase()} ${plan.target}.${plan.namespace} get query error: not found`;
    return situation.tickDue ? { type: 'not-ready', message } : wait('target is missing');
  }
  if (status.phase === 'Initializing') return initializing(plan, situation);
  if (!runningPhases.has(status.phase)) return resting(status, situation);
  return running(plan, status, situation);
}

function wait(because: string): Step {
  return { type: 'wait', because };
}

function initializing(plan: Plan, situation: Situation): Step {
  const { primary, tickDue } = situation;
  if (primary === 'absent') return { type: 'initialize' };
  // Without analysis the primary takes over at once, as Flagger has it.
  if (primary.ready || plan.skipAnalysis) return { type: 'finish-initialization' };
  return tickDue ? notReady(`${plan.primary}.${plan.namespace}`, primary) : wait('primary is starting');
}

/** Initialized, Succeeded, Failed: a change of the target starts a run, at once. */
function resting(status: CanaryStatus, situation: Situation): Step {
  if (!hasChanged(status, situation)) return wait('no change');
  return { type: 'new-revision' };
}

function running(plan: Plan, status: CanaryStatus, situation: Situation): Step {
  if (status.phase === 'Waiting') return situation.tickDue ? { type: 'new-revision' } : wait('waiting for approval');
  const analysing = status.phase === 'Progressing' || status.phase === 'WaitingPromotion';
  if (analysing && hasChanged(status, situation)) return { type: 'restart' };
  if (status.phase === 'Promoting' && situation.copied !== revisionOf(status.lastAppliedSpec, status.trackedConfigs)) {
    // Killed between the decision to promote and the copy; if the target has moved on since, the new one is analysed.
    const movedOn = situation.targetHash !== status.lastAppliedSpec || hasChanged(status, situation);
    return movedOn ? { type: 'restart' } : wait('the primary is to be copied');
  }
  if (!situation.tickDue) return wait('next tick');
  const blocked = plan.skipAnalysis ? undefined : blockedBy(plan, situation);
  if (blocked !== undefined) return blocked;
  if (plan.skipAnalysis && analysing) return { type: 'skip-analysis' };
  if (status.phase === 'Promoting') return { type: 'route-to-primary' };
  if (status.phase === 'Finalising') return { type: 'finish' };
  if (!situation.canary.ready) return { type: 'rollback', because: 'deadline' };
  if (status.failedChecks >= plan.threshold) return { type: 'rollback', because: 'threshold' };
  return { type: 'analyse', starting: isStarting(status), advance: nextAdvance(plan, status) };
}

/** Primary first, then canary; a canary past its deadline does not block, it is rolled back. */
function blockedBy(plan: Plan, { primary, primaryScaledToZero, canary }: Situation): Step | undefined {
  const name = `${plan.primary}.${plan.namespace}`;
  if (primary === 'absent') return { type: 'initialize' };
  if (primaryScaledToZero) {
    const message = `halt ${plan.name}.${plan.namespace} advancement: primary deployment is scaled to zero`;
    return { type: 'not-ready', message };
  }
  if (!primary.ready) return notReady(name, primary);
  if (!canary.ready && canary.retriable) return notReady(`canary deployment ${plan.target}.${plan.namespace}`, canary);
  return undefined;
}

function notReady(name: string, readiness: Readiness): Step {
  return { type: 'not-ready', message: `${name} not ready: ${readiness.ready ? '' : readiness.reason}` };
}

/** The target differs from what was last applied, and is not just back at what was promoted. */
export function hasChanged(
  status: CanaryStatus,
  { targetHash, configs }: Pick<Situation, 'targetHash' | 'configs'>,
): boolean {
  const template =
    targetHash !== undefined && targetHash !== status.lastPromotedSpec && targetHash !== status.lastAppliedSpec;
  const tracked = status.trackedConfigs;
  const names = new Set([...Object.keys(tracked), ...Object.keys(configs)]);
  return template || [...names].some((name) => tracked[name] !== configs[name]);
}

function isStarting({ phase, canaryWeight, iterations }: CanaryStatus): boolean {
  return phase === 'Progressing' && canaryWeight === 0 && iterations === 0;
}

function nextAdvance(plan: Plan, status: CanaryStatus): Advance {
  const { strategy, iterations } = plan;
  if (strategy === 'canary') return nextWeight(plan, status);
  const next = status.iterations + 1;
  if (status.phase !== 'WaitingPromotion' && status.iterations < iterations)
    return { type: 'iteration', iteration: next };
  if (strategy === 'blue-green' && status.iterations <= iterations) {
    return { type: 'route-to-canary', iteration: iterations + 1 };
  }
  return { type: 'promote' };
}

function nextWeight({ weights }: Plan, status: CanaryStatus): Advance {
  if (weights.length === 0) return { type: 'stay' };
  // While waiting for approval of the promotion the status shows 0, though the routes stay at the last weight.
  const reached = status.phase === 'WaitingPromotion' || status.canaryWeight >= (weights.at(-1) ?? 0);
  const weight = weights.find((step) => step > status.canaryWeight);
  return reached || weight === undefined ? { type: 'promote' } : { type: 'weight', weight };
}

/** The canary's share of the requests that a status stands for, in percent. */
export function desiredWeight(plan: Plan, status: CanaryStatus): number {
  const promoting = status.phase === 'WaitingPromotion' || status.phase === 'Promoting';
  if (plan.strategy === 'canary') {
    if (promoting) return plan.skipAnalysis ? 0 : (plan.weights.at(-1) ?? 0);
    return status.phase === 'Progressing' ? status.canaryWeight : 0;
  }
  if (promoting) return plan.strategy === 'blue-green' && status.phase === 'WaitingPromotion' ? 0 : 100;
  if (status.phase !== 'Progressing') return 0;
  const enough = plan.strategy === 'blue-green' ? status.iterations > plan.iterations : status.iterations > 0;
  return enough ? 100 : 0;
}

/** Whether the target runs pods in this phase. */
export function targetRuns({ phase }: CanaryStatus): 'untouched' | 'up' | 'zero' {
  if (phase === '' || phase === 'Initializing') return 'untouched';
  const up = phase === 'Progressing' || phase === 'WaitingPromotion' || phase === 'Promoting' || phase === 'Finalising';
  return up ? 'up' : 'zero';
}
