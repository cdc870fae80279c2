import { describe, expect, it } from 'vitest';
import { canaryCards, stepsOf } from './canaries.ts';
import { CommitHistory } from './commits.ts';
import { explain } from './events.ts';
import type { Sources } from './sources.ts';
import { buildState } from './state.ts';
import { canary, event, pod, release, sources } from './testing/objects.ts';

function state(given: Partial<Sources>) {
  return buildState({ sources: sources(given), history: new CommitHistory(), links: [], nowMs: Date.UTC(2026, 0, 1) });
}

describe('the sentence on top', () => {
  const deployed = [release('cart'), release('frontend')];
  const running = [pod('cart'), pod('frontend-primary')];

  it.each([
    { name: 'an empty cluster', given: {}, want: 'good The cluster runs. There are no releases yet' },
    {
      name: 'all well',
      given: { releases: deployed, pods: running },
      want: 'good All 2 releases are deployed and 2 pods are ready',
    },
    {
      name: 'a pod that starts',
      given: { releases: deployed, pods: [pod('cart', 'v1', false)] },
      want: 'busy 1 of 1 pods are not ready yet',
    },
    {
      name: 'an installation',
      given: { releases: [release('cart', { status: 'pending-install' })] },
      want: 'busy 1 of 1 releases are being installed',
    },
    {
      name: 'a failed release',
      given: { releases: [release('cart', { status: 'failed' })] },
      want: 'bad Release cart failed: template: frontend: line 3: no value',
    },
    {
      name: 'a canary at work',
      given: { releases: deployed, canaries: [canary({ phase: 'Progressing', canaryWeight: 10, failedChecks: 2 })] },
      want: 'busy A new version of frontend is being judged with 10 % of the traffic, 2 of 5 checks failed',
    },
    {
      name: 'a canary that failed',
      given: {
        releases: deployed,
        canaries: [canary({ phase: 'Failed', diagnosis: { message: 'the load calls frontend:80' } })],
      },
      want: 'bad The new version of frontend was rolled back: the load calls frontend:80',
    },
  ])('$name', ({ given, want }) => {
    const { level, sentence } = state(given).health;

    expect(`${level} ${sentence}`).toBe(want);
  });
});

describe('releases and canaries', () => {
  it('counts the pods of a release, its primary included', () => {
    const rows = state({
      releases: [release('frontend')],
      pods: [pod('frontend', 'v2', false), pod('frontend-primary')],
    }).releases;

    expect(rows[0]).toMatchObject({ name: 'frontend', podsReady: 1, podsTotal: 2, tag: 'v0.0.1', revision: '00c1d2e' });
  });

  it('reads limits in both forms, tags, and where it stands', () => {
    const status = { phase: 'Progressing', canaryWeight: 15, failedChecks: 1, diagnosis: { message: 'no traffic' } };
    const [card] = canaryCards([canary(status)], [pod('frontend', 'v0.0.2'), pod('frontend-primary')]);

    expect(card).toMatchObject({
      stepsPercent: [5, 10, 15, 20, 25, 30],
      successRate: { min: 99 },
      durationMs: { max: 500 },
      primaryTag: 'v0.0.1',
      canaryTag: 'v0.0.2',
      weightPercent: 15,
      failedChecksLimit: 5,
      diagnosis: 'no traffic',
    });
  });

  it.each([
    { name: 'a step that overshoots', analysis: { stepWeight: 20, maxWeight: 50 }, want: [20, 40, 60] },
    { name: 'a list', analysis: { stepWeights: [1, 2, 10] }, want: [1, 2, 10] },
    { name: 'none', analysis: { iterations: 5 }, want: [] },
    { name: 'no maximum', analysis: { stepWeight: 40 }, want: [40, 80, 100] },
  ])('goes through the weights of $name', ({ analysis, want }) => {
    expect(stepsOf(analysis)).toEqual(want);
  });
});

describe('events', () => {
  it('come newest first, with what they mean', () => {
    const rows = state({
      events: [
        event('Advance frontend.shop canary weight 15'),
        event(
          'Halt advancement no values found for istio metric request-duration probably frontend.shop is not receiving traffic',
          'Warning',
          '2026-01-01T00:03:00Z',
        ),
      ],
    }).events;

    expect(rows.map(({ warning, object }) => [warning, object])).toEqual([
      [true, 'Canary/frontend'],
      [false, 'Canary/frontend'],
    ]);
    expect(rows[1]?.explanation).toBe('15 % of the traffic that the canary governs goes to the new version.');
  });

  it('are left as they are where we know no more', () => {
    expect(explain('Successfully assigned shop/cart to node-1')).toBeUndefined();
  });
});
