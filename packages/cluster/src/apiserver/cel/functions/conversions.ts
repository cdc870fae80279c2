/** Conversions between types, and the parts of times and durations. Source: cel-spec, langdef.md. */

import { A, B, D, DYN, func, I, method, S, SPAN, TIME, U, Y, type Overload } from '../overload.ts';
import { typeOf } from '../types.ts';
import { CelFailure, Duration, Timestamp, TypeValue, typeNameOf, Uint } from '../values.ts';
import { toInt, toSpan, toTime, toUint } from './operators.ts';

const nanosPerSecond = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: nanosPerMilli,
  s: nanosPerSecond,
  m: 60n * nanosPerSecond,
  h: 3600n * nanosPerSecond,
};

/** A duration as Go writes it, `1h30m`; undefined for other text. */
export function parseSpan(text: string): Duration | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) return undefined;
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = 's'] of (match[2] ?? '').matchAll(
    /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const scale = units[unit] ?? 0n;
    nanos += BigInt(whole === '' ? '0' : whole) * scale;
    if (fraction !== '') nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  return new Duration(match[1] === '-' ? -nanos : nanos);
}

/** A time of RFC 3339; undefined for other text. */
export function parseTime(text: string): Timestamp | undefined {
  const match = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, seconds = '', fraction = '', zone = ''] = match;
  const millis = Date.parse(`${seconds.toUpperCase()}${zone.toUpperCase()}`);
  if (Number.isNaN(millis)) return undefined;
  // Dates that do not exist, such as the 30th of February, are moved by Date.
  if (new Date(Date.parse(`${seconds.toUpperCase()}Z`)).toISOString().slice(0, 10) !== seconds.slice(0, 10))
    return undefined;
  return new Timestamp(BigInt(millis) * nanosPerMilli + BigInt(fraction.padEnd(9, '0')));
}

