import { describe, expect, test } from 'vitest';
import {
  AsyncQueue,
  backoffMs,
  Disposer,
  getIn,
  goDurationText,
  jsonEqual,
  logfmt,
  parseAllYaml,
  parseGoDuration,
  randomSuffix,
  seededRandom,
  uuid,
} from './index.ts';
import { FakeClock } from './testing/index.ts';

describe('backoffMs', () => {
  test.each([
    { name: 'first', failures: 1, want: 100 },
    { name: 'doubles', failures: 4, want: 800 },
    { name: 'has a ceiling', failures: 40, want: 1000 },
  ])('$name', ({ failures, want }) => {
    expect(backoffMs(failures, { firstMs: 100, maxMs: 1000 })).toBe(want);
  });
});

describe('logfmt', () => {
  test.each([
    { name: 'plain', fields: { a: 1, b: 'x' }, want: 'a=1 b=x' },
    { name: 'quotes spaces', fields: { cmd: 'kubectl apply -f -' }, want: 'cmd="kubectl apply -f -"' },
    { name: 'escapes quotes', fields: { info: 'a "b"\n' }, want: String.raw`info="a \"b\"\n"` },
    { name: 'writes null', fields: { err: null }, want: 'err=null' },
  ])('$name', ({ fields, want }) => {
    expect(logfmt(fields)).toBe(want);
  });
});

describe('parseAllYaml', () => {
  test('reads YAML 1.1 booleans, as Kubernetes does', () => {
    expect(parseAllYaml('a: yes\n---\nb: "yes"\n', { file: 'x.yaml' })).toEqual([{ a: true }, { b: 'yes' }]);
  });

  test('yes and on are texts where only true and false are booleans', () => {
    const text = '{y: yes, on: true, a: False, b: 0777}';
    expect(parseAllYaml(text, { file: 'x.yaml', onlyTrueAndFalse: true })).toEqual([
      { y: 'yes', on: true, a: false, b: 511 },
    ]);
    expect(parseAllYaml('[yes, on]', { file: 'x.yaml' })).toEqual([[true, true]]);
  });

  test('takes for numbers with an exponent only what go-yaml does', () => {
    const text = '[e2, 1e3, 1.5e+3, .5e1, -e1, .e3, 1_0e2, ., -., 1., .5]';
    expect(parseAllYaml(text, { file: 'x.yaml' })).toEqual([
      ['e2', 1000, 1500, 5, '-e1', '.e3', 1000, '.', '-.', 1, 0.5],
    ]);
  });

  test('names file, line and column', () => {
    expect(() => parseAllYaml('a: 1\nb: [', { file: 'deploy/x.yaml' })).toThrow(/^deploy\/x\.yaml:\d+:\d+: /);
  });

  test('takes quoted texts that go on at the indentation of their key', () => {
    const text = `a:\n  b: 'it''s one\n  of two'\n  c:\n  - "three:\n  \\"four\\""\n  d: 'five\n\n  six'\n  e: it's\n`;

    expect(parseAllYaml(text, { file: 'x.yaml' })).toEqual([
      { a: { b: "it's one of two", c: ['three: "four"'], d: 'five\nsix', e: "it's" } },
    ]);
    expect(() => parseAllYaml(`a:\n  b: 'one\n  two\n`, { file: 'x.yaml' })).toThrow(/closing/);
  });
});

describe('FakeClock', () => {
  test('runs timers in order and only when due', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    clock.startTimer(20, () => seen.push('second'));
    clock.startTimer(10, () => seen.push('first'));
    clock.startTimer(30, () => seen.push('late'));

    await clock.advance(25);

    expect(seen).toEqual(['first', 'second']);
  });

  test('an aborted sleep rejects', async () => {
    const stop = new AbortController();
    const sleeping = new FakeClock().sleep(1000, stop.signal);

    stop.abort();

    await expect(sleeping).rejects.toThrow();
  });
});

describe('Disposer', () => {
  test('ends in reverse order and tries all', async () => {
    const seen: number[] = [];
    const disposer = new Disposer();
    disposer.add(() => void seen.push(1));
    disposer.add(() => {
      throw new Error('broken');
    });
    disposer.add(() => void seen.push(3));

    await expect(disposer.dispose()).rejects.toThrow('broken');

    expect(seen).toEqual([3, 1]);
  });
});

describe('AsyncQueue', () => {
  test('delivers what was pushed, then ends', async () => {
    const queue = new AsyncQueue<number>({ limit: 10 });
    queue.push(1);
    queue.push(2);
    queue.close();
    const seen: number[] = [];

    for await (const item of queue) seen.push(item);

    expect(seen).toEqual([1, 2]);
  });

  test('fails the reader when it is full', async () => {
    const queue = new AsyncQueue<number>({ limit: 1 });
    queue.push(1);

    expect(queue.push(2)).toBe(false);
    await expect(
      (async () => {
        for await (const _ of queue);
      })(),
    ).rejects.toThrow('queue is full');
  });
});

describe('json', () => {
  test('undefined members count as absent', () => {
    expect(jsonEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(jsonEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe(false);
  });

  test('getIn does not reach the prototype', () => {
    expect(getIn({ a: [{ b: 1 }] }, ['a', 0, 'b'])).toBe(1);
    expect(getIn({}, ['constructor'])).toBeUndefined();
  });
});

test('names repeat with the seed', () => {
  expect(randomSuffix(seededRandom(7))).toBe(randomSuffix(seededRandom(7)));
  expect(uuid(seededRandom(7))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test.each([
  [0, '0s'],
  [0.5, '500µs'],
  [12, '12ms'],
  [12.3456, '12.346ms'],
  [1250, '1.25s'],
  [60_000, '1m0s'],
  [62_500, '1m2.5s'],
  [3_661_000, '1h1m1s'],
])('%d ms prints as Go does: %s', (ms, text) => {
  expect(goDurationText(ms)).toBe(text);
  expect(parseGoDuration(text)).toBeCloseTo(ms, 3);
});

test.each(['', 'x', '5', '-1s', '1s x'])('%j is no duration', (text) => {
  expect(parseGoDuration(text)).toBeUndefined();
});
