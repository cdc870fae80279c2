/** Cron schedules: five fields, names, ranges, steps, `@hourly` and the like, in any time zone. */

import { TowpathError } from '@towpath/kit';

export interface CronSchedule {
  /** The first time after `afterMs` (whole minutes), or undefined when there is none within five years. */
  next(afterMs: number): number | undefined;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fields: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: months },
  { name: 'day of week', min: 0, max: 6, names: days },
];

const macros: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const searchDays = 5 * 366;

/** Throws `CRON_INVALID` naming the field. Source: Kubernetes CronJob documentation, "Schedule syntax". */
export function parseCron(text: string, timeZone = 'UTC'): CronSchedule {
  const expanded = macros[text.trim()] ?? text.trim();
  const parts = expanded.split(/\s+/);
  if (parts.length !== fields.length) {
    throw new TowpathError('CRON_INVALID', `schedule "${text}" has ${parts.length} fields, expected 5`, {
      next: 'write minute, hour, day of month, month and day of week',
    });
  }
  const sets = fields.map((field, index) => parseField(parts[index] ?? '', field, text));
  const [minutes, hours, monthDays, monthNumbers, weekDays] = sets;
  // When both day fields are restricted, either may match.
  const eitherDay = parts[2] !== '*' && parts[4] !== '*' && parts[2] !== '?' && parts[4] !== '?';
  const zone = timeZoneReader(timeZone);
  const dayMatches = (day: Wall): boolean => {
    const inMonth = monthDays?.has(day.day) === true;
    const inWeek = weekDays?.has(day.weekDay) === true;
    return monthNumbers?.has(day.month) === true && (eitherDay ? inMonth || inWeek : inMonth && inWeek);
  };
  return {
    next(afterMs) {
      let candidateMs = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs;
      const untilMs = candidateMs + searchDays * dayMs;
      while (candidateMs < untilMs) {
        const wall = zone(candidateMs);
        if (!dayMatches(wall)) candidateMs += minutesToNextDay(wall) * minuteMs;
        else if (!hours?.has(wall.hour)) candidateMs += Math.max(1, 60 - wall.minute) * minuteMs;
        else if (!minutes?.has(wall.minute)) candidateMs += minuteMs;
        else return candidateMs;
      }
      return undefined;
    },
  };
}

/** Stops short of midnight by more than any change of daylight saving time, then goes hour by hour. */
function minutesToNextDay(wall: Wall): number {
  const left = 24 * 60 - wall.hour * 60 - wall.minute;
  return left > 180 ? left - 120 : 60 - wall.minute;
}

function parseField(text: string, field: Field, whole: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', stepText] = part.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    const [from, to] = rangeOf(range, field, stepText !== undefined);
    const isValid = Number.isInteger(from) && Number.isInteger(to) && Number.isInteger(step) && step > 0;
    if (!isValid || from < field.min || to > field.max || from > to) {
      throw new TowpathError('CRON_INVALID', `schedule "${whole}": "${part}" is no ${field.name}`, {
        next: `use numbers from ${field.min} to ${field.max}`,
      });
    }
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

function rangeOf(range: string, field: Field, hasStep: boolean): [number, number] {
  if (range === '*' || range === '?') return [field.min, field.max];
  const [low = '', high] = range.split('-');
  const from = valueOf(low, field);
  if (high !== undefined) return [from, valueOf(high, field)];
  return [from, hasStep ? field.max : from];
}

function valueOf(text: string, field: Field): number {
  const named = field.names?.indexOf(text.toLowerCase().slice(0, 3)) ?? -1;
  if (named >= 0 && !/^\d/.test(text)) return named + field.min;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return field.name === 'day of week' && value === 7 ? 0 : value;
}

interface Wall {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekDay: number;
}

/** Throws `CRON_INVALID` for a zone the system does not know. */
function timeZoneReader(timeZone: string): (atMs: number) => Wall {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      minute: 'numeric',
      hour: 'numeric',
      day: 'numeric',
      month: 'numeric',
      weekday: 'short',
    });
  } catch {
    throw new TowpathError('CRON_INVALID', `unknown time zone "${timeZone}"`, {
      next: 'use a name such as Europe/Berlin',
    });
  }
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    return {
      minute: Number(parts['minute']),
      hour: Number(parts['hour']),
      day: Number(parts['day']),
      month: Number(parts['month']),
      weekDay: days.indexOf(String(parts['weekday']).toLowerCase()),
    };
  };
}
