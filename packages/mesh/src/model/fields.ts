/** Reads configuration of unknown shape member by member, and reports every member nobody asked for. */

import { isRecord } from '@towpath/kit';

/** Something in an object that the mesh does not do; the field is a path such as `spec.http[0].delegate`. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** One record of a configuration. Each reader marks its member as known; `finish` reports the others. */
export class Fields {
  readonly path: string;
  readonly problems: Problem[];
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  constructor(value: unknown, options: { path: string; problems: Problem[] }) {
    this.#value = isRecord(value) ? value : {};
    this.path = options.path;
    this.problems = options.problems;
    if (value !== undefined && value !== null && !isRecord(value)) {
      this.problems.push({ field: this.path, message: 'must be an object' });
    }
  }

  /** The raw member. */
  raw(name: string): unknown {
    this.#known.add(name);
    return this.#value[name] ?? undefined;
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined && this.#value[name] !== null;
  }

  names(): string[] {
    return Object.keys(this.#value);
  }

  string(name: string): string | undefined {
    return this.#typed(name, 'a string', (value) => typeof value === 'string') as string | undefined;
  }

  number(name: string): number | undefined {
    return this.#typed(name, 'a number', (value) => typeof value === 'number') as number | undefined;
  }

  boolean(name: string): boolean {
    return (this.#typed(name, 'a boolean', (value) => typeof value === 'boolean') as boolean | undefined) ?? false;
  }

  strings(name: string): string[] {
    const list = this.#list(name);
    return list.filter((item, index): item is string => {
      if (typeof item === 'string') return true;
      this.report(`${name}[${index}]`, 'must be a string');
      return false;
    });
  }

  /** A map of strings. */
  stringMap(name: string): Record<string, string> {
    const value = this.raw(name);
    if (value === undefined) return {};
    if (!isRecord(value)) {
      this.report(name, 'must be an object');
      return {};
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
  }

  /** A nested record, or undefined when absent. */
  record(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : this.#nested(name, value);
  }

  /** A list of records. */
  records(name: string): Fields[] {
    return this.#list(name).map((item, index) => this.#nested(`${name}[${index}]`, item));
  }

  /** A duration such as `1.5s` in milliseconds. */
  durationMs(name: string): number | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const parsed = parseDurationMs(text);
    if (parsed === undefined) this.report(name, `"${text}" is no duration, write for example 1s or 250ms`);
    return parsed;
  }

  report(name: string, message: string): void {
    this.problems.push({ field: name === '' ? this.path : `${this.path}.${name}`, message });
  }

  /** Reports every member that was not read as not supported. */
  finish(): void {
    for (const name of Object.keys(this.#value)) {
      if (!this.#known.has(name) && this.has(name)) this.report(name, 'is not supported by the embedded mesh');
    }
  }

  #nested(name: string, value: unknown): Fields {
    return new Fields(value, { path: `${this.path}.${name}`, problems: this.problems });
  }

  #list(name: string): unknown[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.report(name, 'must be a list');
    return [];
  }

  #typed(name: string, what: string, accepts: (value: unknown) => boolean): unknown {
    const value = this.raw(name);
    if (value === undefined || accepts(value)) return value;
    this.report(name, `must be ${what}`);
    return undefined;
  }
}

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration as Go writes it (`1m30s`); undefined when it is none. Source: Go time.ParseDuration. */
function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  const pattern = /([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)/gy;
  let totalMs = 0;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    totalMs += Number(match[1]) * (unitsMs[match[2] ?? ''] ?? 0);
    end = match.index + match[0].length;
  }
  return end === text.length && text !== '' ? totalMs : undefined;
}
