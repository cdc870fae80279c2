/** Go's fmt: Sprint, Sprintf and Sprintln over template values. */

import { LimitError } from '../errors.ts';
import { checkExtent } from './extent.ts';
import { formatFloatVerb } from './fmt-float.ts';
import { quote, quoteRune } from './strconv.ts';
import { isPrintable } from './unicode.ts';
import { fromBytes, runeCount, runesOf, sortedKeys, toBytes } from './utf8.ts';
import { GoBytes, GoComplex, GoInt, GoObject, isNilContainer, typeName, type GoMap } from './values.ts';

/** A map that holds itself would never end. */
const printDepthMax = 1000;

/** Where a pointer prints its address in Go: no two runs agree on it, so that one stands for all. */
export const standInAddress = '0xc000012345';

export interface Flags {
  sharp: boolean;
  zero: boolean;
  plus: boolean;
  minus: boolean;
  space: boolean;
  sharpV: boolean;
  plusV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

export function noFlags(): Flags {
  return {
    sharp: false,
    zero: false,
    plus: false,
    minus: false,
    space: false,
    sharpV: false,
    plusV: false,
    width: undefined,
    precision: undefined,
  };
}

const plainFlags: Readonly<Flags> = Object.freeze(noFlags());

/** What `{{ value }}` writes, and `%v`. */
export function printText(value: unknown): string {
  return typeof value === 'string' ? value : formatValue(value, 'v', plainFlags, 0);
}

/** fmt.Sprint: a space between two operands when neither is a string. */
export function sprint(values: readonly unknown[]): string {
  let text = '';
  let previousIsString = false;
  values.forEach((value, index) => {
    const isString = typeof value === 'string';
    if (index > 0 && !isString && !previousIsString) text += ' ';
    text += printText(value);
    previousIsString = isString;
  });
  return text;
}

/** fmt.Sprintln. */
export function sprintln(values: readonly unknown[]): string {
  return `${values.map(printText).join(' ')}\n`;
}

/** Pads to the width in runes, with zeros only where Go does. */
export function pad(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - runeCount(text);
  if (missing <= 0) return text;
  if (flags.minus) return text + ' '.repeat(missing);
  return (flags.zero ? '0' : ' ').repeat(missing) + text;
}

function padSpaces(text: string, flags: Flags): string {
  return pad(text, { ...flags, zero: false });
}

/** The value keeps the flags of the wrong verb. */
function badVerb(value: unknown, verb: string, flags: Flags): string {
  if (value === null || value === undefined) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(value)}=${formatValue(value, 'v', flags, 0, true)})`;
}

/** One operand under one verb. `depth` is the nesting within the operand; `isError` skips String() methods. */
export function formatValue(value: unknown, verb: string, flags: Flags, depth: number, isError = false): string {
  if (depth > printDepthMax) {
    throw new LimitError(`a value is nested more than ${printDepthMax} levels deep: it cannot be printed`);
  }
  if (value === null || value === undefined) {
    if (verb === 'v' && flags.sharpV && depth > 0) return 'interface {}(nil)';
    if (depth > 0) return '<nil>';
    return verb === 'v' || verb === 'T' ? pad('<nil>', flags) : `%!${verb}(<nil>)`;
  }
  if (depth === 0 && verb === 'T') return formatString(typeName(value), 's', flags, value);
  switch (typeof value) {
    case 'string':
      return formatString(value, verb, flags, value);
    case 'boolean':
      return verb === 't' || verb === 'v' ? pad(String(value), flags) : badVerb(value, verb, flags);
    case 'number':
      return formatFloatVerb(value, verb, flags) ?? badVerb(value, verb, flags);
    default:
      return formatObject(value, verb, flags, depth, isError);
  }
}

function formatObject(value: unknown, verb: string, flags: Flags, depth: number, isError: boolean): string {
  if (value instanceof GoInt)
    return formatInteger(value.value, value.kind.startsWith('int'), verb, flags) ?? badVerb(value, verb, flags);
  if (value instanceof GoBytes) return formatBytes(value, verb, flags);
  if (depth === 0) checkExtent(value);
  if (value instanceof Map) return formatMap(value, verb, flags, depth);
  if (Array.isArray(value)) return formatList(value, verb, flags, depth);
  if (value instanceof GoObject) return formatStruct(value, verb, flags, depth, isError);
  if (value instanceof GoComplex) return formatComplex(value, verb, flags);
  return badVerb(value, verb, flags);
}

function formatMap(value: GoMap, verb: string, flags: Flags, depth: number): string {
  if (verb === 'p') return pointerText(flags);
  const separator = flags.sharpV ? ', ' : ' ';
  const parts = sortedKeys(value).map(
    (key) => `${formatValue(key, verb, flags, depth + 1)}:${formatValue(value.get(key), verb, flags, depth + 1)}`,
  );
  if (!flags.sharpV) return `map[${parts.join(separator)}]`;
  return isNilContainer(value) ? `${typeName(value)}(nil)` : `${typeName(value)}{${parts.join(separator)}}`;
}

function formatList(value: readonly unknown[], verb: string, flags: Flags, depth: number): string {
  if (verb === 'p') return pointerText(flags);
  const parts = value.map((item) => formatValue(item, verb, flags, depth + 1));
  if (!flags.sharpV) return `[${parts.join(' ')}]`;
  return isNilContainer(value) ? `${typeName(value)}(nil)` : `${typeName(value)}{${parts.join(', ')}}`;
}

function formatStruct(value: GoObject, verb: string, flags: Flags, depth: number, isError: boolean): string {
  if (!isError && !flags.sharpV && 'vsxXq'.includes(verb)) {
    const text = value.text();
    if (text !== undefined) return formatString(text, verb, flags, value);
  }
  if (verb === 'p' || (value.kind === 'ptr' && depth > 0)) return pointerText(flags);
  const parts = value.fields().map(([name, field]) => {
    const text = formatValue(field, verb, flags, depth + 1);
    return flags.plusV || flags.sharpV ? `${name}:${text}` : text;
  });
  const mark = value.kind === 'ptr' ? '&' : '';
  if (flags.sharpV) return `${mark}${value.type.replace(/^\*/, '')}{${parts.join(', ')}}`;
  return `${mark}{${parts.join(' ')}}`;
}

/** No address exists here: a constant one, so that a render can be repeated. */
function pointerText(flags: Flags): string {
  return padSpaces(flags.sharp ? standInAddress.slice('0x'.length) : standInAddress, flags);
}

function truncate(text: string, flags: Flags): string {
  if (flags.precision === undefined || runeCount(text) <= flags.precision) return text;
  return Array.from(text).slice(0, flags.precision).join('');
}

function formatString(text: string, verb: string, flags: Flags, value: unknown): string {
  switch (verb) {
    case 'v':
      return flags.sharpV ? quoteText(text, flags) : pad(truncate(text, flags), flags);
    case 's':
      return pad(truncate(text, flags), flags);
    case 'q':
      return quoteText(text, flags);
    case 'x':
    case 'X':
      return hexText(toBytes(text), verb === 'X', flags);
    default:
      return badVerb(value, verb, flags);
  }
}

function quoteText(text: string, flags: Flags): string {
  const cut = truncate(text, flags);
  if (flags.sharp && canBackquote(cut)) return pad(`\`${cut}\``, flags);
  return pad(quote(cut, flags.plus), flags);
}

