/** Functions of time: the evaluation time, sample times and the calendar (always UTC). */

import { emptyColumn, setAt, stepAt, type Column, type Value } from '../value.ts';
import { columnFor, type Call, type FunctionRow, type Run } from './row.ts';
import { noLabels } from '../../labels.ts';

const calendar: readonly (readonly [name: string, doc: string, run: (date: Date) => number])[] = [
  ['minute', 'The minute of the hour, 0 to 59.', (date) => date.getUTCMinutes()],
  ['hour', 'The hour of the day, 0 to 23.', (date) => date.getUTCHours()],
  ['day_of_week', 'The day of the week, 0 is Sunday.', (date) => date.getUTCDay()],
  ['day_of_month', 'The day of the month, 1 to 31.', (date) => date.getUTCDate()],
  ['day_of_year', 'The day of the year, 1 to 366.', (date) => dayOfYear(date)],
  ['days_in_month', 'How many days the month has.', (date) => daysInMonth(date)],
  ['month', 'The month, 1 to 12.', (date) => date.getUTCMonth() + 1],
  ['year', 'The year.', (date) => date.getUTCFullYear()],
];

function daysInMonth(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

function dayOfYear(date: Date): number {
  const midnightMs = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
  return (midnightMs - Date.UTC(date.getUTCFullYear(), 0, 0)) / 86_400_000;
}

/** The calendar functions take a vector of seconds, or stand for the evaluation time without an argument. */
function overDates(perDate: (date: Date) => number): Run {
  return async (call) => {
    const input = call.args.length === 0 ? [evaluationTime(call)] : await call.vector(0);
    const columns = input.map((source): Column => {
      const column = columnFor(source, call, false);
      for (let index = 0; index < call.steps.count; index++) {
        if (source.present[index] !== 1) continue;
        setAt(column, index, perDate(new Date(Math.trunc(source.values[index] ?? NaN) * 1000)));
      }
      return column;
    });
    return call.env.nameless(columns, call.steps);
  };
}

function evaluationTime({ steps }: Pick<Call, 'steps'>): Column {
  const column = emptyColumn(noLabels, steps.count);
  for (let index = 0; index < steps.count; index++) setAt(column, index, stepAt(steps, index) / 1000);
  return column;
}

async function timestamp(call: Call): Promise<Value> {
  const [argument] = call.args;
  if (argument?.type === 'selector') {
    const columns = (await call.timestamps(0)).map((source) => {
      return { ...columnFor(source, call, false), values: source.values, present: source.present };
    });
    return call.env.nameless(columns, call.steps);
  }
  const times = evaluationTime(call);
  const columns = (await call.vector(0)).map((source) => {
    return { ...columnFor(source, call, false), values: times.values, present: source.present };
  });
  return call.env.nameless(columns, call.steps);
}

export const clockFunctions: readonly FunctionRow[] = [
  {
    name: 'time',
    args: [],
    variadic: 0,
    returns: 'scalar',
    doc: 'The evaluation time in seconds since the epoch.',
    run: (call) => ({ type: 'scalar', values: evaluationTime(call).values }),
  },
  {
    name: 'timestamp',
    args: ['vector'],
    variadic: 0,
    returns: 'vector',
    doc: 'The time of every sample in seconds since the epoch.',
    run: timestamp,
  },
  ...calendar.map(([name, doc, perDate]): FunctionRow => {
    return { name, args: ['vector'], variadic: 1, returns: 'vector', doc, run: overDates(perDate) };
  }),
];
