/** time.Time: an instant and the zone it is shown in. */

import { formatLayout } from './time-format.ts';
import { dayNames, monthNames, type TimeParts } from './time-parts.ts';
import { goInt, goInt64, GoObject, type GoMethod } from './values.ts';

/** An instant in whole nanoseconds since the epoch. */
export class GoTime extends GoObject {
  readonly type = 'time.Time';
  readonly nanoseconds: bigint;
  readonly zone: Zone;

  constructor(nanoseconds: bigint, zone: Zone) {
    super();
    this.nanoseconds = nanoseconds;
    this.zone = zone;
  }

  /** Whole seconds since the epoch, rounded down. */
  get unixSeconds(): bigint {
    const seconds = this.nanoseconds / billion;
    return this.nanoseconds % billion < 0n ? seconds - 1n : seconds;
  }

  in(zone: Zone): GoTime {
    return new GoTime(this.nanoseconds, zone);
  }

  add(nanoseconds: bigint): GoTime {
    return new GoTime(this.nanoseconds + nanoseconds, this.zone);
  }

  format(layout: string): string {
    return formatLayout(this.parts(), layout);
  }

  /** The calendar fields as the zone shows them. */
  parts(): TimeParts {
    const { offsetSeconds, name } = this.zone.at(this.unixSeconds);
    const shifted = this.unixSeconds + BigInt(offsetSeconds);
    const date = new Date(Number(shifted) * 1000);
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      nanosecond: Number(((this.nanoseconds % billion) + billion) % billion),
      weekday: date.getUTCDay(),
      yearDay: Math.floor((Number(shifted) * 1000 - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1,
      offsetSeconds,
      zoneName: name,
    };
  }

  override text(): string {
    return this.format('2006-01-02 15:04:05.999999999 -0700 MST');
  }

  override toJsonValue(): unknown {
    return this.format('2006-01-02T15:04:05.999999999Z07:00');
  }

  override equals(other: GoObject): boolean {
    return other instanceof GoTime && other.nanoseconds === this.nanoseconds && other.zone.name === this.zone.name;
  }

  override method(name: string): GoMethod | undefined {
    return Object.hasOwn(methods, name) ? methods[name]?.(this) : undefined;
  }
}

const billion = 1_000_000_000n;

/** A time zone. */
export interface Zone {
  readonly name: string;
  at(unixSeconds: bigint): { readonly offsetSeconds: number; readonly name: string };
}

export const utc: Zone = { name: 'UTC', at: () => ({ offsetSeconds: 0, name: 'UTC' }) };

/** A zone of one offset; a name of '' prints as `+0200`. */
export function fixedZone(name: string, offsetSeconds: number): Zone {
  return { name, at: () => ({ offsetSeconds, name }) };
}

function none(run: (time: GoTime) => unknown): (time: GoTime) => GoMethod {
  return (time) => ({ args: [], run: () => run(time) });
}

const methods: Readonly<Record<string, (time: GoTime) => GoMethod>> = {
  Format: (time) => ({ args: ['string'], run: (layout: string) => time.format(layout) }),
  String: none((time) => time.text()),
  Unix: none((time) => goInt64(time.unixSeconds)),
  UnixMilli: none((time) => goInt64(time.nanoseconds / 1_000_000n)),
  UnixMicro: none((time) => goInt64(time.nanoseconds / 1000n)),
  UnixNano: none((time) => goInt64(time.nanoseconds)),
  Year: none((time) => goInt(time.parts().year)),
  Day: none((time) => goInt(time.parts().day)),
  Hour: none((time) => goInt(time.parts().hour)),
  Minute: none((time) => goInt(time.parts().minute)),
  Second: none((time) => goInt(time.parts().second)),
  Nanosecond: none((time) => goInt(time.parts().nanosecond)),
  YearDay: none((time) => goInt(time.parts().yearDay)),
  Month: none((time) => new NamedNumber('time.Month', time.parts().month, monthNames[time.parts().month - 1] ?? '')),
  Weekday: none((time) => new NamedNumber('time.Weekday', time.parts().weekday, dayNames[time.parts().weekday] ?? '')),
  UTC: none((time) => time.in(utc)),
  IsZero: none((time) => time.unixSeconds === -62_135_596_800n && time.parts().nanosecond === 0),
  AddDate: (time) => ({
    args: ['int', 'int', 'int'],
    run: (years: number, months: number, days: number) => addDate(time, { years, months, days }),
  }),
};

function addDate(time: GoTime, change: { years: number; months: number; days: number }): GoTime {
  const parts = time.parts();
  const midnight = Date.UTC(parts.year + change.years, parts.month - 1 + change.months, parts.day + change.days);
  const before = Date.UTC(parts.year, parts.month - 1, parts.day);
  return time.add(BigInt(midnight - before) * 1_000_000n);
}

/** time.Month and time.Weekday: a number that prints as a word. */
export class NamedNumber extends GoObject {
  readonly type: string;
  readonly value: number;
  private readonly label: string;

  constructor(type: string, value: number, label: string) {
    super();
    this.type = type;
    this.value = value;
    this.label = label;
  }

  override text(): string {
    return this.label;
  }

  override toJsonValue(): unknown {
    return this.value;
  }

  override method(name: string): GoMethod | undefined {
    return name === 'String' ? { args: [], run: () => this.label } : undefined;
  }
}
