/** The pure parts: hashes, schedules, indexes, sizes, fits. */

import type { Deployment, Pod } from '@towpath/api';
import { describe, expect, test } from 'vitest';
import { chooseNode } from '../scheduler/fit.ts';
import { parseQuantity } from '../scheduler/quantity.ts';
import { parseCron } from './cron-schedule.ts';
import { newSetReplicas, resolve, scaleSets, shrinkOld, strategyOf } from './deployment/numbers.ts';
import { parseIndexes, writeIndexes } from './job/indexes.ts';
import { sortForDeletion } from './pod-state.ts';
import { sameTemplate, templateHash } from './template-hash.ts';
import type { Node, ReplicaSet } from './types.ts';

describe('template hashes', () => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'b' }] } };

  test('do not depend on the order of members, and change with a collision', () => {
    const other = { spec: { containers: [{ image: 'b', name: 'a' }] }, metadata: { labels: { app: 'web' } } };

    expect(templateHash(template)).toBe(templateHash(other));
    expect(templateHash(template, 1)).not.toBe(templateHash(template));
    expect(templateHash(template)).toMatch(/^[456789bcdf]{6,10}$/);
  });

  test('of equal templates ignore the hash label and nulls', () => {
    const labelled = {
      ...template,
      metadata: { creationTimestamp: null, labels: { app: 'web', 'pod-template-hash': 'x' } },
    };

    expect(sameTemplate(template, labelled as never)).toBe(true);
    expect(sameTemplate(template, { ...template, spec: { containers: [{ name: 'a', image: 'c' }] } })).toBe(false);
  });
});

describe('cron schedules', () => {
  const from = Date.UTC(2026, 0, 1, 10, 7);
  test.each([
    { schedule: '*/5 * * * *', next: '2026-01-01T10:10:00.000Z' },
    { schedule: '0 * * * *', next: '2026-01-01T11:00:00.000Z' },
    { schedule: '@daily', next: '2026-01-02T00:00:00.000Z' },
    { schedule: '30 9 * * 1-5', next: '2026-01-02T09:30:00.000Z' },
    { schedule: '0 0 29 feb *', next: '2028-02-29T00:00:00.000Z' },
    { schedule: '0 12 1 * mon', next: '2026-01-01T12:00:00.000Z' },
    { schedule: '0 0 * * 7', next: '2026-01-04T00:00:00.000Z' },
    { schedule: '15,45 10-12/2 * * *', next: '2026-01-01T10:15:00.000Z' },
    { schedule: '0 9 * * *', zone: 'Asia/Tokyo', next: '2026-01-02T00:00:00.000Z' },
    { schedule: '30 2 * * *', zone: 'Europe/Berlin', next: '2026-01-02T01:30:00.000Z' },
  ])('$schedule $zone', ({ schedule, zone, next }) => {
    const at = parseCron(schedule, zone).next(from);

    expect(at === undefined ? undefined : new Date(at).toISOString()).toBe(next);
  });

  test.each(['* * * *', '60 * * * *', '* * 0 * *', '*/0 * * * *', 'a * * * *', '5-1 * * * *'])(
    '%s is refused',
    (schedule) => {
      expect(() => parseCron(schedule)).toThrow(/schedule/);
    },
  );

  test('an unknown zone is named', () => {
    expect(() => parseCron('* * * * *', 'Mars/Olympus')).toThrow(/unknown time zone "Mars\/Olympus"/);
  });
});

test.each([
  { text: '0,2-4', indexes: [0, 2, 3, 4] },
  { text: '0,1', indexes: [0, 1] },
  { text: '', indexes: [] },
])('indexes $text', ({ text, indexes }) => {
  expect(parseIndexes(text)).toEqual(indexes);
  expect(writeIndexes(new Set(indexes))).toBe(text);
});

test.each([
  { text: '100m', value: 0.1 },
  { text: '64Mi', value: 67_108_864 },
  { text: '1.5', value: 1.5 },
  { text: '2e3', value: 2000 },
  { text: 'x', value: 0 },
])('quantity $text', ({ text, value }) => {
  expect(parseQuantity(text)).toBeCloseTo(value);
});

const deployment = (replicas: number, rollingUpdate: Record<string, unknown> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: {},
    template: { spec: { containers: [] } },
    strategy: { type: 'RollingUpdate', rollingUpdate },
  },
});
const set = (name: string, replicas: number, available = replicas): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name, creationTimestamp: `2026-01-01T00:00:0${name.length}Z` },
  spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
  status: { replicas, availableReplicas: available },
});

