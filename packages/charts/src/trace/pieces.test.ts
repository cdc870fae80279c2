import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TracedLines } from './lines.ts';
import { splitText, TracedText, withoutNoValue, type Piece } from './pieces.ts';
import { ValuePath } from './value-path.ts';

const root = ValuePath.root();
const own = { node: undefined, at: 0, link: undefined, values: [], around: [] };

/** A text whose lines show one value each, named like the line. */
function tracedLines(lines: readonly string[]): TracedText {
  let end = 0;
  const pieces = lines.map((line): Piece => {
    end += line.length + 1;
    return { ...own, end, values: [root.child(line.trim())] };
  });
  return new TracedText(lines.map((line) => `${line}\n`).join(''), () => pieces);
}

/** What templates do to a text before they print it. */
const changes: Readonly<Record<string, (text: string) => string>> = {
  nothing: (text) => text,
  indent: (text) => text.replaceAll(/^/gm, '    '),
  nindent: (text) => `\n${text.replaceAll(/^/gm, '  ')}`,
  trim: (text) => text.trim(),
  quote: (text) => text.trim().replaceAll(/^.+$/gm, '"$&"'),
  'drop the first line': (text) => text.slice(text.indexOf('\n') + 1),
  'add lines': (text) => `first: 1\n${text}last: 1\n`,
};

test('lines keep their values through what templates do to texts', () => {
  const line = fc.stringMatching(/^ {0,4}[a-z]{1,3}: [a-z0-9]{0,3}$/);
  const texts = fc.array(fc.uniqueArray(line, { minLength: 1, maxLength: 6, selector: (text) => text.trim() }), {
    minLength: 1,
    maxLength: 3,
  });
  const steps = fc.array(fc.constantFrom(...Object.keys(changes)), { maxLength: 3 });
  fc.assert(
    fc.property(texts, steps, (lists, names) => {
      const sources = lists.map(tracedLines);
      const known = new Set(lists.flat().map((text) => text.trim()));
      const text = names.reduce(
        (whole, name) => changes[name]?.(whole) ?? whole,
        sources.map((one) => one.text).join(''),
      );

      const pieces = splitText(text, sources, own);

      expect(pieces.at(-1)?.end ?? 0).toBe(text.length);
      const traced = new TracedLines(new TracedText(text, () => pieces));
      text.split('\n').forEach((content, index) => {
        const shown = content.trim().replaceAll(/^"+|"+$/g, '');
        if (!known.has(shown)) return;
        expect(traced.line(index + 1)?.values.map((path) => path.key)).toEqual([shown]);
      });
    }),
  );
});

test('a text without its missing values keeps its lines', () => {
  const traced = tracedLines(['a: <no value>b', '<no value>', 'c: d<no value>']);

  const { text, pieces } = withoutNoValue(traced);

  expect(text).toBe('a: b\n\nc: d\n');
  expect(pieces.map(({ end }) => end)).toEqual([5, 6, 11]);
});
