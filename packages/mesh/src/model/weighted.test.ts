import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWeightedPicker } from './weighted.ts';

function deal(weights: readonly number[], count: number): number[] {
  const picker = createWeightedPicker(weights);
  const dealt = weights.map(() => 0);
  for (let turn = 0; turn < count; turn++) {
    const index = picker.next();
    dealt[index] = (dealt[index] ?? 0) + 1;
  }
  return dealt;
}

const weightLists = fc
  .array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 })
  .filter((weights) => weights.some((weight) => weight > 0));

describe('smooth weighted round robin', () => {
  it('deals exactly the weights in every whole round', () => {
    fc.assert(
      fc.property(weightLists, fc.integer({ min: 1, max: 3 }), (weights, rounds) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        expect(deal(weights, total * rounds)).toEqual(weights.map((weight) => weight * rounds));
      }),
    );
  });

  it('is never further than one turn per choice from the fair share', () => {
    fc.assert(
      fc.property(weightLists, fc.integer({ min: 1, max: 300 }), (weights, count) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        deal(weights, count).forEach((dealt, index) => {
          expect(Math.abs(dealt - (count * (weights[index] ?? 0)) / total)).toBeLessThan(weights.length);
        });
      }),
    );
  });

  it.each([
    { name: 'a canary at 5 percent comes once in twenty', weights: [95, 5], count: 20, want: [19, 1] },
    { name: 'weights need not sum to 100', weights: [1, 3], count: 8, want: [2, 6] },
    { name: 'all zero: the first gets everything', weights: [0, 0], count: 3, want: [3, 0] },
  ])('$name', ({ weights, count, want }) => {
    expect(deal(weights, count)).toEqual(want);
  });
});
