import { describe, expect, it } from 'vitest';
import { enterPhase, type PhaseInput } from './conditions.ts';
import type { HelmReleaseStatus } from './helm-release.ts';

const release = { name: 'frontend', namespace: 'shop' };
const startMs = Date.UTC(2026, 0, 1);

function enter(status: HelmReleaseStatus, input: Omit<PhaseInput, 'release'>, atMs = startMs): HelmReleaseStatus {
  return enterPhase(status, { ...input, release }, atMs);
}

describe('enterPhase', () => {
  it('says what the MESSAGE column shows', () => {
    const status = enter({}, { phase: 'Succeeded', revision: 'abc' });

    expect(status.conditions).toEqual([
      {
        type: 'Released',
        status: 'True',
        reason: 'Succeeded',
        message: 'Helm release sync succeeded',
        lastUpdateTime: '2026-01-01T00:00:00Z',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
    expect(status).toMatchObject({ phase: 'Succeeded', revision: 'abc', rollbackCount: 0 });
  });

  it('adds the cause to the sentence', () => {
    const status = enter({}, { phase: 'ChartFetchFailed', cause: 'there is no folder x' });

    expect(status.conditions?.map(({ type, message }) => [type, message])).toEqual([
      ['ChartFetched', "Chart fetch failed for Helm release 'frontend' in 'shop'. there is no folder x"],
      ['Released', "Chart fetch failed for Helm release 'frontend' in 'shop'. there is no folder x"],
    ]);
  });

  it('moves times only when something changes', () => {
    const first = enter({}, { phase: 'Deployed' });
    const second = enter(first, { phase: 'Deployed' }, startMs + 60_000);

    expect(second).toEqual(first);
  });

  it('counts rollbacks and forgets them when the release works', () => {
    const twice = enter(enter({}, { phase: 'RolledBack' }), { phase: 'RolledBack' });
    const works = enter(twice, { phase: 'Succeeded' });

    expect(twice.rollbackCount).toBe(2);
    expect(works.rollbackCount).toBe(0);
    expect(works.conditions?.some((condition) => condition.type === 'RolledBack')).toBe(false);
  });

  it('keeps Released when a failed test is ignored', () => {
    const status = enter(enter({}, { phase: 'Succeeded' }), { phase: 'TestFailed', ignoreFailure: true });

    expect(status.conditions?.map(({ type, status: value }) => [type, value])).toEqual([
      ['Released', 'True'],
      ['Tested', 'False'],
    ]);
  });
});
