/** JSON patches. */

import { describe, expect, it } from 'vitest';
import { applyJsonPatch } from './json-patch.ts';

const cases: { name: string; target: unknown; patch: unknown[]; want: unknown }[] = [
  { name: 'adds a member', target: { a: 1 }, patch: [{ op: 'add', path: '/b', value: 2 }], want: { a: 1, b: 2 } },
  { name: 'inserts into a list', target: [1, 3], patch: [{ op: 'add', path: '/1', value: 2 }], want: [1, 2, 3] },
  {
    name: 'appends to a list',
    target: { l: [1] },
    patch: [{ op: 'add', path: '/l/-', value: 2 }],
    want: { l: [1, 2] },
  },
  { name: 'removes', target: { a: 1, b: [1, 2] }, patch: [{ op: 'remove', path: '/b/0' }], want: { a: 1, b: [2] } },
  {
    name: 'replaces',
    target: { a: { b: 1 } },
    patch: [{ op: 'replace', path: '/a/b', value: 2 }],
    want: { a: { b: 2 } },
  },
  { name: 'moves', target: { a: 1 }, patch: [{ op: 'move', from: '/a', path: '/b' }], want: { b: 1 } },
  { name: 'copies', target: { a: [1] }, patch: [{ op: 'copy', from: '/a', path: '/b' }], want: { a: [1], b: [1] } },
  { name: 'unescapes names', target: { 'x/y~z': 1 }, patch: [{ op: 'remove', path: '/x~1y~0z' }], want: {} },
  {
    name: 'goes on after a test that holds',
    target: { a: 1 },
    patch: [{ op: 'test', path: '/a', value: 1 }],
    want: { a: 1 },
  },
];

describe('applyJsonPatch', () => {
  it.each(cases)('$name', ({ target, patch, want }) => {
    expect(applyJsonPatch(target, patch)).toEqual(want);
  });

  it.each([
    { name: 'a test that fails', patch: [{ op: 'test', path: '/a', value: 2 }], message: 'testing value /a failed' },
    { name: 'a path that is not there', patch: [{ op: 'remove', path: '/b' }], message: 'the path /b does not exist' },
    {
      name: 'an index out of bounds',
      patch: [{ op: 'add', path: '/l/5', value: 1 }],
      message: 'index 5 is out of bounds',
    },
    { name: 'an unknown operation', patch: [{ op: 'merge', path: '/a' }], message: 'unexpected kind: "merge"' },
  ])('refuses $name and changes nothing', ({ patch, message }) => {
    const target = { a: 1, l: [] };

    expect(() => applyJsonPatch(target, patch)).toThrow(message);
    expect(target).toEqual({ a: 1, l: [] });
  });
});
