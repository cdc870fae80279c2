import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFully } from './decode.ts';
import { decodeSimple, type SimpleOptions } from './simple.ts';

const options: SimpleOptions = { integer: Number, flow: (text) => decodeFully(text, {}) };

describe('reads what the parser reads', () => {
  test.each([
    'a: 1\nb:\n  - x\n  -  y: 2\n     z: [1, "]"]\n  - - - 3\n    - 4\nc: {}\n',
    '# head\n---\na: b # c\n"q r": \'it\'\'s\'\non: off\n\nd: "x\\ty"\n',
    'list:\n- a\n-\n- b:\n  - c\n-   # nothing\nnext: ~\n',
    'a: a text\n  over lines\n\n  - and more\nb: "two\n   lines\n\n  \\" end"\nc: \'x\n  y\'\n',
    'a: |\n  one\n    two\n\n  three\n\nb: |-\n\n  x\nc: |+\n  y\n\n\nd: 0x1f\n',
    'a:\n  {}\nb:\n  text\nc: 2001-01-01\nd: -1.5e3\ne: .5\nf: <<\ng: :x -y ?z\n',
    '# nothing\n',
  ])('%j', (text) => {
    expect(decodeSimple(text, options)).toEqual(decodeFully(text, {}));
  });
});

test.each([
  'a: b: c',
  ' a: 1',
  'a: &x 1',
  '- a',
  '? a',
  'a: .nan',
  'null: 1',
  'a: >\n  b',
  'a:\tb',
  'a: "\\x41"',
  'a: b\n c: d',
])('leaves %j to the parser', (text) => {
  expect(decodeSimple(text, options)).toBeUndefined();
});

test('follows the named keys only', () => {
  const text = 'kind: K\nmetadata:\n  labels: {x: z}\n  Annotations:\n    a: 1\nspec:\n  x: 1\n';
  const found = decodeSimple(text, { ...options, within: ['metadata', 'annotations'] });

  const labels = new Map([['x', 'z']]);
  expect(found?.get('metadata')).toEqual(
    new Map<string, unknown>([
      ['labels', labels],
      ['Annotations', new Map([['a', 1]])],
    ]),
  );
  expect(found?.get('spec')).toEqual(new Map());
});

const pieces = [
  '\n',
  '\n',
  '\n  ',
  '\n    ',
  ' ',
  '- ',
  '-',
  'a: ',
  'a:',
  'b: ',
  '"x y": ',
  ' #c',
  '#',
  '"',
  "'",
  '|',
  '|-\n',
  '>',
];
const values = [
  'x',
  'yes',
  '12',
  '{}',
  '[a, "b"]',
  '{a: 1}',
  "'q'",
  '"d\\n"',
  '~',
  '-',
  ':',
  '?',
  '!t',
  '&a',
  '*a',
  '---\n',
  '...\n',
];

test('agrees with the parser on whatever it reads', () => {
  const texts = fc
    .array(fc.constantFrom(...pieces, ...values), { maxLength: 14 })
    .map((parts) => `a: 1${parts.join('')}`);

  fc.assert(
    fc.property(texts, (text) => {
      const found = decodeSimple(text, options);
      if (found !== undefined) expect(found).toEqual(decodeFully(text, {}));
    }),
    { numRuns: 3000 },
  );
});
