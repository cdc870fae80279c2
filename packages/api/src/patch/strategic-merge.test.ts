/** Strategic merge patches: applied, computed two-way and three-way. */

import { describe, expect, it } from 'vitest';
import { createThreeWayMergePatch, createTwoWayMergePatch } from './merge-diff.ts';
import { mergeSchemaFor } from './merge-schema.ts';
import { strategicMergePatch } from './strategic-merge.ts';

const podSchema = mergeSchemaFor({ apiVersion: 'v1', kind: 'Pod' });
const deploymentSchema = mergeSchemaFor({ apiVersion: 'apps/v1', kind: 'Deployment' });

function pod(spec: Record<string, unknown>): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec };
}

const applied: { name: string; original: object; patch: object; want: object }[] = [
  {
    name: 'merges containers by name and appends new ones first, as kubectl does without an order',
    original: { containers: [{ name: 'a', image: '1', env: [{ name: 'E', value: 'x' }] }] },
    patch: {
      containers: [
        { name: 'b', image: '2' },
        { name: 'a', image: '3' },
      ],
    },
    want: {
      containers: [
        { name: 'b', image: '2' },
        { name: 'a', image: '3', env: [{ name: 'E', value: 'x' }] },
      ],
    },
  },
  {
    name: 'deletes an element',
    original: { containers: [{ name: 'a' }, { name: 'b' }] },
    patch: { containers: [{ $patch: 'delete', name: 'a' }] },
    want: { containers: [{ name: 'b' }] },
  },
  {
    name: 'replaces a list',
    original: { containers: [{ name: 'a' }, { name: 'b' }] },
    patch: { containers: [{ $patch: 'replace' }, { name: 'c' }] },
    want: { containers: [{ name: 'c' }] },
  },
  {
    name: 'keeps the order that is asked for, others stay before what they preceded',
    original: { containers: [{ name: 'own' }, { name: 'a' }, { name: 'b' }] },
    patch: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] },
    want: { containers: [{ name: 'own' }, { name: 'b' }, { name: 'a' }] },
  },
  {
    name: 'retains only the named keys of a volume',
    original: { volumes: [{ name: 'v', emptyDir: {} }] },
    patch: { volumes: [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }] },
    want: { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
  },
  {
    name: 'replaces lists without a merge key',
    original: { containers: [{ name: 'a', args: ['1', '2'] }] },
    patch: { containers: [{ name: 'a', args: ['3'] }] },
    want: { containers: [{ name: 'a', args: ['3'] }] },
  },
  {
    name: 'removes members that are null and drops nulls of new objects',
    original: { nodeSelector: { a: '1', b: '2' } },
    patch: { nodeSelector: { a: null }, securityContext: { runAsUser: null, runAsGroup: 1 } },
    want: { nodeSelector: { b: '2' }, securityContext: { runAsGroup: 1 } },
  },
];

describe('strategicMergePatch', () => {
  it.each(applied)('$name', ({ original, patch, want }) => {
    expect(strategicMergePatch(pod({ ...original }), { spec: patch }, podSchema)).toEqual(pod({ ...want }));
  });

  it('removes values from a list of scalars', () => {
    const original = { metadata: { finalizers: ['a', 'b', 'c'] } };
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'], finalizers: ['d'] } };

    expect(strategicMergePatch(original, patch, podSchema)).toEqual({ metadata: { finalizers: ['d', 'a', 'c'] } });
  });

  it('names the element that has no merge key', () => {
    const patch = { spec: { containers: [{ image: 'x' }] } };

    expect(() => strategicMergePatch(pod({}), patch, podSchema)).toThrow('does not contain declared merge key: name');
  });
});

describe('createTwoWayMergePatch', () => {
  it('is empty for equal objects', () => {
    const object = pod({ containers: [{ name: 'a', image: '1' }] });

    expect(createTwoWayMergePatch(object, structuredClone(object), podSchema)).toEqual({});
  });

  it('gives a patch that leads to the wanted object', () => {
    const from = pod({
      containers: [{ name: 'a', image: '1' }, { name: 'b' }],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    const to = pod({
      containers: [{ name: 'c' }, { name: 'a', image: '2' }],
      volumes: [{ name: 'v', secret: { secretName: 's' } }],
    });
    const patch = createTwoWayMergePatch(from, to, podSchema);

    expect(patch).toEqual({
      spec: {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
        containers: [{ name: 'c' }, { image: '2', name: 'a' }, { $patch: 'delete', name: 'b' }],
        '$setElementOrder/volumes': [{ name: 'v' }],
        volumes: [{ $retainKeys: ['name', 'secret'], emptyDir: null, name: 'v', secret: { secretName: 's' } }],
      },
    });
    expect(strategicMergePatch(from, patch, podSchema)).toEqual(to);
  });
});

describe('createThreeWayMergePatch', () => {
  const deployment = (replicas: number, containers: object[], more: object = {}): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: { replicas, template: { spec: { containers } }, ...more },
  });

  it('keeps what others added and deletes what the last manifest had', () => {
    const original = deployment(1, [{ name: 'a', image: '1' }, { name: 'old' }]);
    const modified = deployment(1, [{ name: 'a', image: '2' }]);
    const current = deployment(3, [{ name: 'a', image: '1' }, { name: 'old' }, { name: 'sidecar' }], { paused: true });
    const patch = createThreeWayMergePatch(original, modified, current, deploymentSchema);

    expect(strategicMergePatch(current, patch, deploymentSchema)).toEqual(
      deployment(1, [{ name: 'a', image: '2' }, { name: 'sidecar' }], { paused: true }),
    );
  });

  it('is empty when the live object already is as wanted', () => {
    const original = deployment(1, [{ name: 'a', image: '1' }]);
    const current = deployment(1, [{ name: 'a', image: '1' }], { revisionHistoryLimit: 10 });

    expect(createThreeWayMergePatch(original, original, current, deploymentSchema)).toEqual({});
  });
});

describe('mergeSchemaFor', () => {
  it('has none for custom resources', () => {
    expect(mergeSchemaFor({ apiVersion: 'flagger.app/v1beta1', kind: 'Canary' })).toBeUndefined();
  });
});
