import { describe, expect, it } from 'vitest';
import { statusOf, type CanaryStatus } from './canary.ts';
import { decide, desiredWeight, type Situation, type Step } from './decide.ts';
import { revisionOf } from './hash.ts';
import { readPlan, type Plan } from './plan.ts';
import type { Readiness } from './readiness.ts';
import { frontendCanary } from './testing/canaries.ts';

const defaults = { meshProvider: 'istio', metricsServer: 'http://prometheus:9090' };

function plan(change: Parameters<typeof frontendCanary>[0] = {}): Plan {
  const { plan: read, refusals } = readPlan(frontendCanary(change), defaults);
  if (read === undefined) throw new Error(refusals.join());
  return read;
}

const ready: Readiness = { ready: true };
const starting: Readiness = { ready: false, retriable: true, reason: 'waiting for rollout to finish: 0 of 1' };
const stuck: Readiness = {
  ready: false,
  retriable: false,
  reason: 'deployment "frontend" exceeded its progress deadline',
};

function situation(change: Partial<Situation> = {}): Situation {
  return {
    targetHash: 'two',
    configs: {},
    primary: ready,
    primaryScaledToZero: false,
    canary: ready,
    copied: revisionOf('one', {}),
    tickDue: true,
    ...change,
  };
}

function status(change: Partial<CanaryStatus> = {}): CanaryStatus {
  return { ...statusOf(frontendCanary()), lastAppliedSpec: 'two', lastPromotedSpec: 'one', ...change };
}

const settled = { lastAppliedSpec: 'two', lastPromotedSpec: 'two' } as const;
const blueGreen = plan({ analysis: { interval: '30s', threshold: 5, iterations: 3 } });
const noAnalysis = plan({ skipAnalysis: true });
const byTwenty = plan({ analysis: { interval: '30s', stepWeight: 20, maxWeight: 50 } });

interface Row {
  readonly name: string;
  readonly plan?: Plan;
  readonly status: Partial<CanaryStatus>;
  readonly situation?: Partial<Situation>;
  readonly want: Step;
}

const wait = (because: string): Step => ({ type: 'wait', because });
const toWeight = (weight: number, isStarting = false): Step => {
  return { type: 'analyse', starting: isStarting, advance: { type: 'weight', weight } };
};

