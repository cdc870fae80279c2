/** Functions of one value: arithmetic, rounding and trigonometry. */

import { constant } from '../value.ts';
import { perSample, type FunctionRow } from './row.ts';

const simple: readonly (readonly [name: string, doc: string, run: (value: number) => number])[] = [
  ['abs', 'The absolute value.', Math.abs],
  ['ceil', 'The value rounded up.', Math.ceil],
  ['floor', 'The value rounded down.', Math.floor],
  ['exp', 'e to the power of the value.', Math.exp],
  ['sqrt', 'The square root.', Math.sqrt],
  ['ln', 'The natural logarithm.', Math.log],
  ['log2', 'The binary logarithm.', Math.log2],
  ['log10', 'The decimal logarithm.', Math.log10],
  ['sgn', '1, 0 or -1: the sign.', Math.sign],
  ['sin', 'The sine.', Math.sin],
  ['cos', 'The cosine.', Math.cos],
  ['tan', 'The tangent.', Math.tan],
  ['asin', 'The inverse sine.', Math.asin],
  ['acos', 'The inverse cosine.', Math.acos],
  ['atan', 'The inverse tangent.', Math.atan],
  ['sinh', 'The hyperbolic sine.', Math.sinh],
  ['cosh', 'The hyperbolic cosine.', Math.cosh],
  ['tanh', 'The hyperbolic tangent.', Math.tanh],
  ['asinh', 'The inverse hyperbolic sine.', Math.asinh],
  ['acosh', 'The inverse hyperbolic cosine.', Math.acosh],
  ['atanh', 'The inverse hyperbolic tangent.', Math.atanh],
  ['rad', 'Degrees as radians.', (value) => (value * Math.PI) / 180],
  ['deg', 'Radians as degrees.', (value) => (value * 180) / Math.PI],
];

export const mathFunctions: readonly FunctionRow[] = [
  ...simple.map(([name, doc, run]): FunctionRow => {
    return { name, args: ['vector'], variadic: 0, returns: 'vector', doc, run: perSample((value) => run(value)) };
  }),
  {
    name: 'clamp',
    args: ['vector', 'scalar', 'scalar'],
    variadic: 0,
    returns: 'vector',
    doc: 'The value, kept between a minimum and a maximum; nothing when the minimum is the greater.',
    run: perSample((value, [min = NaN, max = NaN]) => {
      return max < min ? undefined : Math.max(min, Math.min(max, value));
    }),
  },
  {
    name: 'clamp_min',
    args: ['vector', 'scalar'],
    variadic: 0,
    returns: 'vector',
    doc: 'The value, but no less than the minimum.',
    run: perSample((value, [min = NaN]) => Math.max(min, value)),
  },
  {
    name: 'clamp_max',
    args: ['vector', 'scalar'],
    variadic: 0,
    returns: 'vector',
    doc: 'The value, but no more than the maximum.',
    run: perSample((value, [max = NaN]) => Math.min(max, value)),
  },
  {
    name: 'round',
    args: ['vector', 'scalar'],
    variadic: 1,
    returns: 'vector',
    doc: 'The value rounded to the nearest multiple of the second argument (1); halves go up.',
    // Multiplying by the inverse gives exact decimals for multiples such as 0.1.
    run: perSample((value, [multiple = 1]) => Math.floor(value * (1 / multiple) + 0.5) / (1 / multiple)),
  },
  {
    name: 'pi',
    args: [],
    variadic: 0,
    returns: 'scalar',
    doc: 'The number pi.',
    run: ({ steps }) => constant(Math.PI, steps),
  },
];
