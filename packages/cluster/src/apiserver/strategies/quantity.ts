/** Resource quantities as numbers. Source: kubernetes.io, "Resource Management", apimachinery pkg/api/resource. */

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The value of `100m` or `1Gi`; NaN when it is no quantity. */
export function quantityValue(text: string): number {
  const match = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]i?)?)$/.exec(text.trim());
  if (match === null) return Number.NaN;
  const [, number = '', exponent, suffix = ''] = match;
  const factor = suffixes[suffix];
  if (factor === undefined) return Number.NaN;
  return Number(`${number}${exponent ?? ''}`) * factor;
}
