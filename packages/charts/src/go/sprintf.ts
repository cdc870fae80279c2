/** fmt.Sprintf: the format language. */

import { formatValue, noFlags, printText, type Flags } from './fmt.ts';
import { GoInt, typeName } from './values.ts';

interface Cursor {
  readonly format: string;
  readonly values: readonly unknown[];
  at: number;
  argument: number;
  isReordered: boolean;
  isGoodArgument: boolean;
}

/** fmt.Sprintf; wrong formats give Go's own marks such as `%!d(string=x)`. */
export function sprintf(format: string, values: readonly unknown[]): string {
  const cursor: Cursor = { format, values, at: 0, argument: 0, isReordered: false, isGoodArgument: true };
  let text = '';
  while (cursor.at < format.length) {
    const next = format.indexOf('%', cursor.at);
    if (next < 0) {
      text += format.slice(cursor.at);
      break;
    }
    text += format.slice(cursor.at, next);
    cursor.at = next + 1;
    text += directive(cursor);
  }
  return text + extraArguments(cursor);
}

function extraArguments({ values, argument, isReordered }: Cursor): string {
  if (isReordered || argument >= values.length) return '';
  const extra = values
    .slice(argument)
    .map((value) => (value === null || value === undefined ? '<nil>' : `${typeName(value)}=${printText(value)}`));
  return `%!(EXTRA ${extra.join(', ')})`;
}

const flagNames: Readonly<Record<string, 'sharp' | 'zero' | 'plus' | 'minus' | 'space'>> = {
  '#': 'sharp',
  '0': 'zero',
  '+': 'plus',
  '-': 'minus',
  ' ': 'space',
};

function directive(cursor: Cursor): string {
  const flags = noFlags();
  cursor.isGoodArgument = true;
  for (let name = flagNames[cursor.format[cursor.at] ?? '']; name !== undefined;) {
    flags[name] = true;
    cursor.at += 1;
    name = flagNames[cursor.format[cursor.at] ?? ''];
  }
  let afterIndex = argumentIndex(cursor);
  let notes = '';
  if (cursor.format[cursor.at] === '*') {
    cursor.at += 1;
    notes += starWidth(cursor, flags);
    afterIndex = false;
  } else {
    flags.width = digits(cursor);
    if (afterIndex && flags.width !== undefined) cursor.isGoodArgument = false;
  }
  // A point at the very end is no precision: it is then the verb.
  if (cursor.format[cursor.at] === '.' && cursor.at + 1 < cursor.format.length) {
    cursor.at += 1;
    if (afterIndex) cursor.isGoodArgument = false;
    afterIndex = argumentIndex(cursor);
    if (cursor.format[cursor.at] === '*') {
      cursor.at += 1;
      notes += starPrecision(cursor, flags);
      afterIndex = false;
    } else {
      flags.precision = digits(cursor) ?? 0;
    }
  }
  if (!afterIndex) argumentIndex(cursor);
  return notes + operand(cursor, flags);
}

function operand(cursor: Cursor, flags: Flags): string {
  const code = cursor.format.codePointAt(cursor.at);
  if (code === undefined) return '%!(NOVERB)';
  const verb = String.fromCodePoint(code);
  cursor.at += verb.length;
  if (verb === '%') return '%';
  if (!cursor.isGoodArgument) return `%!${verb}(BADINDEX)`;
  if (cursor.argument >= cursor.values.length) return `%!${verb}(MISSING)`;
  const value = cursor.values[cursor.argument];
  cursor.argument += 1;
  if (verb === 'v') {
    flags.sharpV = flags.sharp;
    flags.plusV = flags.plus;
    flags.sharp = false;
    flags.plus = false;
  }
  return formatValue(value, verb, flags, 0);
}

const numberMax = 1e6;

function digits(cursor: Cursor): number | undefined {
  const match = /^[0-9]+/.exec(cursor.format.slice(cursor.at, cursor.at + 32));
  if (match === null) return undefined;
  const value = Number(match[0]);
  if (value > numberMax * 10 + 9) {
    cursor.at = cursor.format.length;
    return undefined;
  }
  cursor.at += match[0].length;
  return value;
}

/** `[3]`: chooses the operand. True when one was there and could be read. */
function argumentIndex(cursor: Cursor): boolean {
  if (cursor.format[cursor.at] !== '[') return false;
  cursor.isReordered = true;
  const close = cursor.format.indexOf(']', cursor.at);
  if (close < 0) {
    cursor.isGoodArgument = false;
    cursor.at += 1;
    return false;
  }
  const inner = cursor.format.slice(cursor.at + 1, close);
  cursor.at = close + 1;
  const index = /^[0-9]{1,7}$/.test(inner) ? Number(inner) - 1 : undefined;
  if (index !== undefined && index >= 0 && index < cursor.values.length) {
    cursor.argument = index;
    return true;
  }
  cursor.isGoodArgument = false;
  return index !== undefined;
}

function starNumber(cursor: Cursor): number | undefined {
  if (cursor.argument >= cursor.values.length) return undefined;
  const value = cursor.values[cursor.argument];
  cursor.argument += 1;
  if (!(value instanceof GoInt)) return undefined;
  const number = Number(value.value);
  return Math.abs(number) > numberMax ? undefined : number;
}

function starWidth(cursor: Cursor, flags: Flags): string {
  const width = starNumber(cursor);
  if (width === undefined) return '%!(BADWIDTH)';
  flags.width = Math.abs(width);
  if (width < 0) {
    flags.minus = true;
    flags.zero = false;
  }
  return '';
}

function starPrecision(cursor: Cursor, flags: Flags): string {
  const precision = starNumber(cursor);
  if (precision === undefined || precision < 0) return '%!(BADPREC)';
  flags.precision = precision;
  return '';
}