const rows: readonly Row[] = [
  { name: 'first sight', status: { phase: '' }, want: { type: 'begin' } },
  {
    name: 'no primary yet',
    status: { phase: 'Initializing' },
    situation: { primary: 'absent' },
    want: { type: 'initialize' },
  },
  {
    name: 'primary starting, between ticks',
    status: { phase: 'Initializing' },
    situation: { primary: starting, tickDue: false },
    want: wait('primary is starting'),
  },
  {
    name: 'primary starting, at a tick',
    status: { phase: 'Initializing' },
    situation: { primary: starting },
    want: {
      type: 'not-ready',
      message: 'frontend-primary.microservices-demo not ready: waiting for rollout to finish: 0 of 1',
    },
  },
  {
    name: 'primary ready: no tick needed',
    status: { phase: 'Initializing' },
    situation: { tickDue: false },
    want: { type: 'finish-initialization' },
  },
  {
    name: 'skipAnalysis does not wait for the primary',
    plan: noAnalysis,
    status: { phase: 'Initializing' },
    situation: { primary: starting },
    want: { type: 'finish-initialization' },
  },
  { name: 'nothing changed', status: { phase: 'Initialized', ...settled }, want: wait('no change') },
  {
    name: 'new revision: no tick needed',
    status: { phase: 'Succeeded', ...settled },
    situation: { targetHash: 'three', tickDue: false },
    want: { type: 'new-revision' },
  },
  { name: 'the failed revision is not tried again', status: { phase: 'Failed' }, want: wait('no change') },
  {
    name: 'back to what was promoted is silent',
    status: { phase: 'Failed' },
    situation: { targetHash: 'one' },
    want: wait('no change'),
  },
  {
    name: 'another revision after a failure, though the last round failed too',
    status: { phase: 'Failed' },
    situation: { targetHash: 'three' },
    want: { type: 'new-revision' },
  },
  {
    name: 'a config changed',
    status: { phase: 'Succeeded', ...settled, trackedConfigs: { 'configmap/env': 'a' } },
    situation: { configs: { 'configmap/env': 'b' } },
    want: { type: 'new-revision' },
  },
  {
    name: 'waiting for approval: asked at ticks',
    status: { phase: 'Waiting', ...settled },
    want: { type: 'new-revision' },
  },
  {
    name: 'canary not ready is not counted',
    status: { phase: 'Progressing' },
    situation: { canary: starting },
    want: {
      type: 'not-ready',
      message: 'canary deployment frontend.microservices-demo not ready: waiting for rollout to finish: 0 of 1',
    },
  },
  {
    name: 'primary scaled to zero halts',
    status: { phase: 'Progressing' },
    situation: { primaryScaledToZero: true },
    want: {
      type: 'not-ready',
      message: 'halt frontend.microservices-demo advancement: primary deployment is scaled to zero',
    },
  },
  { name: 'first tick starts and takes the first step', status: { phase: 'Progressing' }, want: toWeight(5, true) },
  { name: 'next step', status: { phase: 'Progressing', canaryWeight: 5 }, want: toWeight(10) },
  {
    name: 'failed checks below the threshold go on',
    status: { phase: 'Progressing', canaryWeight: 5, failedChecks: 4 },
    want: toWeight(10),
  },
  {
    name: 'threshold reached',
    status: { phase: 'Progressing', canaryWeight: 5, failedChecks: 5 },
    want: { type: 'rollback', because: 'threshold' },
  },
  {
    name: 'deadline passed',
    status: { phase: 'Progressing' },
    situation: { canary: stuck },
    want: { type: 'rollback', because: 'deadline' },
  },
  {
    name: 'last weight reached',
    status: { phase: 'Progressing', canaryWeight: 30 },
    want: { type: 'analyse', starting: false, advance: { type: 'promote' } },
  },
  {
    name: 'steps of 20 up to 50 end above it',
    plan: byTwenty,
    status: { phase: 'Progressing', canaryWeight: 40 },
    want: toWeight(60),
  },
  {
    name: 'weights that a killed process left are followed from the status',
    status: { phase: 'Progressing', canaryWeight: 15 },
    situation: { tickDue: false },
    want: wait('next tick'),
  },
  {
    name: 'revision changed during the analysis: at once',
    status: { phase: 'Progressing', canaryWeight: 15 },
    situation: { targetHash: 'three', tickDue: false },
    want: { type: 'restart' },
  },
  {
    name: 'approval of the promotion is asked again',
    status: { phase: 'WaitingPromotion' },
    want: { type: 'analyse', starting: false, advance: { type: 'promote' } },
  },
  {
    name: 'skipAnalysis promotes',
    plan: noAnalysis,
    status: { phase: 'Progressing' },
    situation: { canary: starting },
    want: { type: 'skip-analysis' },
  },
  {
    name: 'promoting waits for the primary',
    status: { phase: 'Promoting' },
    situation: { primary: starting, copied: revisionOf('two', {}) },
    want: {
      type: 'not-ready',
      message: 'frontend-primary.microservices-demo not ready: waiting for rollout to finish: 0 of 1',
    },
  },
  {
    name: 'promoted',
    status: { phase: 'Promoting' },
    situation: { copied: revisionOf('two', {}) },
    want: { type: 'route-to-primary' },
  },
  {
    name: 'killed before the copy, and the target moved on',
    status: { phase: 'Promoting' },
    situation: { targetHash: 'three' },
    want: { type: 'restart' },
  },
  {
    name: 'killed before the copy: copied first',
    status: { phase: 'Promoting' },
    want: wait('the primary is to be copied'),
  },
  { name: 'finalising', status: { phase: 'Finalising' }, want: { type: 'finish' } },
  {
    name: 'blue/green counts iterations',
    plan: blueGreen,
    status: { phase: 'Progressing', iterations: 2 },
    want: { type: 'analyse', starting: false, advance: { type: 'iteration', iteration: 3 } },
  },
  {
    name: 'blue/green then routes everything to the canary',
    plan: blueGreen,
    status: { phase: 'Progressing', iterations: 3 },
    want: { type: 'analyse', starting: false, advance: { type: 'route-to-canary', iteration: 4 } },
  },
  {
    name: 'and then promotes',
    plan: blueGreen,
    status: { phase: 'Progressing', iterations: 4 },
    want: { type: 'analyse', starting: false, advance: { type: 'promote' } },
  },
  { name: 'suspended', plan: plan({ suspend: true }), status: { phase: 'Progressing' }, want: { type: 'suspended' } },
  {
    name: 'target is gone',
    status: { phase: 'Progressing' },
    situation: { targetHash: undefined },
    want: { type: 'not-ready', message: 'deployment frontend.microservices-demo get query error: not found' },
  },
];

describe('decide', () => {
  it.each(rows)('$name', (row) => {
    expect(decide(row.plan ?? plan(), status(row.status), situation(row.situation))).toEqual(row.want);
  });
});

describe('desiredWeight', () => {
  it.each([
    ['Initialized', 0, 0],
    ['Progressing', 15, 15],
    ['WaitingPromotion', 0, 30],
    ['Promoting', 0, 30],
    ['Finalising', 0, 0],
    ['Succeeded', 0, 0],
    ['Failed', 0, 0],
  ] as const)('%s with weight %d routes %d', (phase, canaryWeight, want) => {
    expect(desiredWeight(plan(), status({ phase, canaryWeight }))).toBe(want);
  });

  it('routes blue/green only after the iterations', () => {
    expect(desiredWeight(blueGreen, status({ phase: 'Progressing', iterations: 3 }))).toBe(0);
    expect(desiredWeight(blueGreen, status({ phase: 'Progressing', iterations: 4 }))).toBe(100);
    expect(desiredWeight(blueGreen, status({ phase: 'Promoting' }))).toBe(100);
  });
});
