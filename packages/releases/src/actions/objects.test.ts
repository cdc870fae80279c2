import { describe, expect, it } from 'vitest';
import { parseManifest } from './objects.ts';

describe('parseManifest', () => {
  it('reads every document, takes lists apart, and passes over comments', () => {
    const manifest = [
      '---',
      '# Source: x/templates/a.yaml',
      'apiVersion: v1',
      'kind: ConfigMap',
      'metadata: { name: a }',
      '--- # nothing in here',
      '# only a comment',
      '---',
      'apiVersion: v1',
      'kind: ConfigMapList',
      'items:',
      '- metadata: { name: b }',
      '- metadata: { name: c }',
      '---',
      'apiVersion: v1',
      'kind: List',
      'items:',
      '- { apiVersion: v1, kind: Secret, metadata: { name: d } }',
      '',
    ].join('\n');

    const objects = parseManifest(manifest);

    expect(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      'ConfigMap/a',
      'ConfigMap/b',
      'ConfigMap/c',
      'Secret/d',
    ]);
  });

  it('reads scalars as Kubernetes does', () => {
    const [object] = parseManifest(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { day: 2026-01-01, ports: 22:22, yes: no, mode: 0644 }\n',
    );

    expect(object?.['data']).toEqual({ day: '2026-01-01', ports: '22:22', true: false, mode: 420 });
  });

  it.each([
    {
      name: 'no kind',
      text: '# Source: x/templates/a.yaml\napiVersion: v1\nmetadata: { name: a }\n',
      says: 'has no kind',
    },
    { name: 'no name', text: 'apiVersion: v1\nkind: ConfigMap\n', says: 'a rendered ConfigMap has no metadata.name' },
    { name: 'no YAML', text: '# Source: x/templates/a.yaml\na: b: c\n', says: 'x/templates/a.yaml: ' },
  ])('refuses a document with $name', ({ text, says }) => {
    expect(() => parseManifest(text)).toThrow(says);
  });
});