function canBackquote(text: string): boolean {
  return runesOf(text).every(
    (code) => code >= 0 && code !== 0xfeff && code !== 0x60 && code !== 0x7f && (code >= 0x20 || code === 9),
  );
}

function hexText(bytes: Uint8Array, isUpper: boolean, flags: Flags): string {
  const shown =
    flags.precision !== undefined && flags.precision < bytes.length ? bytes.subarray(0, flags.precision) : bytes;
  if (shown.length === 0) return pad('', flags);
  const prefix = flags.sharp ? (isUpper ? '0X' : '0x') : '';
  const pairs = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0'));
  const text = flags.space ? pairs.map((pair) => prefix + pair).join(' ') : prefix + pairs.join('');
  return pad(isUpper ? text.toUpperCase() : text, flags);
}

function formatBytes(value: GoBytes, verb: string, flags: Flags): string {
  switch (verb) {
    case 's':
      return pad(truncate(bytesText(value), flags), flags);
    case 'q':
      return quoteText(bytesText(value), flags);
    case 'x':
    case 'X':
      return hexText(value.data, verb === 'X', flags);
    default: {
      // Files become text so where a whole scope is printed: it must not take long.
      if (verb === 'v' && isPlain(flags)) return `[${value.data.join(' ')}]`;
      const texts = Array.from({ length: 256 }, (_text, byte) => byteText(byte, verb, flags));
      const items = Array.from(value.data, (byte) => texts[byte]);
      return flags.sharpV ? `[]byte{${items.join(', ')}}` : `[${items.join(' ')}]`;
    }
  }
}

