import { describe, expect, test } from 'vitest';
import { setImages } from './setters.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const images = [
  { namespace: 'apps', name: 'web', ref: { name: 'ghcr.io/acme/web', tag: '1.2.0', digest } },
  { namespace: 'apps', name: 'plain', ref: { name: 'acme/plain', tag: '1.10' } },
];
const marker = (name: string): string => `# {"$imagepolicy": "${name}"}`;

interface Row {
  readonly name: string;
  readonly before: string;
  readonly after?: string;
  readonly problem?: string;
}

describe('values behind markers', () => {
  test.each<Row>([
    {
      name: 'the whole image',
      before: `a: old:1 ${marker('apps:web')}\n`,
      after: `a: ghcr.io/acme/web:1.2.0@${digest} ${marker('apps:web')}\n`,
    },
    { name: 'the tag', before: `a: x ${marker('apps:web:tag')}\n`, after: `a: 1.2.0 ${marker('apps:web:tag')}\n` },
    {
      name: 'the name',
      before: `a:   'x'   ${marker('apps:web:name')}\n`,
      after: `a:   'ghcr.io/acme/web'   ${marker('apps:web:name')}\n`,
    },
    {
      name: 'the digest',
      before: `a: "" ${marker('apps:web:digest')}\n`,
      after: `a: "${digest}" ${marker('apps:web:digest')}\n`,
    },
    {
      name: 'a digest that is not known',
      before: `a: x ${marker('apps:plain:digest')}\n`,
      after: `a: "" ${marker('apps:plain:digest')}\n`,
    },
    {
      name: 'what would be a number is quoted',
      before: `a: v1 ${marker('apps:plain:tag')}\n`,
      after: `a: "1.10" ${marker('apps:plain:tag')}\n`,
    },
    { name: 'the same value', before: `a: 1.10 ${marker('apps:plain:tag')}\n` },
    { name: 'a policy that is not there', before: `a: x ${marker('other:web:tag')}\n` },
    { name: 'words behind the marker', before: `a: x ${marker('apps:web:tag')} more\n` },
    { name: 'a marker above a key', before: `${marker('apps:web:tag')}\na: x\n` },
    {
      name: 'a marker above an item',
      before: `a:\n  ${marker('apps:web:tag')}\n  - x\n  - y\n`,
      after: `a:\n  ${marker('apps:web:tag')}\n  - 1.2.0\n  - y\n`,
    },
    {
      name: 'everything else stays',
      before: `\n\n# head\nb:   {c: d}   # flow\n\na: &x v ${marker('apps:web:tag')}\r\nlist:\n- one\n-   two\n\n\n`,
      after: `\n\n# head\nb:   {c: d}   # flow\n\na: &x 1.2.0 ${marker('apps:web:tag')}\r\nlist:\n- one\n-   two\n\n\n`,
    },
    {
      name: 'several documents',
      before: `a: x ${marker('apps:web:tag')}\n---\nb: x ${marker('apps:web:tag')}\n`,
      after: `a: 1.2.0 ${marker('apps:web:tag')}\n---\nb: 1.2.0 ${marker('apps:web:tag')}\n`,
    },
    {
      name: 'a block of text',
      before: `b: c\na: | ${marker('apps:web:tag')}\n  x\n`,
      problem: 'line 2: the marker is at a block of text; write the value in one line',
    },
  ])('$name', ({ before, after, problem }) => {
    const result = setImages(new Map([['a.yaml', Buffer.from(before)]]), images);

    expect(result.files.get('a.yaml')).toBe(after);
    expect(result.problems.map(({ because }) => because)).toEqual(problem === undefined ? [] : [problem]);
  });

  test('says what was changed in which object, also in lists', () => {
    const list = [
      'kind: List',
      'items:',
      '  - {apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: shop}}',
      '  - apiVersion: v1',
      '    kind: ConfigMap',
      '    metadata: {name: two}',
      `    data: "v1" ${marker('apps:web:tag')}`,
    ];

    const { changes } = setImages(new Map([['b.yml', Buffer.from(list.join('\n'))]]), images);

    expect(changes).toEqual([
      {
        file: 'b.yml',
        object: { apiVersion: 'v1', kind: 'ConfigMap', name: 'two', namespace: '' },
        oldValue: 'v1',
        newValue: '1.2.0',
        setter: 'apps:web:tag',
      },
    ]);
  });

  test('leaves what is no YAML to others', () => {
    const files = new Map([
      ['chart/templates/a.yaml', Buffer.from(`{{ if x }}\na: b ${marker('apps:web:tag')}\n{{ end }}\n`)],
      ['notes.md', Buffer.from(`a: b ${marker('apps:web:tag')}\n`)],
    ]);

    const { files: changed, problems } = setImages(files, images);

    expect([changed.size, problems.map(({ file }) => file)]).toEqual([0, ['chart/templates/a.yaml']]);
  });
});
