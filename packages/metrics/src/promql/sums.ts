/** Sums and moments with compensated addition, so that long windows of large counters keep their small digits. */

/** Neumaier's sum. Source: Kahan and Babuska, as Prometheus' kahanSumInc. */
export class CompensatedSum {
  #sum = 0;
  #compensation = 0;

  add(value: number): void {
    const next = this.#sum + value;
    if (!Number.isFinite(next)) this.#compensation = 0;
    else if (Math.abs(this.#sum) >= Math.abs(value)) this.#compensation += this.#sum - next + value;
    else this.#compensation += value - next + this.#sum;
    this.#sum = next;
  }

  get value(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#compensation : this.#sum;
  }
}

export function sumOf(values: Iterable<number>): number {
  const sum = new CompensatedSum();
  for (const value of values) sum.add(value);
  return sum.value;
}

/** The mean; falls back to a running mean when the sum itself would overflow. */
export function meanOf(values: readonly number[] | Float64Array): number {
  const total = sumOf(values);
  if (Number.isFinite(total) || values.some((value) => !Number.isFinite(value))) return total / values.length;
  let mean = 0;
  let count = 0;
  for (const value of values) {
    count++;
    mean += value / count - mean / count;
  }
  return mean;
}

/** The population variance (Welford). */
export function varianceOf(values: Iterable<number>): number {
  let count = 0;
  let mean = 0;
  let spread = 0;
  for (const value of values) {
    count++;
    const delta = value - mean;
    mean += delta / count;
    spread += delta * (value - mean);
  }
  return spread / count;
}

/**
 * The q-quantile with linear interpolation; NaN for no values, ±Inf outside [0, 1].
 * Source: Prometheus documentation, quantile and quantile_over_time.
 */
export function quantileOf(q: number, values: readonly number[] | Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const sorted = Float64Array.from(values).toSorted((left, right) => compareNaNFirst(left, right));
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (sorted[lower] ?? NaN) * (1 - weight) + (sorted[upper] ?? NaN) * weight;
}

/** Ascending, NaN before everything else. */
export function compareNaNFirst(left: number, right: number): number {
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : -1;
  if (Number.isNaN(right)) return 1;
  return left - right;
}