/** As Go's `RFC3339Nano` prints it, in UTC. */
export function timeText({ nanos }: Timestamp): string {
  const rest = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  const seconds = (nanos - rest) / nanosPerSecond;
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction}Z`;
}

/** Seconds with `s`, as protobuf prints durations. */
export function spanText({ nanos }: Duration): string {
  const positive = nanos < 0n ? -nanos : nanos;
  const fraction = String(positive % nanosPerSecond)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${positive / nanosPerSecond}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** As Go prints a double with %g and the smallest number of digits. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 21) return Object.is(value, -0) ? '-0' : plain(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function plain(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text;
}

/** The number, truth or time a text stands for. */
function converted<T>(value: T | undefined, type: string): T {
  if (value !== undefined) return value;
  throw new CelFailure(`type conversion error from 'string' to '${type}'`);
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value < -(2n ** 63n) || value >= 2n ** 63n ? undefined : value;
}

function parseUint64(text: string): Uint | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= 2n ** 64n ? undefined : new Uint(value);
}

function parseDouble(text: string): number | undefined {
  const special = /^([+-]?)(?:inf|infinity)$/i.exec(text);
  if (special !== null) return special[1] === '-' ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined;
}

function doubleToInt(value: number): bigint {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63) throw new CelFailure('integer overflow');
  return BigInt(Math.trunc(value));
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CelFailure('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const numbers: readonly Overload[] = [
  func('type', { id: 'type', args: [A], result: { type: typeOf(A.type) }, run: (a) => new TypeValue(typeNameOf(a)) }),
  func('dyn', { id: 'to_dyn', args: [A], result: DYN, run: (a) => a }),
  func('bool', { id: 'bool_to_bool', args: [B], result: B, run: (a) => a }),
  func('bool', { id: 'string_to_bool', args: [S], result: B, run: (a) => converted(parseBool(a), 'bool') }),
  func('bytes', { id: 'bytes_to_bytes', args: [Y], result: Y, run: (a) => a }),
  func('bytes', { id: 'string_to_bytes', args: [S], result: Y, run: (a) => Buffer.from(a, 'utf8') }),
  func('double', { id: 'double_to_double', args: [D], result: D, run: (a) => a }),
  func('double', { id: 'int64_to_double', args: [I], result: D, run: Number }),
  func('double', { id: 'string_to_double', args: [S], result: D, run: (a) => converted(parseDouble(a), 'double') }),
  func('double', { id: 'uint64_to_double', args: [U], result: D, run: (a) => Number(a.value) }),
  func('int', { id: 'int64_to_int64', args: [I], result: I, run: (a) => a }),
  func('int', { id: 'double_to_int64', args: [D], result: I, run: doubleToInt }),
  func('int', { id: 'duration_to_int64', args: [SPAN], result: I, run: (a) => a.nanos }),
  func('int', { id: 'string_to_int64', args: [S], result: I, run: (a) => converted(parseInt64(a), 'int') }),
  func('int', { id: 'timestamp_to_int64', args: [TIME], result: I, run: (a) => floorSeconds(a.nanos) }),
  func('int', { id: 'uint64_to_int64', args: [U], result: I, run: (a) => toInt(a.value) }),
  func('uint', { id: 'uint64_to_uint64', args: [U], result: U, run: (a) => a }),
  func('uint', { id: 'double_to_uint64', args: [D], result: U, run: (a) => toUint(doubleToInt(a)) }),
  func('uint', { id: 'int64_to_uint64', args: [I], result: U, run: toUint }),
  func('uint', { id: 'string_to_uint64', args: [S], result: U, run: (a) => converted(parseUint64(a), 'uint') }),
];

const texts: readonly Overload[] = [
  func('string', { id: 'string_to_string', args: [S], result: S, run: (a) => a }),
  func('string', { id: 'bool_to_string', args: [B], result: S, run: String }),
  func('string', { id: 'bytes_to_string', args: [Y], result: S, run: decodeText }),
  func('string', { id: 'double_to_string', args: [D], result: S, run: doubleText }),
  func('string', { id: 'duration_to_string', args: [SPAN], result: S, run: spanText }),
  func('string', { id: 'int64_to_string', args: [I], result: S, run: String }),
  func('string', { id: 'timestamp_to_string', args: [TIME], result: S, run: timeText }),
  func('string', { id: 'uint64_to_string', args: [U], result: S, run: (a) => String(a.value) }),
];

const times: readonly Overload[] = [
  func('duration', { id: 'duration_to_duration', args: [SPAN], result: SPAN, run: (a) => a }),
  func('duration', { id: 'int64_to_duration', args: [I], result: SPAN, run: toSpan }),
  func('duration', {
    id: 'string_to_duration',
    args: [S],
    result: SPAN,
    run: (a) => toSpan(converted(parseSpan(a), 'google.protobuf.Duration').nanos),
  }),
  func('timestamp', { id: 'timestamp_to_timestamp', args: [TIME], result: TIME, run: (a) => a }),
  func('timestamp', { id: 'int64_to_timestamp', args: [I], result: TIME, run: (a) => toTime(a * nanosPerSecond) }),
  func('timestamp', {
    id: 'string_to_timestamp',
    args: [S],
    result: TIME,
    run: (a) => toTime(converted(parseTime(a), 'google.protobuf.Timestamp').nanos),
  }),
];

function floorSeconds(nanos: bigint): bigint {
  const rest = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  return (nanos - rest) / nanosPerSecond;
}

/** The moment as a date whose UTC parts are those of the zone. */
function inZone({ nanos }: Timestamp, zone: string): Date {
  const date = new Date(Number(floorSeconds(nanos)) * 1000 + Number(millisOf(nanos)));
  if (zone === 'UTC' || zone === '') return date;
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(date.getTime() + (offset[1] === '-' ? -minutes : minutes) * 60_000);
  }
  try {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(date);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
    return inZone({ nanos }, name.slice(3));
  } catch {
    throw new CelFailure(`unknown time zone ${zone}`);
  }
}

function millisOf(nanos: bigint): bigint {
  return (((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond) / nanosPerMilli;
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000);
}

const parts: readonly (readonly [string, string, (date: Date) => number])[] = [
  ['getFullYear', 'timestamp_to_year', (date) => date.getUTCFullYear()],
  ['getMonth', 'timestamp_to_month', (date) => date.getUTCMonth()],
  ['getDayOfYear', 'timestamp_to_day_of_year', dayOfYear],
  ['getDayOfMonth', 'timestamp_to_day_of_month', (date) => date.getUTCDate() - 1],
  ['getDate', 'timestamp_to_day_of_month_1_based', (date) => date.getUTCDate()],
  ['getDayOfWeek', 'timestamp_to_day_of_week', (date) => date.getUTCDay()],
  ['getHours', 'timestamp_to_hours', (date) => date.getUTCHours()],
  ['getMinutes', 'timestamp_to_minutes', (date) => date.getUTCMinutes()],
  ['getSeconds', 'timestamp_to_seconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', 'timestamp_to_milliseconds', (date) => date.getUTCMilliseconds()],
];

const timeParts: readonly Overload[] = parts.flatMap(([name, id, part]) => [
  method(name, { id, args: [TIME], result: I, run: (time) => BigInt(part(inZone(time, 'UTC'))) }),
  method(name, {
    id: `${id}_with_tz`,
    args: [TIME, S],
    result: I,
    run: (time, zone) => BigInt(part(inZone(time, zone))),
  }),
]);

const spanParts: readonly Overload[] = [
  method('getHours', {
    id: 'duration_to_hours',
    args: [SPAN],
    result: I,
    run: (a) => a.nanos / (3600n * nanosPerSecond),
  }),
  method('getMinutes', {
    id: 'duration_to_minutes',
    args: [SPAN],
    result: I,
    run: (a) => a.nanos / (60n * nanosPerSecond),
  }),
  method('getSeconds', { id: 'duration_to_seconds', args: [SPAN], result: I, run: (a) => a.nanos / nanosPerSecond }),
  method('getMilliseconds', {
    id: 'duration_to_milliseconds',
    args: [SPAN],
    result: I,
    run: (a) => a.nanos / nanosPerMilli,
  }),
];

export const conversionFunctions: readonly Overload[] = [...numbers, ...texts, ...times, ...timeParts, ...spanParts];
