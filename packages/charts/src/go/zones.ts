/** Named time zones, from the runtime's own tables. */

import type { Zone } from './time.ts';

/** The zone of an IANA name, or undefined. */
export function zoneNamed(name: string): Zone | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return undefined;
  try {
    const offsets = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    const names = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'short' });
    const european = new Intl.DateTimeFormat('en-GB', { timeZone: name, timeZoneName: 'short' });
    return {
      name,
      at(unixSeconds) {
        const date = new Date(Number(unixSeconds) * 1000);
        const offsetSeconds = parseOffset(zonePart(offsets, date));
        return {
          offsetSeconds,
          name: abbreviation(name, [zonePart(names, date), zonePart(european, date)], offsetSeconds),
        };
      },
    };
  } catch {
    return undefined;
  }
}

function zonePart(format: Intl.DateTimeFormat, date: Date): string {
  return format.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? '';
}

function parseOffset(text: string): number {
  const match = /^GMT(?:([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?$/.exec(text);
  if (match?.[1] === undefined) return 0;
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
  return match[1] === '-' ? -seconds : seconds;
}

/** What the tables abbreviate only by an offset, and what the time zone database calls it. */
const known: Readonly<Record<string, readonly [standard: string, standardOffset: number, summer: string]>> = {
  'Asia/Tokyo': ['JST', 32_400, 'JDT'],
  'Asia/Shanghai': ['CST', 28_800, 'CDT'],
  'Asia/Hong_Kong': ['HKT', 28_800, 'HKST'],
  'Asia/Kolkata': ['IST', 19_800, 'IST'],
  'Asia/Seoul': ['KST', 32_400, 'KDT'],
  'Australia/Sydney': ['AEST', 36_000, 'AEDT'],
  'Australia/Melbourne': ['AEST', 36_000, 'AEDT'],
  'Australia/Brisbane': ['AEST', 36_000, 'AEDT'],
  'Pacific/Auckland': ['NZST', 43_200, 'NZDT'],
  'Europe/Moscow': ['MSK', 10_800, 'MSD'],
  'Africa/Johannesburg': ['SAST', 7200, 'SAST'],
};

function abbreviation(zone: string, candidates: readonly string[], offsetSeconds: number): string {
  const own = known[zone];
  if (own !== undefined) return offsetSeconds === own[1] ? own[0] : own[2];
  const word = candidates.find((candidate) => /^[A-Z]{2,5}$/.test(candidate));
  return word ?? '';
}
