import { parseManifest } from '@towpath/releases';
import { expect, it } from 'vitest';
import { lookupIn } from './lookup-files.ts';

const objects = parseManifest(`
apiVersion: v1
kind: Secret
metadata: {name: here}
---
apiVersion: v1
kind: Secret
metadata: {name: there, namespace: other}
---
apiVersion: v1
kind: Node
metadata: {name: one, namespace: ignored}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: as.x.io}
spec: {group: x.io, scope: Cluster, names: {kind: A}}
---
apiVersion: x.io/v1
kind: A
metadata: {name: a}
`);

it.each([
  ['v1', 'Secret', 'mine', 'here', 'here'],
  ['v1', 'Secret', 'other', 'here', undefined],
  ['v1', 'Secret', '', 'here', undefined],
  ['v1', 'Secret', 'other', 'there', 'there'],
  ['v1', 'Node', '', 'one', 'one'],
  ['v1', 'Node', 'any', 'one', 'one'],
  ['x.io/v1', 'A', '', 'a', 'a'],
  ['v1', 'Pod', 'mine', 'x', undefined],
])('finds %s %s %s/%s', (apiVersion, kind, namespace, name, expected) => {
  const found = lookupIn(objects, 'mine')({ apiVersion, kind, namespace, name });

  expect((found?.['metadata'] as { name: string } | undefined)?.name).toBe(expected);
});

it.each([
  ['mine', ['here']],
  ['', ['here', 'there']],
  ['none', []],
])('lists Secrets of namespace "%s"', (namespace, names) => {
  const list = lookupIn(objects, 'mine')({ apiVersion: 'v1', kind: 'Secret', namespace, name: '' });

  expect(list).toMatchObject({ kind: 'SecretList', items: names.map((name) => ({ metadata: { name } })) });
});
