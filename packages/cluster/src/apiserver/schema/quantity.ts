/** Resource quantities: their value, and the one form a server writes them in. Source: apimachinery pkg/api/resource. */

const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'] as const;
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;
const pattern = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d+)|([KMGTPE]i)|([numkMGTPE]?))$/;
/** Smallest unit that is kept: a nano. */
const nanoExponent = -9;

/** The value of `100m` or `1Gi`; NaN when it is no quantity. */
export function quantityValue(text: string): number {
  const match = pattern.exec(text.trim());
  if (match === null) return Number.NaN;
  const [, sign, number = '', exponent, binarySuffix, decimalSuffix = ''] = match;
  const value = Number(`${number}${exponent ?? ''}`) * (sign === '-' ? -1 : 1);
  if (binarySuffix !== undefined) return value * 1024 ** binary.indexOf(binarySuffix as (typeof binary)[number]);
  return value * 10 ** (3 * decimal.indexOf(decimalSuffix as (typeof decimal)[number]) - 9);
}

/** The form a server stores: no fraction, the largest suffix that fits, of the family that was used; undefined for other text. */
export function canonicalQuantity(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, sign = '', number = '', exponent, binarySuffix, decimalSuffix = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const minus = sign === '-' ? '-' : '';
  if (binarySuffix !== undefined) {
    const power = binary.indexOf(binarySuffix as (typeof binary)[number]);
    const bytes = scaled(whole, fraction, 0, 1024n ** BigInt(power));
    // Below a byte, and fractions of one, are written with decimal suffixes.
    return bytes === undefined
      ? decimalText(minus, whole, fraction, 0, 1024n ** BigInt(power))
      : binaryText(minus, bytes);
  }
  if (exponent !== undefined) return exponentText(minus, whole, fraction, Number(exponent.slice(1)));
  const power = 3 * decimal.indexOf(decimalSuffix as (typeof decimal)[number]) - 9;
  return decimalText(minus, whole, fraction, power, 1n);
}

/** digits × 10^power × factor as a whole number; undefined when it is none. */
function scaled(whole: string, fraction: string, power: number, factor: bigint): bigint | undefined {
  const digits = BigInt(`${whole}${fraction}` === '' ? '0' : `${whole}${fraction}`) * factor;
  const shift = power - fraction.length;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

function binaryText(minus: string, bytes: bigint): string {
  if (bytes === 0n) return '0';
  let value = bytes;
  let power = 0;
  while (value % 1024n === 0n && power < binary.length - 1) {
    value /= 1024n;
    power++;
  }
  return `${minus}${value}${binary[power] ?? ''}`;
}

/** Finer than a nano is rounded up, as a server does. */
function nanos(whole: string, fraction: string, power: number, factor: bigint): bigint {
  const digits = BigInt(`${whole}${fraction}` === '' ? '0' : `${whole}${fraction}`) * factor;
  const shift = power - nanoExponent - fraction.length;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return (digits + divisor - 1n) / divisor;
}

function decimalText(minus: string, whole: string, fraction: string, power: number, factor: bigint): string {
  let value = nanos(whole, fraction, power, factor);
  if (value === 0n) return '0';
  let suffix = 0;
  while (value % 1000n === 0n && suffix < decimal.length - 1) {
    value /= 1000n;
    suffix++;
  }
  return `${minus}${value}${decimal[suffix] ?? ''}`;
}

/** Exponents stay exponents, in multiples of three. */
function exponentText(minus: string, whole: string, fraction: string, exponent: number): string {
  let value = nanos(whole, fraction, exponent, 1n);
  if (value === 0n) return '0';
  let power = nanoExponent;
  while (value % 1000n === 0n) {
    value /= 1000n;
    power += 3;
  }
  return power === 0 ? `${minus}${value}` : `${minus}${value}e${power}`;
}

/** The value in nanos, finer ones rounded up; undefined for text that is no quantity. */
export function quantityNanos(text: string): bigint | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, sign, number = '', exponent, binarySuffix, decimalSuffix = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const factor =
    binarySuffix === undefined ? 1n : 1024n ** BigInt(binary.indexOf(binarySuffix as (typeof binary)[number]));
  const power =
    binarySuffix !== undefined
      ? 0
      : exponent !== undefined
        ? Number(exponent.slice(1))
        : 3 * decimal.indexOf(decimalSuffix as (typeof decimal)[number]) + nanoExponent;
  const value = nanos(whole, fraction, power, factor);
  return sign === '-' ? -value : value;
}
