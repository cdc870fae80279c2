import { describe, expect, test } from 'vitest';
import { limitReplicas, remember, type History } from './limits.ts';
import type { AutoscalerSpec, Behavior } from './types.ts';

const nowMs = 1_000_000;
const none: History = { proposals: [], changes: [] };
const spec: AutoscalerSpec = { scaleTargetRef: { kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 20 };

function behaviorOf(rules: Partial<Behavior>): Behavior {
  const up = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [] } as const;
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 } as const;
  return {
    scaleUp: { ...up, policies: [percent, { type: 'Pods', value: 4, periodSeconds: 15 }], ...rules.scaleUp },
    scaleDown: { selectPolicy: 'Max', policies: [percent], ...rules.scaleDown },
  };
}

function ago(seconds: number, replicas: number): History['proposals'][number] {
  return { replicas, atMs: nowMs - seconds * 1000 };
}

describe('without a behavior', () => {
  test.each([
    {
      name: 'within the range',
      current: 4,
      proposed: 6,
      history: none,
      want: 6,
      reasons: ['ReadyForNewScale', 'DesiredWithinRange'],
    },
    {
      name: 'more than twice',
      current: 4,
      proposed: 12,
      history: none,
      want: 8,
      reasons: ['ReadyForNewScale', 'ScaleUpLimit'],
    },
    {
      name: 'up to four at once',
      current: 2,
      proposed: 9,
      history: none,
      want: 4,
      reasons: ['ReadyForNewScale', 'ScaleUpLimit'],
    },
    {
      name: 'above the maximum',
      current: 15,
      proposed: 25,
      history: none,
      want: 20,
      reasons: ['ReadyForNewScale', 'TooManyReplicas'],
    },
    {
      name: 'below the minimum',
      current: 3,
      proposed: 1,
      history: none,
      want: 2,
      reasons: ['ReadyForNewScale', 'TooFewReplicas'],
    },
    {
      name: 'down, but more was wanted a moment ago',
      current: 6,
      proposed: 3,
      history: { ...none, proposals: [ago(400, 9), ago(200, 5)] },
      want: 5,
      reasons: ['ScaleDownStabilized', 'DesiredWithinRange'],
    },
  ])('$name', ({ current, proposed, history, want, reasons }) => {
    const limited = limitReplicas({ spec, currentReplicas: current, proposed, history, nowMs });

    expect(limited.replicas).toBe(want);
    expect(limited.findings.map(({ reason }) => reason)).toEqual(reasons);
  });
});

describe('with a behavior', () => {
  const slowUp = { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } as const;
  const slowDown = { policies: [{ type: 'Percent', value: 50, periodSeconds: 60 }] } as const;
  test.each([
    {
      name: 'the default: twice as many, or four more',
      rules: {},
      current: 3,
      proposed: 15,
      history: none,
      want: 7,
      reason: 'ScaleUpLimit',
    },
    {
      name: 'one more a minute',
      rules: { scaleUp: slowUp },
      current: 3,
      proposed: 9,
      history: none,
      want: 4,
      reason: 'ScaleUpLimit',
    },
    {
      name: 'one more a minute, and it was added',
      rules: { scaleUp: slowUp },
      current: 4,
      proposed: 9,
      history: { ...none, changes: [{ by: 1, atMs: nowMs - 30_000 }] },
      want: 4,
      reason: 'ScaleUpLimit',
    },
    {
      name: 'half a minute down',
      rules: { scaleDown: { ...slowDown, stabilizationWindowSeconds: 0 } },
      current: 10,
      proposed: 2,
      history: none,
      want: 5,
      reason: 'ScaleDownLimit',
    },
    {
      name: 'never down',
      rules: { scaleDown: { selectPolicy: 'Disabled' } },
      current: 10,
      proposed: 2,
      history: none,
      want: 10,
      reason: 'ScaleDownLimit',
    },
    {
      name: 'the smaller of two changes',
      rules: {
        scaleUp: {
          selectPolicy: 'Min',
          policies: [...slowUp.policies, { type: 'Percent', value: 100, periodSeconds: 60 }],
        },
      },
      current: 4,
      proposed: 10,
      history: none,
      want: 5,
      reason: 'ScaleUpLimit',
    },
    {
      name: 'less was wanted in the window for going up',
      rules: { scaleUp: { stabilizationWindowSeconds: 60 } },
      current: 4,
      proposed: 8,
      history: { ...none, proposals: [ago(30, 5)] },
      want: 5,
      reason: 'DesiredWithinRange',
    },
  ] as const)('$name', ({ rules, current, proposed, history, want, reason }) => {
    const behavior = behaviorOf(rules as Partial<Behavior>);
    const limited = limitReplicas({ spec: { ...spec, behavior }, currentReplicas: current, proposed, history, nowMs });

    expect(limited.replicas).toBe(want);
    expect(limited.findings[1]?.reason).toBe(reason);
  });
});

test('what no window reaches is forgotten', () => {
  const history = { proposals: [ago(301, 9), ago(299, 5)], changes: [{ by: 2, atMs: nowMs - 61_000 }] };
  const behavior = behaviorOf({ scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } });

  const after = remember(history, { ...spec, behavior }, { proposed: 4, nowMs });

  expect(after.proposals.map(({ replicas }) => replicas)).toEqual([5, 4]);
  expect(after.changes).toEqual([]);
});
