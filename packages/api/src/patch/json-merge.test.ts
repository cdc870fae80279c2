import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createJsonMergePatch, jsonMergePatch } from './json-merge.ts';

// Source: RFC 7386, appendix A.
test.each([
  { target: { a: 'b' }, patch: { a: 'c' }, want: { a: 'c' } },
  { target: { a: 'b' }, patch: { b: 'c' }, want: { a: 'b', b: 'c' } },
  { target: { a: 'b', b: 'c' }, patch: { a: null }, want: { b: 'c' } },
  { target: { a: ['b'] }, patch: { a: 'c' }, want: { a: 'c' } },
  { target: { a: { b: 'c' } }, patch: { a: { b: 'd', c: null } }, want: { a: { b: 'd' } } },
  { target: { a: [{ b: 'c' }] }, patch: { a: [1] }, want: { a: [1] } },
  { target: ['a', 'b'], patch: ['c', 'd'], want: ['c', 'd'] },
  { target: {}, patch: { a: { bb: { ccc: null } } }, want: { a: { bb: {} } } },
])('$target with $patch is $want', ({ target, patch, want }) => {
  expect(jsonMergePatch(target, patch)).toEqual(want);
});

test('a created patch turns one value into the other', () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const tree = fc.letrec((tie) => ({
    node: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof({ maxDepth: 3 }, leaf, tie('node'), fc.array(leaf))),
  })).node;

  fc.assert(
    fc.property(tree, tree, (from, to) => {
      expect(jsonMergePatch(from, createJsonMergePatch(from, to) ?? {})).toEqual(to);
    }),
  );
});
