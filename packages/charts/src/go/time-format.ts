/** time.Time.Format. */

import { parseLayout, type LayoutField } from './time-layout.ts';
import { dayNames, monthNames, type TimeParts } from './time-parts.ts';

function pad(value: number, width: number, fill = '0'): string {
  return String(value).padStart(width, fill);
}

/** Formats calendar fields by a Go layout. */
export function formatLayout(parts: TimeParts, layout: string): string {
  return parseLayout(layout)
    .map((part) => ('literal' in part ? part.literal : formatField(parts, part)))
    .join('');
}

function formatField(parts: TimeParts, part: { field: LayoutField; digits: number; separator: string }): string {
  const { field } = part;
  if (field === 'fraction0' || field === 'fraction9') return formatFraction(parts.nanosecond, part);
  if (field.startsWith('Z') || field.startsWith('-')) return formatOffset(parts.offsetSeconds, field);
  const hour12 = parts.hour % 12 === 0 ? 12 : parts.hour % 12;
  switch (field) {
    case 'January':
      return monthNames[parts.month - 1] ?? '';
    case 'Jan':
      return (monthNames[parts.month - 1] ?? '').slice(0, 3);
    case '1':
      return String(parts.month);
    case '01':
      return pad(parts.month, 2);
    case 'Monday':
      return dayNames[parts.weekday] ?? '';
    case 'Mon':
      return (dayNames[parts.weekday] ?? '').slice(0, 3);
    case '2':
      return String(parts.day);
    case '_2':
      return pad(parts.day, 2, ' ');
    case '02':
      return pad(parts.day, 2);
    case '__2':
      return pad(parts.yearDay, 3, ' ');
    case '002':
      return pad(parts.yearDay, 3);
    case '15':
      return pad(parts.hour, 2);
    case '3':
      return String(hour12);
    case '03':
      return pad(hour12, 2);
    case '4':
      return String(parts.minute);
    case '04':
      return pad(parts.minute, 2);
    case '5':
      return String(parts.second);
    case '05':
      return pad(parts.second, 2);
    case '2006':
      return parts.year < 0 ? `-${pad(-parts.year, 4)}` : pad(parts.year, 4);
    case '06':
      return pad(((parts.year % 100) + 100) % 100, 2);
    case 'PM':
      return parts.hour >= 12 ? 'PM' : 'AM';
    case 'pm':
      return parts.hour >= 12 ? 'pm' : 'am';
    default:
      return zoneText(parts);
  }
}

function zoneText(parts: TimeParts): string {
  if (parts.zoneName !== '') return parts.zoneName;
  const minutes = Math.trunc(Math.abs(parts.offsetSeconds) / 60);
  const sign = parts.offsetSeconds < 0 ? '-' : '+';
  const rest = minutes % 60;
  return `${sign}${pad(Math.trunc(minutes / 60), 2)}${rest === 0 ? '' : pad(rest, 2)}`;
}

function formatFraction(nanosecond: number, part: { field: LayoutField; digits: number; separator: string }): string {
  const all = pad(nanosecond, 9).slice(0, part.digits).padEnd(part.digits, '0');
  if (part.field === 'fraction0') return part.separator + all;
  const short = all.replace(/0+$/, '');
  return short === '' ? '' : part.separator + short;
}

function formatOffset(offsetSeconds: number, field: LayoutField): string {
  if (field.startsWith('Z') && offsetSeconds === 0) return 'Z';
  const sign = offsetSeconds < 0 ? '-' : '+';
  const seconds = Math.abs(offsetSeconds);
  const colon = field.includes(':') ? ':' : '';
  const digits = field.replaceAll(/[^0-9]/g, '').length;
  let text = sign + pad(Math.trunc(seconds / 3600), 2);
  if (digits >= 4) text += colon + pad(Math.trunc(seconds / 60) % 60, 2);
  if (digits >= 6) text += colon + pad(seconds % 60, 2);
  return text;
}
