/** Taints, conditions and evictions of nodes that are in trouble. */

import type { Condition, Pod } from '@towpath/api';
import { describe, expect, test } from 'vitest';
import { evictionDueMs, unknownConditions, wantedTaints } from './node-health.ts';
import type { Node, Taint, Toleration } from './types.ts';

const now = '2026-01-01T12:00:00Z';
const nowMs = Date.parse(now);
const before = '2026-01-01T11:59:00Z';

function nodeOf(conditions: Record<string, Condition['status']>, spec: Node['spec'] = {}): Node {
  const listed = Object.entries(conditions).map(([type, status]) => ({ type, status, reason: 'KubeletReady' }));
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a', creationTimestamp: before },
    spec,
    status: { conditions: listed },
  };
}

const prefix = 'node.kubernetes.io';
const shown = (taints: readonly Taint[]): string[] => taints.map(({ key, effect }) => `${key}:${effect}`);

describe('taints', () => {
  test.each([
    { name: 'ready', node: nodeOf({ Ready: 'True' }), taints: [] },
    { name: 'not known yet', node: nodeOf({}), taints: [] },
    {
      name: 'not ready',
      node: nodeOf({ Ready: 'False' }),
      taints: [`${prefix}/not-ready:NoSchedule`, `${prefix}/not-ready:NoExecute`],
    },
    {
      name: 'silent',
      node: nodeOf({ Ready: 'Unknown' }),
      taints: [`${prefix}/unreachable:NoSchedule`, `${prefix}/unreachable:NoExecute`],
    },
    {
      name: 'all are silent',
      node: nodeOf({ Ready: 'Unknown' }),
      isOutage: true,
      taints: [`${prefix}/unreachable:NoSchedule`],
    },
    {
      name: 'under pressure',
      node: nodeOf({ Ready: 'True', DiskPressure: 'True', MemoryPressure: 'False', PIDPressure: 'True' }),
      taints: [`${prefix}/disk-pressure:NoSchedule`, `${prefix}/pid-pressure:NoSchedule`],
    },
    {
      name: 'cordoned',
      node: nodeOf({ Ready: 'True' }, { unschedulable: true }),
      taints: [`${prefix}/unschedulable:NoSchedule`],
    },
    {
      name: 'well again, with a taint of somebody else',
      node: nodeOf(
        { Ready: 'True' },
        {
          taints: [
            { key: `${prefix}/not-ready`, effect: 'NoExecute' },
            { key: `${prefix}/unschedulable`, effect: 'NoSchedule' },
            { key: 'gpu', effect: 'NoExecute' },
          ],
        },
      ),
      taints: ['gpu:NoExecute'],
    },
  ])('$name', ({ node, isOutage = false, taints }) => {
    expect(shown(wantedTaints(node, { now, isOutage }))).toEqual(taints);
  });

  test('that stay keep their time', () => {
    const known = { key: `${prefix}/unreachable`, effect: 'NoExecute', timeAdded: before };

    const [first, second] = wantedTaints(nodeOf({ Ready: 'Unknown' }, { taints: [known] }), { now, isOutage: false });

    expect(first).toEqual(known);
    expect(second).toMatchObject({ effect: 'NoSchedule', timeAdded: now });
  });
});

test('a silent node is unknown in all that it told, and in what it never told', () => {
  const conditions = unknownConditions(nodeOf({ Ready: 'True', NetworkUnavailable: 'False' }), nowMs);

  expect(conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
    'Ready Unknown NodeStatusUnknown',
    'NetworkUnavailable False KubeletReady',
    'MemoryPressure Unknown NodeStatusNeverUpdated',
    'DiskPressure Unknown NodeStatusNeverUpdated',
    'PIDPressure Unknown NodeStatusNeverUpdated',
  ]);
});

test.each<{ name: string; tolerations: Toleration[]; dueMs: number }>([
  { name: 'not tolerated', tolerations: [], dueMs: 0 },
  { name: 'tolerated for ever', tolerations: [{ operator: 'Exists' }], dueMs: Infinity },
  { name: 'tolerated for a time', tolerations: [{ operator: 'Exists', tolerationSeconds: 300 }], dueMs: 240_000 },
  {
    name: 'the shorter of two',
    tolerations: [
      { key: 'k', operator: 'Exists', tolerationSeconds: 90 },
      { operator: 'Exists', tolerationSeconds: 300 },
    ],
    dueMs: 30_000,
  },
])('a pod leaves a tainted node: $name', ({ tolerations, dueMs }) => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [], tolerations } };

  expect(evictionDueMs(pod, [{ key: 'k', effect: 'NoExecute', timeAdded: before }], nowMs)).toBe(dueMs);
});
