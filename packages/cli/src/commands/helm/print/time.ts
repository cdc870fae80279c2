/** Times as Go prints them. */

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly time: string;
  /** Without trailing zeros, '' for none. */
  readonly fraction: string;
  /** `Z` or `+02:00`. */
  readonly zone: string;
}

const pattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

function parse(text: string): Parts | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, time = '', fraction = '', zone = 'Z'] = match;
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    time,
    fraction: fraction.replace(/0+$/, ''),
    zone,
  };
}

/** `Fri Sep  2 22:04:05 1977`: Go's time.ANSIC, in the zone the time was written in. */
export function ansiTime(text: string): string {
  const parts = parse(text);
  if (parts === undefined) return text;
  const { year, month, day, time } = parts;
  const weekday = days[new Date(Date.UTC(year, month - 1, day)).getUTCDay()] ?? '';
  return `${weekday} ${months[month - 1] ?? ''} ${String(day).padStart(2)} ${time} ${year}`;
}

/** `2016-01-16 00:00:03.5 +0000 UTC`: Go's time.String(). */
export function goTime(text: string): string {
  const parts = parse(text);
  if (parts === undefined) return '-';
  const { year, month, day, time, fraction, zone } = parts;
  const pad = (value: number): string => String(value).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}-${pad(month)}-${pad(day)}`;
  const digits = fraction === '' ? '' : `.${fraction}`;
  const offset = zone === 'Z' ? '+0000' : zone.replace(':', '');
  return `${date} ${time}${digits} ${offset} ${zone === 'Z' ? 'UTC' : offset}`;
}
