import { describe, expect, it } from 'vitest';
import { formatAge, formatDuration, formatMs, formatPercent, formatRate } from './format.ts';

describe('times and numbers', () => {
  it.each([
    [850, '850 ms'],
    [12_300, '12 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
    [259_200_000, '3 days'],
  ])('%d is %s long', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    ['2026-01-01T00:00:00Z', 'just now'],
    ['2025-12-31T23:59:20Z', '42 s ago'],
    ['2025-12-31T23:00:00Z', '1 h ago'],
    ['2025-12-20T00:00:00Z', '12 days ago'],
    ['', ''],
    [undefined, ''],
  ])('%s was %s', (at, text) => {
    expect(formatAge(at, Date.UTC(2026, 0, 1, 0, 0, 2))).toBe(text);
  });

  it('writes measures, and a dash where there are none', () => {
    expect([100, 99.951, 42.25, null].map(formatPercent)).toEqual(['100 %', '99.95 %', '42.3 %', '–']);
    expect([4.21, 480.4, undefined].map(formatMs)).toEqual(['4.2 ms', '480 ms', '–']);
    expect([3.14159, 120.6, null].map(formatRate)).toEqual(['3.1/s', '121/s', '–']);
  });
});
