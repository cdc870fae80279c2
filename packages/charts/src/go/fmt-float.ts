/** The floating-point verbs of fmt. */

import type { Flags } from './fmt.ts';
import { formatExponent, formatFixed, formatGeneral, formatShortest } from './strconv.ts';

/** undefined for a verb that floats do not have. */
export function formatFloatVerb(value: number, verb: string, flags: Flags): string | undefined {
  const digits = floatDigits(value, verb, flags);
  if (digits === undefined) return undefined;
  const isSpecial = !Number.isFinite(value);
  const magnitude = digits.replace(/^[+-]/, '');
  const isNegative = digits.startsWith('-');
  let sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  if (isSpecial && !Number.isNaN(value) && flags.space === false && flags.plus === false && !isNegative) sign = '+';
  const body = flags.sharp && !isSpecial && verb !== 'b' ? withPoint(magnitude, verb, flags) : magnitude;
  const width = flags.width ?? 0;
  const missing = width - sign.length - body.length;
  if (missing <= 0) return sign + body;
  if (flags.minus) return sign + body + ' '.repeat(missing);
  if (flags.zero && !isSpecial) return sign + '0'.repeat(missing) + body;
  return ' '.repeat(missing) + sign + body;
}

function floatDigits(value: number, verb: string, flags: Flags): string | undefined {
  const { precision } = flags;
  switch (verb) {
    case 'v':
    case 'g':
      return precision === undefined ? formatShortest(value) : formatGeneral(value, precision);
    case 'G':
      return (precision === undefined ? formatShortest(value) : formatGeneral(value, precision)).replace('e', 'E');
    case 'f':
    case 'F':
      return formatFixed(value, precision ?? 6);
    case 'e':
      return formatExponent(value, precision ?? 6);
    case 'E':
      return formatExponent(value, precision ?? 6).replace('e', 'E');
    case 'x':
    case 'X': {
      const text = hexFloat(value, precision);
      return verb === 'X' ? text.toUpperCase() : text;
    }
    case 'b':
      return binaryExponent(value);
    default:
      return undefined;
  }
}

/** `#` keeps the decimal point, and the zeros of %g. */
function withPoint(text: string, verb: string, flags: Flags): string {
  const at = text.search(/[eEpP]/);
  const tailAt = at < 0 || ((verb === 'x' || verb === 'X') && !/[pP]/.test(text[at] ?? '')) ? text.search(/[pP]/) : at;
  const head = tailAt < 0 ? text : text.slice(0, tailAt);
  const tail = tailAt < 0 ? '' : text.slice(tailAt);
  let missing = 'vgGx'.includes(verb) ? (flags.precision ?? 6) : 0;
  missing -= head.replace('.', '').replace(/^0+/, '').length;
  let body = head;
  if (!head.includes('.')) {
    if (head === '0') missing -= 1;
    body += '.';
  }
  return body + '0'.repeat(Math.max(0, missing)) + tail;
}

const float64View = new DataView(new ArrayBuffer(8));

function float64Parts(value: number): { sign: string; exponent: number; mantissa: bigint } {
  float64View.setFloat64(0, value);
  const bits = float64View.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return {
    sign: bits >> 63n === 1n ? '-' : '',
    exponent: exponent === 0 ? -1074 : exponent - 1075,
    mantissa: exponent === 0 ? fraction : fraction | (1n << 52n),
  };
}

function binaryExponent(value: number): string {
  if (!Number.isFinite(value)) return formatShortest(value);
  const { sign, exponent, mantissa } = float64Parts(value);
  return `${sign}${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`;
}

function hexFloat(value: number, precision: number | undefined): string {
  if (!Number.isFinite(value)) return formatShortest(value);
  const { sign, mantissa: raw, exponent: rawExponent } = float64Parts(value);
  if (raw === 0n) {
    const zeros = precision !== undefined && precision > 0 ? `.${'0'.repeat(precision)}` : '';
    return `${sign}0x0${zeros}p+00`;
  }
  let mantissa = raw;
  let exponent = rawExponent + 52;
  while (mantissa < 1n << 52n) {
    mantissa <<= 1n;
    exponent -= 1;
  }
  if (precision !== undefined && precision < 13) {
    const drop = BigInt((13 - precision) * 4);
    const half = 1n << (drop - 1n);
    const rest = mantissa & ((1n << drop) - 1n);
    mantissa >>= drop;
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa += 1n;
    mantissa <<= drop;
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n;
      exponent += 1;
    }
  }
  const hex = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, '0');
  const fraction = precision === undefined ? hex.replace(/0+$/, '') : hex.slice(0, precision).padEnd(precision, '0');
  const power = `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return `${sign}0x1${fraction === '' ? '' : `.${fraction}`}p${power}`;
}
