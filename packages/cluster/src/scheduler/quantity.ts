/** Kubernetes quantities as numbers: `100m`, `64Mi`, `1.5`, `2e3`. */

const factors: Readonly<Record<string, number>> = {
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
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/** The value in the base unit (cores, bytes); 0 for what is no quantity. Source: apimachinery pkg/api/resource. */
export function parseQuantity(text: string | number | undefined): number {
  if (text === undefined) return 0;
  const match = /^([+-]?[0-9.]+)(?:[eE]([+-]?\d+))?([a-zA-Z]*)$/.exec(String(text));
  if (match === null) return 0;
  const value = Number(match[1]) * 10 ** Number(match[2] ?? 0);
  return value * (factors[match[3] ?? ''] ?? 0);
}
