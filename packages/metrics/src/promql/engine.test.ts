import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SeriesStore } from '../store/series-store.ts';
import { labelsOf } from '../labels.ts';
import { createEngine, type Engine } from './engine.ts';
import { functionRows } from './functions/index.ts';
import { parseQuery } from './parse.ts';
import { runTestFile } from './testing/run-test-file.ts';

const folder = new URL('testdata/', import.meta.url);
const files = readdirSync(folder);

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8');
}

describe('testdata', () => {
  it.each(files)('%s', async (file) => {
    const report = await runTestFile(file, read(file));

    expect(report.failures).toEqual([]);
    expect(report.passed).toBeGreaterThan(0);
  });

  it('has a case for every function', () => {
    const text = files.map(read).join('\n');

    expect(functionRows.filter(({ name }) => !text.includes(`${name}(`)).map(({ name }) => name)).toEqual([]);
  });
});

describe('mistakes', () => {
  it.each([
    ['', 'unexpected end of input'],
    ['sum(up', '1:7: parse error: unexpected end of input'],
    ['up +', 'unexpected end of input'],
    ['foo(up)', '1:4: parse error: unknown function with name "foo"'],
    ['up{a="b"', 'unexpected end of input'],
    ['info(up)', 'function "info" is not supported'],
    ['rate(up[5m] smoothed)', 'the smoothed modifier is not supported'],
    ['up + fill(0) up', 'fill modifiers are not supported'],
    ['up{a=~"("}', 'error parsing regexp'],
    ['sum(up, up)', 'wrong number of arguments for aggregate expression provided, expected 1, got 2'],
    ['rate(up[5m], 1)', 'expected 1 argument(s) in call to "rate", got 2'],
    ['(up) offset 5m', 'offset modifier must be preceded by'],
    ['"a" + 1', 'binary expression must contain only scalar and instant vector types'],
    ['up and 1', 'set operator "and" not allowed in binary scalar expression'],
    [`${'('.repeat(300)}1${')'.repeat(300)}`, 'nesting deeper than 200'],
  ])('%s', (query, message) => {
    expect(() => parseQuery(query)).toThrow(message);
  });
});

describe('limits', () => {
  function engine(
    limits: Parameters<typeof createEngine>[0]['limits'],
    stepMs = 0,
  ): { engine: Engine; pauses: () => number } {
    const store = new SeriesStore({ clock: { nowMs: () => 0 }, retentionMs: Infinity });
    for (let pod = 0; pod < 50; pod++) {
      for (let second = 0; second < 100; second++)
        store.append(labelsOf({ __name__: 'x', pod: `${pod}` }), second * 1000, second);
    }
    let [nowMs, pauses] = [0, 0];
    return {
      pauses: () => pauses,
      engine: createEngine({
        source: store,
        clock: { monotonicMs: () => (nowMs += stepMs) },
        pause: () => {
          pauses++;
          return Promise.resolve();
        },
        ...(limits !== undefined && { limits }),
      }),
    };
  }

  it('refuses to read too many samples', async () => {
    await expect(engine({ maxSamples: 1000 }).engine.instant('sum_over_time(x[100s])', 99_000)).rejects.toThrow(
      'query processing would load too many samples into memory in query execution',
    );
  });

  it('gives way during a long evaluation, and ends one that is too long', async () => {
    const slow = engine({}, 5);
    await slow.engine.instant('sum(x)', 99_000);
    expect(slow.pauses()).toBeGreaterThan(5);

    await expect(engine({ timeoutMs: 100 }, 10).engine.instant('sum(x)', 99_000)).rejects.toThrow('query timed out');
  });

  it('ends when the caller has gone', async () => {
    const signal = AbortSignal.abort();

    await expect(engine({}, 10).engine.instant('sum(x)', 99_000, { signal })).rejects.toThrow('query was canceled');
  });
});
