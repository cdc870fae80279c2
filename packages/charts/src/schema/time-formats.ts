/** The formats `time` and `duration` of JSON Schema. */

import { quoteRune } from '../go/strconv.ts';

const units = ['YMD', 'HMS'];

/** RFC 3339, appendix A. */
export function durationProblem(text: string): string | undefined {
  if (!text.startsWith('P')) return 'must start with P';
  const body = text.slice(1);
  if (body === '') return 'nothing after P';
  if (body.endsWith('W')) {
    const weeks = body.slice(0, -1);
    if (weeks === '') return 'no number in week';
    return /[^0-9]/.test(weeks) ? 'invalid week' : undefined;
  }
  for (const [index, part] of body.split('T').entries()) {
    if (index !== 0 && part === '') return 'no time elements';
    const problem = index >= units.length ? 'more than one T' : partProblem(part, units[index] ?? '');
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function partProblem(part: string, all: string): string | undefined {
  let rest = part;
  let left = all;
  while (rest !== '') {
    const digits = /^[0-9]*/.exec(rest)?.[0] ?? '';
    if (digits === '') return 'missing number';
    const unit = rest[digits.length];
    if (unit === undefined) return 'missing unit';
    const at = left.indexOf(unit);
    if (at < 0) return all.includes(unit) ? `unit ${shownUnit(unit)} out of order` : `invalid unit ${shownUnit(unit)}`;
    left = left.slice(at + 1);
    rest = rest.slice(digits.length + 1);
  }
  return undefined;
}

function shownUnit(unit: string): string {
  return quoteRune(unit.charCodeAt(0));
}

/** Numbers between colons; a sentence when one is none. */
function numbersOf(text: string, what: string): number[] | string {
  const numbers: number[] = [];
  for (const part of text.split(':')) {
    if (!/^[+-]?[0-9]+$/.test(part)) return `invalid ${what}`;
    const number = Number(part);
    if (number < 0) return `non-positive ${what}`;
    numbers.push(number);
  }
  return numbers;
}

/** RFC 3339, section 5.6: a time of day with its offset; leap seconds are allowed where they can be. */
export function clockProblem(text: string): string | undefined {
  if (text.length < 9) return 'less than 9 characters long';
  if (text[2] !== ':' || text[5] !== ':') return 'missing colon in correct place';
  const clock = numbersOf(text.slice(0, 8), 'hour/min/sec');
  if (typeof clock === 'string') return clock;
  const [hour = 0, minute = 0, second = 0] = clock;
  if (hour > 23 || minute > 59 || second > 60) return 'hour/min/sec out of range';
  let rest = text.slice(8);
  if (rest.startsWith('.')) {
    const digits = /^\.([0-9]*)/.exec(rest)?.[1] ?? '';
    if (digits === '') return 'no digits in second fraction';
    rest = rest.slice(1 + digits.length);
  }
  const offset = rest === 'z' || rest === 'Z' ? 0 : offsetMinutes(rest);
  if (typeof offset === 'string') return offset;
  const minutes = hour * 60 + minute + offset;
  const day = 24 * 60;
  const isLastMinute = (minutes < 0 ? minutes + day : minutes) === day - 1;
  return second >= 60 && !isLastMinute ? 'invalid leap second' : undefined;
}

/** What to add for UTC. */
function offsetMinutes(text: string): number | string {
  if (text.length !== 6) return 'offset must be 6 characters long';
  const sign = text.startsWith('+') ? -1 : text.startsWith('-') ? 1 : 0;
  if (sign === 0) return 'offset must begin with plus/minus';
  if (text[3] !== ':') return 'missing colon in offset in correct place';
  const numbers = numbersOf(text.slice(1), 'hour/min in offset');
  if (typeof numbers === 'string') return numbers;
  const [hours = 0, minutes = 0] = numbers;
  return hours > 23 || minutes > 59 ? 'hour/min in offset out of range' : sign * (hours * 60 + minutes);
}
