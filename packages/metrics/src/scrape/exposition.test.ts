import { describe, expect, it } from 'vitest';
import { labelRecord } from '../labels.ts';
import { parseExposition, parseSeriesLabels, type ExpositionMetadata } from './exposition.ts';

function read(text: string, openMetrics = false): (readonly [Record<string, string>, number, number | undefined])[] {
  const samples: (readonly [Record<string, string>, number, number | undefined])[] = [];
  parseExposition(text, openMetrics, {
    sample: ({ series, value, atMs }) => samples.push([labelRecord(parseSeriesLabels(series)), value, atMs]),
  });
  return samples;
}

describe('text 0.0.4', () => {
  it.each([
    ['up 1', [{ __name__: 'up' }, 1, undefined]],
    ['up{} 1', [{ __name__: 'up' }, 1, undefined]],
    ['up {a="b"} 1', [{ __name__: 'up', a: 'b' }, 1, undefined]],
    ['x{a="b",} 1.5e3 1700000000000', [{ __name__: 'x', a: 'b' }, 1500, 1_700_000_000_000]],
    ['x{a="b c",d="{}"}\t+Inf', [{ __name__: 'x', a: 'b c', d: '{}' }, Infinity, undefined]],
    [
      String.raw`x{a="q\"uote",b="back\\slash",c="new\nline"} -Inf`,
      [{ __name__: 'x', a: 'q"uote', b: 'back\\slash', c: 'new\nline' }, -Infinity, undefined],
    ],
    ['x NaN', [{ __name__: 'x' }, NaN, undefined]],
    ['{"quoted.name", "label.x"="y"} 2', [{ __name__: 'quoted.name', 'label.x': 'y' }, 2, undefined]],
  ] as const)('%s', (line, want) => {
    expect(read(`${line}\n`)).toEqual([want]);
  });

  it('reads descriptions', () => {
    const found: ExpositionMetadata[] = [];
    parseExposition('# HELP x Two\\nlines.\n# TYPE x counter\n# just a comment\nx 1\n', false, {
      sample: () => {},
      metadata: (metadata) => found.push(metadata),
    });

    expect(found).toEqual([
      { metric: 'x', help: 'Two\nlines.' },
      { metric: 'x', type: 'counter' },
    ]);
  });

  it.each([
    ['up 1\nup\n', 'line 2: a value is missing'],
    ['up one\n', 'line 1: "one" is no value'],
    ['up{a="b" 1\n', 'line 1: the labels do not end with }'],
    ['up 1 soon\n', 'line 1: "soon" is no timestamp'],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe('OpenMetrics', () => {
  it('reads seconds, drops exemplars and wants an end', () => {
    expect(read('x_total{a="b"} 3 1.5 # {trace_id="abc"} 1 1.4\n# EOF\n', true)).toEqual([
      [{ __name__: 'x_total', a: 'b' }, 3, 1500],
    ]);
    expect(() => read('x_total 1\n', true)).toThrow('the page does not end with # EOF');
  });
});
