/** Aggregations of one series over a range: `*_over_time`. */

import { compareNaNFirst, meanOf, quantileOf, sumOf, varianceOf } from '../sums.ts';
import { overRange, type FunctionRow, type Window } from './row.ts';

function valuesIn({ values, from, to }: Window): Float64Array {
  return values.subarray(from, to);
}

/** The index of the least (or greatest) value; NaN only when nothing else is there. */
function extremeIndex({ values, from, to }: Window, better: (value: number, best: number) => boolean): number {
  let best = from;
  for (let index = from + 1; index < to; index++) {
    const value = values[index] ?? NaN;
    const current = values[best] ?? NaN;
    if (better(value, current) || Number.isNaN(current)) best = index;
  }
  return best;
}

function median(values: Float64Array): number {
  return quantileOf(0.5, values.toSorted(compareNaNFirst));
}

const matrix = { args: ['matrix'], variadic: 0, returns: 'vector' } as const;
const less = (value: number, best: number): boolean => value < best;
const greater = (value: number, best: number): boolean => value > best;

export const overTimeFunctions: readonly FunctionRow[] = [
  {
    ...matrix,
    name: 'avg_over_time',
    doc: 'The mean of the samples.',
    run: overRange((window) => meanOf(valuesIn(window))),
  },
  {
    ...matrix,
    name: 'min_over_time',
    doc: 'The least sample.',
    run: overRange((window) => window.values[extremeIndex(window, less)]),
  },
  {
    ...matrix,
    name: 'max_over_time',
    doc: 'The greatest sample.',
    run: overRange((window) => window.values[extremeIndex(window, greater)]),
  },
  {
    ...matrix,
    name: 'sum_over_time',
    doc: 'The sum of the samples.',
    run: overRange((window) => sumOf(valuesIn(window))),
  },
  {
    ...matrix,
    name: 'count_over_time',
    doc: 'How many samples there are.',
    run: overRange((window) => window.to - window.from),
  },
  {
    ...matrix,
    name: 'stddev_over_time',
    doc: 'The population standard deviation of the samples.',
    run: overRange((window) => Math.sqrt(varianceOf(valuesIn(window)))),
  },
  {
    ...matrix,
    name: 'stdvar_over_time',
    doc: 'The population variance of the samples.',
    run: overRange((window) => varianceOf(valuesIn(window))),
  },
  {
    ...matrix,
    name: 'last_over_time',
    doc: 'The newest sample.',
    run: overRange((window) => window.values[window.to - 1], { keepName: true }),
  },
  {
    ...matrix,
    name: 'first_over_time',
    doc: 'The oldest sample.',
    run: overRange((window) => window.values[window.from], { keepName: true }),
  },
  {
    ...matrix,
    name: 'present_over_time',
    doc: '1 for every series with a sample in the range.',
    run: overRange(() => 1),
  },
  {
    ...matrix,
    name: 'mad_over_time',
    doc: 'The median absolute deviation of the samples.',
    run: overRange((window) => {
      const values = valuesIn(window);
      const middle = median(values);
      return median(values.map((value) => Math.abs(value - middle)));
    }),
  },
  {
    name: 'quantile_over_time',
    args: ['scalar', 'matrix'],
    variadic: 0,
    returns: 'vector',
    doc: 'The q-quantile of the samples.',
    run: overRange((window, [q = NaN]) => quantileOf(q, valuesIn(window)), { range: 1 }),
  },
  ...(
    [
      ['ts_of_first_over_time', 'oldest sample', (window: Window) => window.from],
      ['ts_of_last_over_time', 'newest sample', (window: Window) => window.to - 1],
      ['ts_of_min_over_time', 'last least sample', (window: Window) => lastEqual(window, extremeIndex(window, less))],
      [
        'ts_of_max_over_time',
        'last greatest sample',
        (window: Window) => lastEqual(window, extremeIndex(window, greater)),
      ],
    ] as const
  ).map(([name, what, indexOf]): FunctionRow => {
    const run = overRange((window) => (window.times[indexOf(window)] ?? NaN) / 1000);
    return { ...matrix, name, doc: `The time of the ${what}, in seconds.`, run };
  }),
];

function lastEqual({ values, to }: Window, from: number): number {
  let last = from;
  for (let index = from; index < to; index++) if (values[index] === values[from]) last = index;
  return last;
}
