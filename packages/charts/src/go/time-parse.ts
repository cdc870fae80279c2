/** time.Parse: reads a text by a Go layout. Source: Go's time/format.go. */

import { FunctionError } from '../errors.ts';
import { quoteTime } from './time-quote.ts';
import { parseLayout, type LayoutField, type LayoutPart } from './time-layout.ts';
import { dayNames, monthNames } from './time-parts.ts';
import { fixedZone, GoTime, utc, type Zone } from './time.ts';

interface Fields {
  year: number;
  month: number;
  day: number;
  yearDay: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  isAfternoon: boolean | undefined;
  zone: Zone | undefined;
  offsetSeconds: number | undefined;
  zoneName: string;
}

/** The text does not fit a field. */
class BadField extends Error {}
/** A number is out of its field's range. */
class OutOfRange extends Error {}

/** Parses in UTC where the text names no zone. Throws `FunctionError` with Go's sentence. */
export function parseTime(layout: string, text: string): GoTime {
  const fields: Fields = {
    year: 0,
    month: -1,
    day: -1,
    yearDay: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    isAfternoon: undefined,
    zone: undefined,
    offsetSeconds: undefined,
    zoneName: '',
  };
  const fail = (element: string, rest: string, message = ''): never => {
    const problem = message === '' ? `: cannot parse ${quoteTime(rest)} as ${quoteTime(element)}` : message;
    const shown =
      message === '' ? `parsing time ${quoteTime(text)} as ${quoteTime(layout)}` : `parsing time ${quoteTime(text)}`;
    throw new FunctionError(shown + problem);
  };
  const parts = parseLayout(layout);
  let rest = text;
  for (const [index, part] of parts.entries()) {
    if ('literal' in part) {
      const after = skipLiteral(rest, part.literal);
      rest = after.rest;
      if (!after.isWhole) fail(part.literal, rest);
      continue;
    }
    try {
      rest = readField(fields, part, rest, parts[index + 1]);
    } catch (error) {
      if (error instanceof OutOfRange) fail('', rest, `: ${error.message} out of range`);
      if (error instanceof BadField) fail(fieldText(part), rest);
      throw error;
    }
  }
  if (rest !== '') fail('', rest, `: extra text: ${quoteTime(rest)}`);
  return build(fields, (message) => fail('', rest, message));
}

function fieldText(part: { field: LayoutField; digits: number; separator: string }): string {
  if (part.field === 'fraction0') return part.separator + '0'.repeat(part.digits);
  return part.field === 'fraction9' ? part.separator + '9'.repeat(part.digits) : part.field;
}

/** White space in a layout stands for any amount of it. */
function skipLiteral(text: string, literal: string): { rest: string; isWhole: boolean } {
  let rest = text;
  for (let at = 0; at < literal.length; at += 1) {
    const char = literal[at] ?? '';
    if (char === ' ') {
      if (rest !== '' && !rest.startsWith(' ')) return { rest, isWhole: false };
      while (literal[at + 1] === ' ') at += 1;
      rest = rest.replace(/^ +/, '');
    } else {
      if (!rest.startsWith(char)) return { rest, isWhole: false };
      rest = rest.slice(1);
    }
  }
  return { rest, isWhole: true };
}

function take(text: string, pattern: RegExp): [match: RegExpExecArray, rest: string] {
  const match = pattern.exec(text);
  if (match === null) throw new BadField();
  return [match, text.slice(match[0].length)];
}

function number(text: string, isFixed: boolean): [value: number, rest: string] {
  const [match, rest] = take(text, isFixed ? /^[0-9]{2}/ : /^[0-9]{1,2}/);
  return [Number(match[0]), rest];
}

function inRange(value: number, low: number, high: number, name: string): number {
  if (value < low || value > high) throw new OutOfRange(name);
  return value;
}

