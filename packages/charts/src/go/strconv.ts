/** Numbers and quoted strings as Go's strconv reads and writes them. */

import { isPrintable } from './unicode.ts';

/** Shortest digits of a finite number: `digits` without point, `exponent` such that value = 0.digits × 10^exponent. */
export function shortestDigits(value: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: '0', exponent: 1 };
  const [mantissa = '', power = '0'] = Math.abs(value).toExponential().split('e');
  return { digits: mantissa.replace('.', ''), exponent: Number(power) + 1 };
}

function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

/** strconv.FormatFloat(value, 'e', -1, 64), or with `precision` digits after the point. */
export function formatExponent(value: number, precision = -1): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const text =
    precision < 0 ? Math.abs(value).toExponential() : Math.abs(value).toExponential(Math.min(precision, 100));
  const [mantissa = '', power = '0'] = text.split('e');
  const zeros = precision > 100 ? '0'.repeat(precision - 100) : '';
  return `${isNegative(value) ? '-' : ''}${mantissa}${zeros}e${exponentText(Number(power))}`;
}

function exponentText(power: number): string {
  return `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** strconv.FormatFloat(value, 'f', precision, 64); -1 gives the shortest digits. */
export function formatFixed(value: number, precision = -1): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const sign = isNegative(value) ? '-' : '';
  if (precision >= 0) return sign + exactFixed(Math.abs(value), precision);
  const { digits, exponent } = shortestDigits(value);
  if (exponent <= 0) return value === 0 ? `${sign}0` : `${sign}0.${'0'.repeat(-exponent)}${digits}`;
  if (digits.length <= exponent) return sign + digits.padEnd(exponent, '0');
  return `${sign}${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}

/** Number.toFixed rounds the exact value, but stops at 1e21 and 100 digits. */
function exactFixed(value: number, precision: number): string {
  if (value >= 1e21) return BigInt(value).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '');
  if (precision <= 100) return roundHalfEvenFixed(value, precision);
  return value.toFixed(100) + '0'.repeat(precision - 100);
}

/** toFixed takes the larger of two candidates on an exact tie; Go takes the even one. */
function roundHalfEvenFixed(value: number, precision: number): string {
  const text = value.toFixed(precision);
  if (precision > 22) return text;
  // A tie is exact in binary only when the value has a digit 5 right after the precision and nothing behind.
  const longer = value.toFixed(Math.min(precision + 30, 100));
  const tail = longer.slice(longer.length - (Math.min(precision + 30, 100) - precision));
  if (!/^50*$/.test(tail)) return text;
  const cut = longer.slice(0, longer.length - tail.length).replace(/\.$/, '');
  const lastDigit = Number(cut.at(-1));
  return lastDigit % 2 === 0 ? cut : text;
}

function formatSpecial(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return undefined;
}

/** strconv.FormatFloat(value, 'g', -1, 64), with the exponent form from 10^`threshold` on and below 10^-4. */
export function formatShortest(value: number, threshold = 6): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  if (value === 0) return isNegative(value) ? '-0' : '0';
  const { exponent } = shortestDigits(value);
  const power = exponent - 1;
  return power < -4 || power >= threshold ? formatExponent(value) : formatFixed(value);
}

