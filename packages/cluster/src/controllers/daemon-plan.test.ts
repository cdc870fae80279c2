/** The decisions about DaemonSets: updates with maxUnavailable and with maxSurge, nodes that change. */

import type { Pod } from '@towpath/api';
import { describe, expect, test } from 'vitest';
import { planDaemonSet } from './daemon-plan.ts';
import type { DaemonSet, Node, Taint } from './types.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);

function setOf(rollingUpdate: object, type = 'RollingUpdate'): DaemonSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent', namespace: 'default', generation: 2 },
    spec: {
      selector: {},
      template: { spec: { containers: [{ name: 'a', image: 'b' }] } },
      updateStrategy: { type, rollingUpdate },
    },
  };
}

function nodeOf(name: string, ...taints: Taint[]): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { taints } };
}

interface PodFacts {
  readonly isReady?: boolean;
  readonly isDeleted?: boolean;
  readonly phase?: string;
}

/** `old-a` runs the old template on node a, `new-a` the current one. */
function podOf(name: string, { isReady = true, isDeleted = false, phase = 'Running' }: PodFacts = {}): Pod {
  const [hash = '', nodeName = ''] = name.split('-');
  const at = name.startsWith('old') ? '2026-01-01T10:00:00Z' : '2026-01-01T11:00:00Z';
  const status = isReady ? 'True' : 'False';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      labels: { 'controller-revision-hash': hash },
      creationTimestamp: at,
      ...(isDeleted && { deletionTimestamp: at }),
    },
    spec: { nodeName, containers: [{ name: 'a', image: 'b' }] },
    status: { phase, conditions: [{ type: 'Ready', status, lastTransitionTime: at }] },
  };
}

const nodes = ['a', 'b', 'c'].map((name) => nodeOf(name));
const surge = { maxSurge: 1, maxUnavailable: 0 };
const unready = { isReady: false };
const taint = { key: 'k', effect: 'NoSchedule' };

describe('what goes and what comes', () => {
  test.each([
    { name: 'a pod on each node', rolling: {}, pods: [], creations: ['a', 'b', 'c'] },
    {
      name: 'one outdated pod at a time',
      rolling: { maxUnavailable: 1 },
      pods: [podOf('old-a'), podOf('old-b'), podOf('old-c')],
      deletions: ['old-a'],
    },
    {
      name: 'none while another is unavailable',
      rolling: { maxUnavailable: 1 },
      pods: [podOf('new-a', unready), podOf('old-b'), podOf('old-c')],
    },
    {
      name: 'unavailable outdated ones at once',
      rolling: { maxUnavailable: 1 },
      pods: [podOf('old-a', unready), podOf('old-b', unready), podOf('old-c')],
      deletions: ['old-a', 'old-b'],
    },
    {
      name: 'as many as a percentage, rounded up',
      rolling: { maxUnavailable: '50%' },
      pods: [podOf('old-a'), podOf('old-b'), podOf('old-c')],
      deletions: ['old-a', 'old-b'],
    },
    {
      name: 'nothing with OnDelete',
      type: 'OnDelete',
      rolling: {},
      pods: [podOf('old-a'), podOf('old-b'), podOf('old-c')],
    },
    {
      name: 'surge: a second pod beside one',
      rolling: surge,
      pods: [podOf('old-a'), podOf('old-b'), podOf('old-c')],
      creations: ['a'],
    },
    {
      name: 'surge: no more while it is not available',
      rolling: surge,
      pods: [podOf('old-a'), podOf('new-a', unready), podOf('old-b'), podOf('old-c')],
    },
    {
      name: 'surge: the old pod goes when the new one is available',
      rolling: surge,
      pods: [podOf('old-a'), podOf('new-a'), podOf('old-b'), podOf('old-c')],
      deletions: ['old-a'],
    },
    {
      name: 'surge: an outdated pod that is not ready goes when its successor is there',
      rolling: surge,
      pods: [podOf('old-a', unready), podOf('new-a', unready), podOf('old-b'), podOf('old-c')],
      deletions: ['old-a'],
    },
    {
      name: 'surge: unavailable outdated pods get their successors at once',
      rolling: surge,
      pods: [podOf('old-a', unready), podOf('old-b', unready), podOf('old-c')],
      creations: ['a', 'b', 'c'],
    },
    {
      name: 'surge: a pod that is going leaves room at once',
      rolling: surge,
      pods: [podOf('new-a', { isDeleted: true }), podOf('new-b'), podOf('new-c')],
      creations: ['a'],
    },
    {
      name: 'without surge it is awaited',
      rolling: {},
      pods: [podOf('new-a', { isDeleted: true }), podOf('new-b'), podOf('new-c')],
    },
    {
      name: 'failed pods are deleted',
      rolling: {},
      pods: [podOf('new-a', { phase: 'Failed' }), podOf('new-b'), podOf('new-c')],
      deletions: ['new-a'],
      event: 'Found failed daemon pod default/new-a on node a, will try to kill it',
    },
  ])('$name', ({ type, rolling, pods, creations = [], deletions = [], event }) => {
    const plan = planDaemonSet(setOf(rolling, type), { nodes, pods, hash: 'new', nowMs });

    expect(plan.creations).toEqual(creations);
    expect(plan.deletions.map(({ metadata }) => metadata.name)).toEqual(deletions);
    expect(plan.events[0]?.message).toBe(event);
  });
});

test('a node that does not take new pods keeps the one it has, but counts it as misscheduled', () => {
  const pods = [podOf('new-a'), podOf('new-b')];
  const plan = planDaemonSet(setOf({}), { nodes: [nodeOf('a', taint), nodeOf('b')], pods, hash: 'new', nowMs });

  expect(plan.deletions).toEqual([]);
  expect(plan.status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 1, numberAvailable: 1 });
});

test('pods for a node that is gone go if nobody bound them', () => {
  const waiting = podOf('new-z');
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['z'] }] }],
      },
    },
  };
  const { nodeName: _nodeName, ...spec } = waiting.spec;
  const pods = [{ ...waiting, spec: { ...spec, affinity } }, podOf('new-y')];

  const plan = planDaemonSet(setOf({}), { nodes: [], pods, hash: 'new', nowMs });

  expect(plan.deletions.map(({ metadata }) => metadata.name)).toEqual(['new-z']);
});