function lookup(names: readonly string[], text: string): [index: number, rest: string] {
  const index = names.findIndex((name) => text.slice(0, name.length).toLowerCase() === name.toLowerCase());
  if (index < 0) throw new BadField();
  return [index, text.slice(names[index]?.length ?? 0)];
}

const shortMonths = monthNames.map((name) => name.slice(0, 3));
const shortDays = dayNames.map((name) => name.slice(0, 3));

function readField(
  fields: Fields,
  part: { field: LayoutField; digits: number; separator: string },
  text: string,
  next: LayoutPart | undefined,
): string {
  const { field } = part;
  if (field.startsWith('Z') || field.startsWith('-')) return readOffset(fields, field, text);
  switch (field) {
    case '2006': {
      const [match, rest] = take(text, /^[0-9]{4}/);
      fields.year = Number(match[0]);
      return rest;
    }
    case '06': {
      const [match, rest] = take(text, /^[0-9]{2}/);
      fields.year = Number(match[0]) + (Number(match[0]) >= 69 ? 1900 : 2000);
      return rest;
    }
    case 'January':
    case 'Jan': {
      const [index, rest] = lookup(field === 'Jan' ? shortMonths : monthNames, text);
      fields.month = index + 1;
      return rest;
    }
    case 'Monday':
    case 'Mon':
      return lookup(field === 'Mon' ? shortDays : dayNames, text)[1];
    case 'PM':
    case 'pm': {
      const [match, rest] = take(text, field === 'PM' ? /^[AP]M/ : /^[ap]m/);
      fields.isAfternoon = match[0].toUpperCase() === 'PM';
      return rest;
    }
    case 'MST':
      return readZoneName(fields, text);
    case '__2':
    case '002': {
      const [match, rest] = take(text, field === '002' ? /^[0-9]{3}/ : /^ {0,2}[0-9]{1,3}/);
      fields.yearDay = Number(match[0]);
      return rest;
    }
    case 'fraction0':
    case 'fraction9':
      return readFraction(fields, part, text);
    default:
      return readNumber(fields, field, text, next);
  }
}

function readNumber(fields: Fields, field: LayoutField, text: string, next: LayoutPart | undefined): string {
  const isFixed = field.startsWith('0');
  const [value, rest] = number(field === '_2' ? text.replace(/^ /, '') : text, isFixed);
  switch (field) {
    case '1':
    case '01':
      fields.month = inRange(value, 1, 12, 'month');
      return rest;
    case '2':
    case '_2':
    case '02':
      fields.day = value;
      return rest;
    case '15':
      fields.hour = inRange(value, 0, 23, 'hour');
      return rest;
    case '3':
    case '03':
      fields.hour = inRange(value, 0, 12, 'hour');
      return rest;
    case '4':
    case '04':
      fields.minute = inRange(value, 0, 59, 'minute');
      return rest;
    default:
      fields.second = inRange(value, 0, 59, 'second');
      return extraFraction(fields, rest, next);
  }
}

/** A fraction in the text is read even when the layout has none. */
function extraFraction(fields: Fields, text: string, next: LayoutPart | undefined): string {
  const match = /^[.,]([0-9]+)/.exec(text);
  const isExpected = next !== undefined && 'field' in next && next.field.startsWith('fraction');
  if (match === null || isExpected) return text;
  fields.nanosecond = nanoseconds(match[1] ?? '');
  return text.slice(match[0].length);
}

function nanoseconds(digits: string): number {
  return Number(digits.slice(0, 9).padEnd(9, '0'));
}

function readFraction(fields: Fields, part: { field: LayoutField; digits: number }, text: string): string {
  if (part.field === 'fraction9') {
    const match = /^[.,]([0-9]+)/.exec(text);
    if (match === null) return text;
    fields.nanosecond = nanoseconds(match[1] ?? '');
    return text.slice(match[0].length);
  }
  const match = new RegExp(`^[.,]([0-9]{${part.digits}})`).exec(text);
  if (match === null) throw new BadField();
  fields.nanosecond = nanoseconds(match[1] ?? '');
  return text.slice(match[0].length);
}

