/** Dates and durations. The machine's zone is UTC here. Source: sprig, date.go. */

import { formatDuration, parseDuration } from '../go/duration.ts';
import { parseTime, zeroTime } from '../go/time-parse.ts';
import { GoTime, utc, type Zone } from '../go/time.ts';
import { zoneNamed } from '../go/zones.ts';
import { GoInt } from '../go/values.ts';
import { row, type FunctionRow, type Services } from './row.ts';

function now(services: Services): GoTime {
  return new GoTime(BigInt(Math.round(services.nowMs() * 1000)) * 1000n, utc);
}

/** sprig's reading of a date: a time, whole seconds since the epoch, or now for anything else. */
function toTime(services: Services, value: unknown): GoTime {
  if (value instanceof GoTime) return value;
  if (value instanceof GoInt && ['int', 'int64', 'int32'].includes(value.kind)) {
    return new GoTime(value.value * 1_000_000_000n, utc);
  }
  return now(services);
}

function inZone(name: string): Zone {
  return name === '' || name === 'UTC' || name === 'Local' ? utc : (zoneNamed(name) ?? utc);
}

/** Adds a duration; a wrong one changes nothing. */
function modify(change: string, date: GoTime): GoTime {
  try {
    return date.add(parseDuration(change));
  } catch {
    return date;
  }
}

const second = 1_000_000_000n;
const roundUnits: readonly (readonly [nanoseconds: bigint, name: string])[] = [
  [365n * 86_400n * second, 'y'],
  [30n * 86_400n * second, 'mo'],
  [86_400n * second, 'd'],
  [3600n * second, 'h'],
  [60n * second, 'm'],
  [second, 's'],
];

function roundDuration(services: Services, value: unknown): string {
  const nanoseconds = durationOf(services, value);
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const unit = roundUnits.find(([length]) => size > length);
  return unit === undefined ? '0s' : `${size / unit[0]}${unit[1]}`;
}

function durationOf(services: Services, value: unknown): bigint {
  if (typeof value === 'string') {
    try {
      return parseDuration(value);
    } catch {
      return 0n;
    }
  }
  if (value instanceof GoInt && value.kind === 'int64') return value.value;
  return value instanceof GoTime ? now(services).nanoseconds - value.nanoseconds : 0n;
}

/** Whole seconds, half up. */
function roundToSecond(nanoseconds: bigint): bigint {
  const half = nanoseconds < 0n ? -second / 2n : second / 2n;
  return ((nanoseconds + half) / second) * second;
}

function secondsOf(value: unknown): bigint {
  if (value instanceof GoInt && value.kind === 'int64') return value.value;
  return typeof value === 'string' && /^[+-]?[0-9]+$/.test(value) ? BigInt(value) : 0n;
}

const any = 'interface {}';
const dateLayout = '2006-01-02';

export const dates: readonly FunctionRow[] = [
  row({
    name: 'now',
    args: [],
    returns: 'time.Time',
    doc: 'The time of the render.',
    run() {
      return now(this.services);
    },
  }),
  row({
    name: 'date',
    args: ['string', any],
    returns: 'string',
    doc: 'Formats a time, or seconds since the epoch, by a Go layout.',
    example: ['{{ date "2006-01-02" (int 86400) }}', '1970-01-02'],
    run(layout, date) {
      return toTime(this.services, date).in(utc).format(layout);
    },
  }),
  ...(['dateInZone', 'date_in_zone'] as const).map((name) =>
    row({
      name,
      args: ['string', any, 'string'],
      returns: 'string',
      doc: 'Formats a time by a Go layout in a named zone; an unknown one is UTC.',
      example: [`{{ ${name} "15:04 MST" (int 0) "Europe/Berlin" }}`, '01:00 CET'],
      run(layout, date, zone) {
        return toTime(this.services, date).in(inZone(zone)).format(layout);
      },
    }),
  ),
  row({
    name: 'htmlDate',
    args: [any],
    returns: 'string',
    doc: 'A time as year, month and day.',
    example: ['{{ htmlDate (int 0) }}', '1970-01-01'],
    run(date) {
      return toTime(this.services, date).in(utc).format(dateLayout);
    },
  }),
  row({
    name: 'htmlDateInZone',
    args: [any, 'string'],
    returns: 'string',
    doc: 'A time as year, month and day in a named zone.',
    example: ['{{ htmlDateInZone (int 0) "UTC" }}', '1970-01-01'],
    run(date, zone) {
      return toTime(this.services, date).in(inZone(zone)).format(dateLayout);
    },
  }),
  ...(['dateModify', 'date_modify'] as const).map((name) =>
    row({
      name,
      args: ['string', 'time.Time'],
      returns: 'time.Time',
      doc: 'A time moved by a duration; a wrong one changes nothing.',
      example: [`{{ (${name} "1h" (toDate "15:04" "01:30")).Hour }}`, '2'],
      run: modify,
    }),
  ),
  ...(['mustDateModify', 'must_date_modify'] as const).map((name) =>
    row({
      name,
      args: ['string', 'time.Time'],
      returns: '(time.Time, error)',
      doc: 'A time moved by a duration.',
      example: [`{{ (${name} "-30m" (toDate "15:04" "01:30")).Minute }}`, '0'],
      run: (change, date) => date.add(parseDuration(change)),
    }),
  ),
  row({
    name: 'ago',
    args: [any],
    returns: 'string',
    doc: 'How long ago a time was, in whole seconds.',
    run(date) {
      return formatDuration(roundToSecond(now(this.services).nanoseconds - toTime(this.services, date).nanoseconds));
    },
  }),
  row({
    name: 'duration',
    args: [any],
    returns: 'string',
    doc: 'Whole seconds as a duration.',
    example: ['{{ duration "95" }}', '1m35s'],
    run: (seconds) => formatDuration(BigInt.asIntN(64, secondsOf(seconds) * second)),
  }),
  row({
    name: 'durationRound',
    args: [any],
    returns: 'string',
    doc: 'A duration in its largest unit.',
    example: ['{{ durationRound "2h10m5s" }}', '2h'],
    run(duration) {
      return roundDuration(this.services, duration);
    },
  }),
  row({
    name: 'toDate',
    args: ['string', 'string'],
    returns: 'time.Time',
    doc: 'Reads a time by a Go layout; a wrong one gives year 1.',
    example: ['{{ (toDate "2006-01-02" "2024-02-29").Year }}', '2024'],
    run: (layout, text) => {
      try {
        return parseTime(layout, text);
      } catch {
        return zeroTime();
      }
    },
  }),
  row({
    name: 'mustToDate',
    args: ['string', 'string'],
    returns: '(time.Time, error)',
    doc: 'Reads a time by a Go layout.',
    example: ['{{ mustToDate "2006-01-02" "2024-02-29" }}', '2024-02-29 00:00:00 +0000 UTC'],
    run: parseTime,
  }),
  row({
    name: 'unixEpoch',
    args: ['time.Time'],
    returns: 'string',
    doc: 'A time in seconds since the epoch.',
    example: ['{{ unixEpoch (toDate "2006-01-02" "1970-01-02") }}', '86400'],
    run: (date) => date.unixSeconds.toString(),
  }),
];