function isPlain(flags: Flags): boolean {
  return Object.values(flags).every((flag) => flag === false || flag === undefined);
}

function byteText(byte: number, verb: string, flags: Flags): string {
  if (flags.sharpV) return `0x${byte.toString(16)}`;
  return formatInteger(BigInt(byte), false, verb, flags) ?? badVerb(new GoInt('uint8', BigInt(byte)), verb, flags);
}

function bytesText(value: GoBytes): string {
  return fromBytes(value.data);
}

function formatComplex(value: GoComplex, verb: string, flags: Flags): string {
  if (!'vbgGxXfFeE'.includes(verb)) return badVerb(value, verb, flags);
  const re = formatFloatVerb(value.re, verb, flags) ?? '';
  const im = formatFloatVerb(value.im, verb, { ...flags, plus: true }) ?? '';
  return `(${re}${im}i)`;
}

const bases: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

/** undefined for a verb that integers do not have. */
function formatInteger(value: bigint, isSigned: boolean, verb: string, flags: Flags): string | undefined {
  if (verb === 'c') return pad(runeText(value), flags);
  if (verb === 'q') return pad(quoteRune(Number(clampRune(value)), flags.plus), flags);
  if (verb === 'U') return formatUnicode(value, flags);
  const base = bases[verb];
  if (base === undefined) return undefined;
  if (verb === 'v' && flags.sharpV && !isSigned) return `0x${value.toString(16)}`;
  const isNegative = value < 0n;
  const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  if (flags.precision === 0 && value === 0n) return ' '.repeat(flags.width ?? 0);
  let least = flags.precision ?? 0;
  if (flags.precision === undefined && flags.zero && !flags.minus && flags.width !== undefined) {
    least = flags.width - sign.length;
  }
  let digits = (isNegative ? -value : value).toString(base).padStart(least, '0');
  if (flags.sharp && base === 2) digits = `0b${digits}`;
  if (flags.sharp && base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
  if (flags.sharp && base === 16) digits = `0x${digits}`;
  if (verb === 'O') digits = `0o${digits}`;
  return padSpaces(sign + (verb === 'X' ? digits.toUpperCase() : digits), flags);
}

function clampRune(value: bigint): bigint {
  return value < 0n || value > 0x10ffffn ? 0xfffdn : value;
}

function runeText(value: bigint): string {
  const code = Number(clampRune(value));
  return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code);
}

function formatUnicode(value: bigint, flags: Flags): string {
  const hex = BigInt.asUintN(64, value)
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(4, flags.precision ?? 4), '0');
  const shown = flags.sharp && value >= 0n && value <= 0x10ffffn && isPrintable(Number(value));
  return padSpaces(`U+${hex}${shown ? ` '${runeText(value)}'` : ''}`, flags);
}