describe('rolling updates', () => {
  test.each([
    { value: '25%', total: 10, up: 3, down: 2 },
    { value: '50%', total: 1, up: 1, down: 0 },
    { value: 2, total: 10, up: 2, down: 2 },
  ])('$value of $total', ({ value, total, up, down }) => {
    expect([resolve(value, total, Math.ceil), resolve(value, total, Math.floor)]).toEqual([up, down]);
  });

  test('both zero means one may be missing', () => {
    expect(strategyOf(deployment(3, { maxSurge: 0, maxUnavailable: 0 })).maxUnavailable).toBe(1);
  });

  test('the new set grows into the surge', () => {
    expect(newSetReplicas(deployment(4), [set('old', 4)], 0)).toBe(1);
    expect(newSetReplicas(deployment(4, { maxSurge: '100%' }), [set('old', 4)], 0)).toBe(4);
  });

  test('the old set shrinks by what is unhealthy, then by what availability allows', () => {
    const sizes = (old: ReplicaSet[], newest: ReplicaSet) =>
      shrinkOld(deployment(4), old, newest).map(({ set: each, replicas }) => [each.metadata.name, replicas]);

    expect(sizes([set('old', 4)], set('newer', 1, 0))).toEqual([['old', 3]]);
    expect(sizes([set('old', 4, 2)], set('newer', 1, 0))).toEqual([['old', 3]]);
    expect(sizes([set('old', 3)], set('newer', 1, 1))).toEqual([['old', 2]]);
    expect(sizes([set('old', 3, 3)], set('newer', 2, 0))).toEqual([]);
  });

  test('scaling in the middle of an update shares the change', () => {
    const changes = scaleSets(deployment(8), set('newer', 2), [set('old', 2)]);

    const total = changes.reduce((sum, { replicas }) => sum + replicas, 0);
    expect(changes.length).toBe(2);
    expect(total).toBe(10);
  });
});

const pod = (name: string, spec: Record<string, unknown> = {}, labels: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [{ name: 'a', image: 'b' }], ...spec },
});
const node = (name: string, spec: Node['spec'] = {}, labels: Record<string, string> = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  spec,
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3' } },
});

describe('a node for a pod', () => {
  const antiAffinity = {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    },
  };
  const taint = { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] };
  test.each([
    {
      name: 'fewest pods',
      wanted: pod('p'),
      nodes: [
        [node('a'), [pod('x')]],
        [node('b'), []],
      ],
      chosen: 'b',
    },
    {
      name: 'not tainted',
      wanted: pod('p'),
      nodes: [
        [node('a', taint), []],
        [node('b'), [pod('x')]],
      ],
      chosen: 'b',
    },
    {
      name: 'tolerated',
      wanted: pod('p', { tolerations: [{ key: 'k', operator: 'Exists' }], nodeSelector: { zone: 'z' } }),
      nodes: [
        [node('a', taint, { zone: 'z' }), []],
        [node('b'), []],
      ],
      chosen: 'a',
    },
    {
      name: 'apart',
      wanted: pod('p', antiAffinity, { app: 'db' }),
      nodes: [
        [node('a'), [pod('x', {}, { app: 'db' })]],
        [node('b'), [pod('y'), pod('z')]],
      ],
      chosen: 'b',
    },
    {
      name: 'full',
      wanted: pod('p'),
      nodes: [[node('a'), [pod('1'), pod('2'), pod('3')]]],
      chosen: /^0\/1 nodes are available: 1 Too many pods\./,
    },
    { name: 'no nodes', wanted: pod('p'), nodes: [], chosen: 'no nodes available to schedule pods' },
  ] as { name: string; wanted: Pod; nodes: [Node, Pod[]][]; chosen: string | RegExp }[])(
    '$name',
    ({ wanted, nodes, chosen }) => {
      const states = nodes.map(([each, pods]) => ({ node: each, pods }));
      const choice = chooseNode(wanted, { states, namespaceLabels: () => undefined });

      expect(choice.type === 'node' ? choice.name : choice.message).toMatch(chosen);
    },
  );
});

test('pods to delete: unassigned, then pending, then not ready, then the youngest', () => {
  const make = (name: string, nodeName: string, phase: string, ready: boolean, created: string): Pod => ({
    ...pod(name, { nodeName }),
    metadata: { name, creationTimestamp: created },
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: created }] },
  });
  const pods = [
    make('old', 'n1', 'Running', true, '2026-01-01T00:00:00Z'),
    make('young', 'n2', 'Running', true, '2026-01-02T00:00:00Z'),
    make('sick', 'n3', 'Running', false, '2026-01-01T00:00:00Z'),
    make('pending', 'n4', 'Pending', false, '2026-01-01T00:00:00Z'),
    make('unassigned', '', 'Pending', false, '2026-01-01T00:00:00Z'),
  ];

  expect(sortForDeletion(pods).map(({ metadata }) => metadata.name)).toEqual([
    'unassigned',
    'pending',
    'sick',
    'young',
    'old',
  ]);
});
