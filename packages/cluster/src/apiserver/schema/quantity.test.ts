/** Quantities. */

import { describe, expect, it } from 'vitest';
import { canonicalQuantity, quantityValue } from './quantity.ts';

describe('canonicalQuantity', () => {
  it.each([
    ['1.5', '1500m'],
    ['0.1', '100m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Mi', '512Ki'],
    ['1.0', '1'],
    ['0', '0'],
    ['0Gi', '0'],
    ['2000', '2k'],
    ['1e3', '1e3'],
    ['12e6', '12e6'],
    ['-1', '-1'],
    ['128974848', '128974848'],
    ['64Mi', '64Mi'],
    ['.5', '500m'],
  ])('%s is written %s', (text, want) => {
    expect(canonicalQuantity(text)).toBe(want);
  });

  it.each(['', 'abc', '1 Gi', '1GiB', '--1', '1.5.2'])('%s is no quantity', (text) => {
    expect(canonicalQuantity(text)).toBeUndefined();
  });
});

describe('quantityValue', () => {
  it.each([
    ['100m', 0.1],
    ['1Ki', 1024],
    ['2k', 2000],
    ['1e3', 1000],
  ])('%s is %d', (text, want) => {
    expect(quantityValue(text)).toBeCloseTo(want, 9);
  });
});
