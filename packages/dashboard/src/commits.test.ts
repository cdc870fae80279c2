import type { Pipeline } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { CommitHistory } from './commits.ts';
import type { Sources } from './sources.ts';
import { canary, commit, image, olderCommit, pipeline, pod, release, sources, sync } from './testing/objects.ts';

const nowMs = Date.UTC(2026, 0, 1, 0, 2, 0);
const built = {
  phase: 'Succeeded' as const,
  imageTag: 'v0.0.2',
  finishedAt: '2026-01-01T00:00:45Z',
  jobs: [],
} satisfies Pipeline['status'];

function stages(given: Partial<Sources>, history = new CommitHistory()): string[] {
  const row = history.rows(sources(given), nowMs)[0];
  return (row?.stages ?? []).map(({ name, state, text }) => `${name} ${state} ${text}`.trim());
}

describe('how far a commit has come', () => {
  const pushed = { images: [image('acme/frontend', 'v0.0.2')] };
  const synced = { syncs: [sync({ head: commit, syncedRevision: commit, syncedAt: '2026-01-01T00:01:00Z' })] };
  const released = { releases: [release('frontend', { tag: 'v0.0.2' })] };

  it.each([
    {
      name: 'building',
      given: {
        pipelines: [
          pipeline({
            phase: 'Running',
            imageTag: 'v0.0.2',
            jobs: [
              { name: 'a', stage: 'a', phase: 'Succeeded' },
              { name: 'b', stage: 'b', phase: 'Running' },
            ],
          }),
        ],
      },
      want: ['pipeline running 1 of 2 jobs', 'image waiting', 'sync waiting', 'release waiting', 'canary waiting'],
    },
    {
      name: 'a failed job',
      given: {
        pipelines: [
          pipeline({ phase: 'Failed', jobs: [{ name: 'cart', stage: 'a', phase: 'Failed', message: 'exit 2' }] }),
        ],
      },
      want: [
        'pipeline failed job cart: exit 2',
        'image skipped no image',
        'sync waiting',
        'release waiting',
        'canary waiting',
      ],
    },
    {
      name: 'pushed, not yet in Git',
      given: { pipelines: [pipeline(built)], ...pushed },
      want: [
        'pipeline done 0 jobs',
        'image done acme/frontend:v0.0.2',
        'sync running waiting for Git',
        'release waiting',
        'canary waiting',
      ],
    },
    {
      name: 'released without a canary',
      given: { pipelines: [pipeline(built)], ...pushed, ...synced, ...released },
      want: [
        'pipeline done 0 jobs',
        'image done acme/frontend:v0.0.2',
        'sync done revision f3a1c9d',
        'release done frontend',
        'canary skipped no canary',
      ],
    },
    {
      name: 'an upgrade that fails',
      given: {
        pipelines: [pipeline(built)],
        ...pushed,
        releases: [release('frontend', { tag: 'v0.0.2', status: 'failed' })],
      },
      want: [
        'pipeline done 0 jobs',
        'image done acme/frontend:v0.0.2',
        'sync done revision f3a1c9d',
        'release failed frontend',
        'canary waiting',
      ],
    },
    {
      name: 'under judgement',
      given: {
        pipelines: [pipeline(built)],
        ...pushed,
        ...synced,
        ...released,
        canaries: [canary({ phase: 'Progressing', canaryWeight: 15, lastTransitionTime: '2026-01-01T00:01:30Z' })],
      },
      want: [
        'pipeline done 0 jobs',
        'image done acme/frontend:v0.0.2',
        'sync done revision f3a1c9d',
        'release done frontend',
        'canary running 15 %',
      ],
    },
    {
      name: 'a canary that has not noticed yet',
      given: {
        pipelines: [pipeline(built)],
        ...released,
        canaries: [canary({ phase: 'Succeeded', lastTransitionTime: '2025-12-31T23:00:00Z' })],
      },
      want: [
        'pipeline done 0 jobs',
        'image skipped no image',
        'sync done revision f3a1c9d',
        'release done frontend',
        'canary skipped no new pods',
      ],
    },
    {
      name: 'rolled back',
      given: {
        pipelines: [pipeline(built)],
        ...released,
        canaries: [canary({ phase: 'Failed', lastTransitionTime: '2026-01-01T00:01:50Z' })],
      },
      want: [
        'pipeline done 0 jobs',
        'image skipped no image',
        'sync done revision f3a1c9d',
        'release done frontend',
        'canary failed rolled back',
      ],
    },
    {
      name: 'a commit that builds nothing',
      given: { ...synced, releases: [release('frontend', { revision: commit })] },
      want: [
        'pipeline skipped nothing to build',
        'image skipped no image',
        'sync done revision f3a1c9d',
        'release done frontend',
        'canary skipped no canary',
      ],
    },
    {
      name: 'a manifest that does not parse',
      given: { syncs: [sync({ head: commit, problems: [{ source: 'deploy/a.yaml', message: 'line 3: no kind' }] })] },
      want: [
        'pipeline skipped nothing to build',
        'image skipped no image',
        'sync failed deploy/a.yaml: line 3: no kind',
        'release waiting',
        'canary waiting',
      ],
    },
  ])('$name', ({ given, want }) => {
    expect(stages(given)).toEqual([expect.stringMatching(/^commit done/), ...want]);
  });

  it('takes the time of each step', () => {
    const [row] = new CommitHistory().rows(
      sources({
        pipelines: [pipeline(built)],
        ...pushed,
        ...synced,
        ...released,
        canaries: [canary({ phase: 'Succeeded', lastTransitionTime: '2026-01-01T00:03:10Z' })],
      }),
      nowMs,
    );

    const seconds = row?.stages.map(({ startedAtMs = 0, endedAtMs = 0 }) => (endedAtMs - startedAtMs) / 1000);
    expect(seconds).toEqual([0, 45, 0, 15, 10, 120]);
  });

  it('remembers what was done when a newer commit takes its place', () => {
    const history = new CommitHistory();
    const older = { ...pipeline({ ...built, imageTag: 'v0.0.1' }, olderCommit) };
    const first = {
      pipelines: [older],
      releases: [release('frontend', { tag: 'v0.0.1' })],
      canaries: [canary({ phase: 'Succeeded', lastTransitionTime: '2026-01-01T00:01:50Z' })],
      pods: [pod('frontend-primary', 'v0.0.1')],
    };
    history.rows(sources(first), nowMs);
    const later = pipeline(built);
    later.metadata.creationTimestamp = '2026-01-01T00:05:00Z';

    const rows = history.rows(
      sources({ ...first, pipelines: [older, later], releases: [release('frontend', { tag: 'v0.0.2' })] }),
      nowMs,
    );

    expect(rows.map((row) => row.commit)).toEqual([commit, olderCommit]);
    expect(rows[1]?.stages.slice(-2).map(({ state, text }) => `${state} ${text}`)).toEqual([
      'done frontend',
      'done promoted',
    ]);
  });
});