/** strconv.FormatFloat(value, 'g', precision, 64). */
export function formatGeneral(value: number, precision: number): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const places = precision === 0 ? 1 : precision;
  const [mantissa = '0', powerText = '0'] = Math.abs(value)
    .toExponential(Math.min(places - 1, 100))
    .split('e');
  const power = Number(powerText);
  const digits = mantissa.replace('.', '').replace(/0+$/, '') || '0';
  const sign = isNegative(value) ? '-' : '';
  // strconv: %e is used if the exponent from the conversion is less than -4 or not less than the precision.
  const limit = places > digits.length && digits.length >= power + 1 ? digits.length : places;
  if (power < -4 || power >= limit) {
    const rest = digits.slice(1);
    return `${sign}${digits[0] ?? '0'}${rest === '' ? '' : `.${rest}`}e${exponentText(power)}`;
  }
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`;
  if (digits.length <= power + 1) return sign + digits.padEnd(power + 1, '0');
  return `${sign}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`;
}

const intPattern =
  /^([+-]?)(?:0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB](_?[01]+(?:_[01]+)*)|0[oO](_?[0-7]+(?:_[0-7]+)*)|0(_?[0-7]+(?:_[0-7]+)*)|([1-9][0-9]*(?:_[0-9]+)*|0))$/;

/** strconv.ParseInt(text, 0, …) without a range check: base prefixes and underscores; undefined on a syntax error. */
export function parseGoInt(text: string): bigint | undefined {
  const match = intPattern.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, oldOctal, decimal] = match;
  const plain = (digits: string): string => digits.replaceAll('_', '');
  const magnitude =
    hex !== undefined
      ? BigInt(`0x${plain(hex)}`)
      : binary !== undefined
        ? BigInt(`0b${plain(binary)}`)
        : octal !== undefined || oldOctal !== undefined
          ? BigInt(`0o${plain(octal ?? oldOctal ?? '0')}`)
          : BigInt(plain(decimal ?? '0'));
  return sign === '-' ? -magnitude : magnitude;
}

export const minInt64 = -(2n ** 63n);
export const maxInt64 = 2n ** 63n - 1n;
export const maxUint64 = 2n ** 64n - 1n;

/** True when the value fits an int64. */
export function fitsInt64(value: bigint): boolean {
  return value >= minInt64 && value <= maxInt64;
}

const decimalPattern = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const hexFloatPattern = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/;

/** strconv.ParseFloat(text, 64); undefined on a syntax error, ±Infinity when out of range. Underscores only with a base prefix. */
export function parseGoFloat(text: string): number | undefined {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return NaN;
  if (decimalPattern.test(text)) return Number(text);
  const hex = hexFloatPattern.exec(text.replaceAll('_', ''));
  if (hex === null) return undefined;
  const [, sign, whole = '', fraction = '', power = '0'] = hex;
  if (whole + fraction === '') return undefined;
  const value = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(power) - 4 * fraction.length);
  return sign === '-' ? -value : value;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const escapesByCode = new Map(Object.entries(simpleEscapes).map(([letter, char]) => [char, letter]));

/** strconv.Quote, or with `asciiOnly` strconv.QuoteToASCII. */
export function quote(text: string, asciiOnly = false): string {
  return quoteWith(text, '"', asciiOnly);
}

/** strconv.QuoteRune. */
export function quoteRune(code: number, asciiOnly = false): string {
  const valid = code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? code : 0xfffd;
  return quoteWith(String.fromCodePoint(valid), "'", asciiOnly);
}

const plainForQuote = /^[ !#-[\]-~]*$/;

function quoteWith(text: string, mark: '"' | "'", asciiOnly: boolean): string {
  if (mark === '"' && plainForQuote.test(text)) return `"${text}"`;
  let out = mark as string;
  for (const char of text) out += quoteChar(char, mark, asciiOnly);
  return out + mark;
}

function quoteChar(char: string, mark: string, asciiOnly: boolean): string {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code & 0xff).toString(16)}`;
  if (char === mark || char === '\\') return `\\${char}`;
  if (code < 0x80 ? code >= 0x20 && code !== 0x7f : !asciiOnly && isPrintable(code)) return char;
  const letter = escapesByCode.get(char);
  if (letter !== undefined && char !== '"' && char !== "'") return `\\${letter}`;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** strconv.Unquote of a "…", `…` or '…' literal; undefined when it is none. Bytes of \x and octal escapes are kept. */
export function unquote(literal: string): string | undefined {
  const mark = literal[0];
  if (literal.length < 2 || mark === undefined || literal.at(-1) !== mark) return undefined;
  const body = literal.slice(1, -1);
  if (mark === '`') return body.includes('`') ? undefined : body.replaceAll('\r', '');
  if (mark !== '"' && mark !== "'") return undefined;
  if (body.includes('\n')) return undefined;
  if (!body.includes('\\') && !body.includes(mark)) return mark === '"' || [...body].length === 1 ? body : undefined;
  let text = '';
  let at = 0;
  let count = 0;
  while (at < body.length) {
    const next = unquoteChar(body, at, mark);
    if (next === undefined) return undefined;
    text += next.text;
    at = next.end;
    count += 1;
  }
  return mark === "'" && count !== 1 ? undefined : text;
}

const escapeSizes: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** One character or escape of a quoted literal; `code` is its rune (a byte for \x and octal). */
export function unquoteChar(
  body: string,
  at: number,
  mark: string,
): { text: string; code: number; end: number } | undefined {
  const first = body.codePointAt(at);
  if (first === undefined || body[at] === mark) return undefined;
  if (body[at] !== '\\') {
    const text = String.fromCodePoint(first);
    return { text, code: first, end: at + text.length };
  }
  const letter = body[at + 1];
  if (letter === undefined) return undefined;
  const size = escapeSizes[letter];
  if (size !== undefined) {
    const hex = body.slice(at + 2, at + 2 + size);
    if (hex.length !== size || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
    return unquotedCode(Number.parseInt(hex, 16), letter === 'x', at + 2 + size);
  }
  if (/[0-7]/.test(letter)) {
    const octal = body.slice(at + 1, at + 4);
    if (!/^[0-7]{3}$/.test(octal)) return undefined;
    const value = Number.parseInt(octal, 8);
    return value > 255 ? undefined : unquotedCode(value, true, at + 4);
  }
  if ((letter === "'" || letter === '"') && letter !== mark) return undefined;
  const char = simpleEscapes[letter];
  return char === undefined ? undefined : { text: char, code: char.charCodeAt(0), end: at + 2 };
}

function unquotedCode(
  code: number,
  isByte: boolean,
  end: number,
): { text: string; code: number; end: number } | undefined {
  if (isByte) return { text: code < 0x80 ? String.fromCharCode(code) : String.fromCharCode(0xdc00 + code), code, end };
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  return { text: String.fromCodePoint(code), code, end };
}