function readOffset(fields: Fields, field: LayoutField, text: string): string {
  if (field.startsWith('Z') && text.startsWith('Z')) {
    fields.zone = utc;
    return text.slice(1);
  }
  const digits = field.replaceAll(/[^0-9]/g, '').length;
  const colon = field.includes(':') ? ':' : '';
  const minutes = digits >= 4 ? `${colon}([0-9]{2})` : '()';
  const seconds = digits >= 6 ? `${colon}([0-9]{2})` : '()';
  const [match, rest] = take(text, new RegExp(`^([+-])([0-9]{2})${minutes}${seconds}`));
  const hour = inRange(Number(match[2]), 0, 24, 'time zone offset hour');
  const minute = inRange(Number(match[3] ?? 0), 0, 60, 'time zone offset minute');
  const second = inRange(Number(match[4] ?? 0), 0, 60, 'time zone offset second');
  fields.offsetSeconds = (match[1] === '-' ? -1 : 1) * ((hour * 60 + minute) * 60 + second);
  return rest;
}

function readZoneName(fields: Fields, text: string): string {
  if (text.startsWith('UTC')) {
    fields.zone = utc;
    return text.slice(3);
  }
  const [match, rest] = take(text, /^(?:ChST|MeST|GMT[+-][0-9]{1,2}|WITA|[A-Z]{3,4}T|[A-Z]{3}|[+-][0-9]{2})(?![A-Z])/);
  fields.zoneName = match[0];
  return rest;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysIn(month: number, year: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function applyYearDay(fields: Fields, fail: (message: string) => never): void {
  const length = isLeap(fields.year) ? 366 : 365;
  if (fields.yearDay < 1 || fields.yearDay > length) fail(': day-of-year out of range');
  let month = 1;
  let day = fields.yearDay;
  while (day > daysIn(month, fields.year)) {
    day -= daysIn(month, fields.year);
    month += 1;
  }
  if (fields.month >= 0 && fields.month !== month) fail(': day-of-year does not match month');
  if (fields.day >= 0 && fields.day !== day) fail(': day-of-year does not match day');
  fields.month = month;
  fields.day = day;
}

function build(fields: Fields, fail: (message: string) => never): GoTime {
  if (fields.isAfternoon === true && fields.hour < 12) fields.hour += 12;
  else if (fields.isAfternoon === false && fields.hour === 12) fields.hour = 0;
  if (fields.yearDay >= 0) applyYearDay(fields, fail);
  const month = fields.month < 0 ? 1 : fields.month;
  const day = fields.day < 0 ? 1 : fields.day;
  if (day < 1 || day > daysIn(month, fields.year)) fail(': day out of range');
  const date = new Date(0);
  date.setUTCFullYear(fields.year, month - 1, day);
  date.setUTCHours(fields.hour, fields.minute, fields.second);
  const instant = BigInt(date.getTime()) * 1_000_000n + BigInt(fields.nanosecond);
  if (fields.zone !== undefined) return new GoTime(instant, fields.zone);
  if (fields.offsetSeconds !== undefined) {
    const shifted = instant - BigInt(fields.offsetSeconds) * 1_000_000_000n;
    const isUtc = fields.offsetSeconds === 0 && (fields.zoneName === '' || fields.zoneName === 'UTC');
    return new GoTime(shifted, isUtc ? utc : fixedZone(fields.zoneName, fields.offsetSeconds));
  }
  if (fields.zoneName === '') return new GoTime(instant, utc);
  const gmt = /^GMT([+-][0-9]+)$/.exec(fields.zoneName);
  return new GoTime(instant, fixedZone(fields.zoneName, gmt === null ? 0 : Number(gmt[1]) * 3600));
}

/** time.Time{}: what a failed parse gives. */
export const zeroTime = (): GoTime => new GoTime(-62_135_596_800_000_000_000n, utc);
