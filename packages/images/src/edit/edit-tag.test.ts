import { describe, expect, test } from 'vitest';
import { editTag } from './edit-tag.ts';

const tagPath = ['spec', 'values', 'image', 'tag'];

describe('one tag', () => {
  test.each([
    { name: 'plain', before: 'tag: v0.0.1', after: 'tag: v0.0.2', tag: 'v0.0.2' },
    {
      name: 'with a comment',
      before: 'tag: v0.0.1   # pinned by hand',
      after: 'tag: v0.0.2   # pinned by hand',
      tag: 'v0.0.2',
    },
    { name: 'double quoted', before: 'tag: "v0.0.1"', after: 'tag: "v0.0.2"', tag: 'v0.0.2' },
    { name: 'single quoted', before: "tag: 'v0.0.1'", after: "tag: 'v0.0.2'", tag: 'v0.0.2' },
    { name: 'a number gets quotes', before: 'tag: v1', after: 'tag: "1.10"', tag: '1.10' },
    { name: 'shorter', before: 'tag: latest', after: 'tag: v1', tag: 'v1' },
    { name: 'flow style', before: 'tag:   v0.0.1 ', after: 'tag:   v0.0.2 ', tag: 'v0.0.2' },
  ])('$name', ({ before, after, tag }) => {
    const file = (line: string): string =>
      `# release\n---\nkind: HelmRelease\n\nspec:\n  values:\n    image:\n      repository:   acme/frontend\n      ${line}\n\n    other: |\n      tag: v0.0.1\n`;

    const edited = editTag({
      file: 'f.yaml',
      text: file(before),
      documentIndex: 0,
      place: { path: tagPath, holds: 'tag' },
      tag,
    });

    expect(edited).toBe(file(after));
  });

  test('in the second document, with Windows line ends', () => {
    const text = 'kind: A\r\n---\r\nspec: {values: {image: {tag: v1}}}\r\n';

    const edited = editTag({
      file: 'f.yaml',
      text,
      documentIndex: 1,
      place: { path: tagPath, holds: 'tag' },
      tag: 'v2',
    });

    expect(edited).toBe(text.replace('tag: v1', 'tag: v2'));
  });

  test.each([
    { before: 'image: acme/web:v1', after: 'image: acme/web:v2' },
    { before: 'image: "localhost:5000/acme/web:v1"', after: 'image: "localhost:5000/acme/web:v2"' },
    { before: 'image: localhost:5000/acme/web', after: 'image: localhost:5000/acme/web:v2' },
  ])('a reference: $before', ({ before, after }) => {
    const place = { path: ['spec', 'containers', 0, 'image'], holds: 'reference' } as const;
    const file = (line: string): string => `spec:\n  containers:\n  - name: web\n    ${line}\n`;

    expect(editTag({ file: 'f', text: file(before), documentIndex: 0, place, tag: 'v2' })).toBe(file(after));
  });

  test('an alias or a block is refused by name', () => {
    const text = 'a: &t v1\nspec: {values: {image: {tag: *t}}}\n';

    const edit = (): string =>
      editTag({ file: 'f.yaml', text, documentIndex: 0, place: { path: tagPath, holds: 'tag' }, tag: 'v2' });

    expect(edit).toThrow(/f\.yaml: spec\.values\.image\.tag cannot be edited/);
  });
});
