import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelsOf } from '../labels.ts';
import { createMatcher } from '../matchers.ts';
import { isStale } from '../promql/select.ts';
import { Chunk, SampleBuffer } from './chunk.ts';
import { SeriesStore } from './series-store.ts';

type Sample = readonly [atMs: number, value: number | undefined];

function roundTrip(samples: readonly Sample[], afterMs = -Infinity, untilMs = Infinity): Sample[] {
  const chunk = new Chunk(samples[0]?.[0] ?? 0);
  for (const [atMs, value] of samples) chunk.append(atMs, value);
  chunk.seal();
  const buffer = new SampleBuffer(0);
  chunk.read(afterMs, untilMs, buffer);
  return Array.from({ length: buffer.length }, (_, index): Sample => {
    return [buffer.times[index] ?? NaN, isStale(buffer, index) ? undefined : buffer.values[index]];
  });
}

const value = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.integer(),
  fc.double(),
  fc.constantFrom(undefined, NaN, 0, -0, Infinity, -Infinity, 5, 5, 5),
);
const gap = fc.oneof(fc.constant(1000), fc.constant(5000), fc.integer({ min: 1, max: 10 ** 9 }));

describe('Chunk', () => {
  it('gives back exactly what was appended', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, value), { minLength: 1, maxLength: 480 }), (steps) => {
        let atMs = 1_700_000_000_000;
        const samples = steps.map(([gapMs, sample]): Sample => [(atMs += gapMs), sample]);

        expect(roundTrip(samples)).toEqual(samples);
      }),
    );
  });

  it('reads the samples after one time and up to another', () => {
    const samples = Array.from({ length: 300 }, (_, index): Sample => [index * 1000, index % 7]);

    expect(roundTrip(samples, 10_000, 200_000)).toEqual(samples.slice(11, 201));
  });

  it('needs next to nothing for what does not change', () => {
    const chunk = new Chunk(0);
    for (let index = 0; index < 480; index++) chunk.append(index * 1000, 42);
    chunk.seal();

    expect(chunk.sizeBytes).toBeLessThan(24);
  });
});

describe('SeriesStore', () => {
  const nowMs = 10_000_000;
  const store = (maxSeries = 10): SeriesStore => {
    return new SeriesStore({ clock: { nowMs: () => nowMs }, retentionMs: 3_600_000, maxSeries });
  };
  const span = { startMs: -Infinity, endMs: Infinity };

  it('selects by every kind of matcher', () => {
    const series = store();
    for (const job of ['a', 'b', 'c'])
      series.append(labelsOf({ __name__: 'up', job, only: job === 'c' ? 'x' : '' }), nowMs, 1);
    const jobs = (...matchers: Parameters<typeof createMatcher>[]): (string | undefined)[] => {
      return series.select(matchers.map((one) => createMatcher(...one))).map(({ labels }) => labels[3]);
    };

    expect(jobs(['__name__', '=', 'up'], ['job', '!=', 'a'])).toEqual(['b', 'c']);
    expect(jobs(['job', '=~', 'a|b'])).toEqual(['a', 'b']);
    expect(jobs(['job', '!~', '[ab]'])).toEqual(['c']);
    expect(jobs(['__name__', '=', 'up'], ['only', '=', ''])).toEqual(['a', 'b']);
    expect(jobs(['__name__', '=', 'down'])).toEqual([]);
    expect(series.labelNames([], span)).toEqual(['__name__', 'job', 'only']);
    expect(series.labelValues('job', [createMatcher('only', '=', 'x')], span)).toEqual(['c']);
  });

  it('forgets what is older than the retention, index included', () => {
    const series = store();
    series.append(labelsOf({ __name__: 'old' }), nowMs - 3_700_000, 1);
    series.append(labelsOf({ __name__: 'new' }), nowMs, 1);

    series.prune();

    expect(series.labelValues('__name__', [], span)).toEqual(['new']);
    expect(series.status().series).toBe(1);
  });

  it('refuses series beyond its limit and samples out of order', () => {
    const series = store(1);
    series.append(labelsOf({ __name__: 'first' }), nowMs, 1);
    series.append(labelsOf({ __name__: 'first' }), nowMs - 1, 2);
    series.append(labelsOf({ __name__: 'second' }), nowMs, 1);

    expect(series.status()).toMatchObject({ series: 1, samplesAppended: 1, refusedSeries: 1 });
  });
});
