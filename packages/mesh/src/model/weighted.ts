/** Smooth weighted round robin: over any window each choice gets its share, spread as evenly as can be. */

/** Picks indexes in proportion to `weights`. Source: nginx, commit 52327e0627f4 (smooth weighted round robin). */
export interface WeightedPicker {
  next(): number;
}

/** Weights are not negative; when all are zero the first choice gets everything. */
export function createWeightedPicker(weights: readonly number[]): WeightedPicker {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const current = weights.map(() => 0);
  return {
    next() {
      if (total === 0) return 0;
      let best = -1;
      for (let index = 0; index < weights.length; index++) {
        const weight = weights[index] ?? 0;
        if (weight === 0) continue;
        current[index] = (current[index] ?? 0) + weight;
        if (best < 0 || (current[index] ?? 0) > (current[best] ?? 0)) best = index;
      }
      current[best] = (current[best] ?? 0) - total;
      return best;
    },
  };
}
