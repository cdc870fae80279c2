import type { Pod } from '@towpath/api';
import { describe, expect, test } from 'vitest';
import { proposeByUtilization, proposeByValue, type UsageInput } from './replicas.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const atMs = nowMs - 5_000;

interface Row {
  /** CPU in thousandths of a core, or why a pod does not count. */
  readonly pods: readonly (number | 'missing' | 'pending' | 'unready' | 'failed' | 'deleting')[];
}

/** Pods that run for an hour, each with a request of 1000 thousandths. */
function inputOf({ pods }: Row): UsageInput {
  const usage = new Map<string, { milli: number; atMs: number; windowMs: number }>();
  const objects = pods.map((state, index) => {
    const name = `web-${index}`;
    if (typeof state === 'number' || state === 'unready') {
      usage.set(name, { milli: typeof state === 'number' ? state : 5_000, atMs, windowMs: 15_000 });
    }
    return podOf(name, state);
  });
  return { currentReplicas: pods.length, pods: objects, usage, resource: 'cpu', nowMs };
}

function podOf(name: string, state: Row['pods'][number]): Pod {
  const started = state === 'unready' ? '2026-01-01T00:59:00Z' : '2026-01-01T00:00:00Z';
  const conditions = [
    { type: 'Ready', status: state === 'unready' ? 'False' : 'True', lastTransitionTime: '2026-01-01T00:00:10Z' },
  ] as const;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(state === 'deleting' && { deletionTimestamp: started }) },
    spec: { containers: [] },
    status: {
      phase: state === 'pending' ? 'Pending' : state === 'failed' ? 'Failed' : 'Running',
      startTime: started,
      conditions: [...conditions],
    },
  };
}

describe('by utilization of the requests, target 50 %', () => {
  test.each([
    { name: 'as it should be', pods: [500, 500], want: { replicas: 2, utilizationPercent: 50, averageMilli: 500 } },
    { name: 'within a tenth', pods: [550, 540], want: { replicas: 2, utilizationPercent: 54 } },
    { name: 'twice as much', pods: [1000, 1000], want: { replicas: 4, utilizationPercent: 100 } },
    { name: 'a third more, rounded up', pods: [700, 700, 700], want: { replicas: 5, utilizationPercent: 70 } },
    { name: 'half', pods: [250, 250, 250, 250], want: { replicas: 2, utilizationPercent: 25 } },
    { name: 'nothing', pods: [0, 0], want: { replicas: 0, utilizationPercent: 0 } },
    { name: 'missing figures count as busy when it would go down', pods: [200, 200, 'missing'], want: { replicas: 3 } },
    {
      name: 'missing figures count as nothing when it would go up',
      pods: [1000, 1000, 'missing'],
      want: { replicas: 4 },
    },
    { name: 'pods that start count as nothing when it would go up', pods: [1000, 'unready'], want: { replicas: 2 } },
    { name: 'pods that start do not keep it up', pods: [100, 100, 'unready'], want: { replicas: 1 } },
    { name: 'pending pods are as those that start', pods: [1000, 1000, 'pending'], want: { replicas: 4 } },
    { name: 'failed and deleted pods are not there', pods: [1000, 'failed', 'deleting'], want: { replicas: 2 } },
  ] as const)('$name', ({ pods, want }) => {
    const input = inputOf({ pods });
    const requestsMilli = new Map(input.pods.map((pod) => [pod.metadata.name, 1000]));

    expect(proposeByUtilization(input, { percent: 50, requestsMilli })).toMatchObject(want);
  });
});

test.each([
  { name: 'as it should be', pods: [300, 300], want: { replicas: 2, averageMilli: 300 } },
  { name: 'twice as much', pods: [600, 600], want: { replicas: 4, averageMilli: 600 } },
  { name: 'missing figures are as the target', pods: [100, 100, 'missing'], want: { replicas: 2 } },
] as const)('by value, target 300: $name', ({ pods, want }) => {
  expect(proposeByValue(inputOf({ pods }), 300)).toMatchObject(want);
});

test.each([
  { name: 'no pods', pods: [], error: 'no pods returned by selector while calculating replica count' },
  {
    name: 'no figures',
    pods: ['missing', 'unready'],
    error: 'did not receive metrics for targeted pods (pods might be unready)',
  },
] as const)('fails with $name', ({ pods, error }) => {
  expect(() => proposeByValue(inputOf({ pods }), 300)).toThrow(error);
});
