import type { Deployment } from '@towpath/api';
import { expect, it } from 'vitest';
import { deploymentReadiness } from './readiness.ts';

const nowMs = Date.UTC(2026, 0, 1);
const options = { deadlineSeconds: 600, readyThreshold: 100, nowMs };
const ready = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

function deployment(status: Deployment['status']): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'frontend', generation: 2 },
    spec: { replicas: 2, selector: {}, template: { spec: { containers: [] } } },
    ...(status !== undefined && { status }),
  };
}

const rollout = 'waiting for rollout to finish: ';

it.each([
  ['finished', ready, undefined],
  ['just created', undefined, `${rollout}observed deployment generation less than desired generation`],
  ['not all updated', { ...ready, updatedReplicas: 1 }, `${rollout}1 out of 2 new replicas have been updated`],
  ['old ones left', { ...ready, replicas: 3 }, `${rollout}1 old replicas are pending termination`],
  [
    'not available',
    { ...ready, availableReplicas: 1 },
    `${rollout}1 of 2 (readyThreshold 100%) updated replicas are available`,
  ],
  [
    'deadline exceeded',
    { ...ready, conditions: [{ type: 'Progressing', status: 'False' as const, reason: 'ProgressDeadlineExceeded' }] },
    'deployment "frontend" exceeded its progress deadline',
  ],
  [
    'unavailable for longer than the deadline',
    {
      ...ready,
      conditions: [
        {
          type: 'Available',
          status: 'False' as const,
          reason: 'MinimumReplicasUnavailable',
          lastUpdateTime: new Date(nowMs - 601_000).toISOString(),
        },
      ],
    },
    'deployment "frontend" exceeded its progress deadline',
  ],
])('%s', (_name, status, want) => {
  const readiness = deploymentReadiness(deployment(status), options);

  expect(readiness.ready ? undefined : readiness.reason).toBe(want);
  if (!readiness.ready) expect(readiness.retriable).toBe(!want?.startsWith('deployment'));
});

it('takes fewer available replicas when the threshold says so', () => {
  const half = deployment({ ...ready, availableReplicas: 1 });

  expect(deploymentReadiness(half, { ...options, readyThreshold: 50 })).toEqual({ ready: true });
});
