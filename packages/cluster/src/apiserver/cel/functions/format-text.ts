/** `'%s'.format([…])`. Source: cel-go ext/formatting.go. */

import {
  CelFailure,
  Duration,
  isList,
  isMapValue,
  Timestamp,
  typeNameOf,
  TypeValue,
  Uint,
  type ListValue,
  type Value,
} from '../values.ts';
import type { Type } from '../types.ts';
import { doubleText, spanText, timeText } from './conversions.ts';

/** Digits after the point when a clause does not say. */
const defaultPrecision = 6;
/** More digits than a double has are zeros, and cost memory. */
const maxPrecision = 100;

export function formatText(template: string, args: ListValue): string {
  let next = 0;
  const text = template.replace(/%(?:\.(\d+))?(.)|%$/gs, (clause: string, digits?: string, verb?: string) => {
    if (verb === undefined) throw new CelFailure('unexpected end of string');
    if (verb === '%' && digits === undefined) return '%';
    const argument = args[next];
    if (argument === undefined) throw new CelFailure(`index ${next} out of range`);
    next++;
    return formatOne(argument, verb, digits === undefined ? undefined : Number(digits)) ?? unknownClause(clause);
  });
  return text;
}

function unknownClause(clause: string): never {
  throw new CelFailure(`could not parse formatting clause: unrecognized formatting clause "${clause.at(-1) ?? ''}"`);
}

function formatOne(value: Value, verb: string, precision: number | undefined): string | undefined {
  switch (verb) {
    case 's':
      return stringForm(value);
    case 'd':
      return decimalForm(value);
    case 'f':
      return fixedForm(value, 'f', precision ?? defaultPrecision);
    case 'e':
      return fixedForm(value, 'e', precision ?? defaultPrecision);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : based(value, 2, 'binary');
    case 'o':
      return based(value, 8, 'octal');
    case 'x':
      return hexForm(value);
    case 'X':
      return hexForm(value).toUpperCase();
    default:
      return undefined;
  }
}

function wrong(what: string, value: Value): never {
  throw new CelFailure(`error during formatting: ${what}, was given ${typeNameOf(value)}`);
}

function stringForm(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'null';
  if (typeof value === 'number') return doubleText(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Timestamp) return timeText(value);
  if (value instanceof Duration) return spanText(value);
  if (value instanceof TypeValue) return value.name;
  if (isList(value)) return `[${value.map(memberForm).join(', ')}]`;
  if (isMapValue(value)) {
    const members = value.keys().map((key) => [memberForm(key), memberForm(value.get(key) ?? null)] as const);
    return `{${members
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, member]) => `${key}:${member}`)
      .join(', ')}}`;
  }
  return wrong(
    'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
    value,
  );
}

/** Inside lists and maps strings are quoted, and times say what they are. */
function memberForm(value: Value): string {
  if (typeof value === 'string') return `"${value}"`;
  if (value instanceof Uint8Array) return `b"${Buffer.from(value).toString('utf8')}"`;
  if (value instanceof Timestamp) return `timestamp("${timeText(value)}")`;
  if (value instanceof Duration) return `duration("${spanText(value)}")`;
  if (typeof value === 'number') return value.toFixed(defaultPrecision);
  return stringForm(value);
}

function decimalForm(value: Value): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (typeof value === 'number' && !Number.isFinite(value)) return doubleText(value).replace('+', '');
  return wrong('decimal clause can only be used on integers', value);
}

function fixedForm(value: Value, verb: 'e' | 'f', precision: number): string {
  const digits = Math.min(precision, maxPrecision);
  const number = value;
  if (typeof number !== 'number')
    return wrong(`${verb === 'f' ? 'fixed-point' : 'scientific'} clause can only be used on doubles`, value);
  if (!Number.isFinite(number)) return Number.isNaN(number) ? 'NaN' : number > 0 ? '∞' : '-∞';
  // Both are written as in English text: thousands apart, powers of ten raised.
  if (verb === 'f') return number.toFixed(digits).replace(/\B(?=(?:\d{3})+(?:\.|$))(?<!\.\d*)/g, ',');
  const [mantissa = '', exponent = '0'] = number.toExponential(digits).split('e');
  const power = Number(exponent);
  const raised = Array.from(String(Math.abs(power)).padStart(2, '0'), (digit) => superscripts[Number(digit)] ?? '');
  return `${mantissa}\u202f×\u202f10${power < 0 ? '⁻' : ''}${raised.join('')}`;
}

const superscripts = Array.from('⁰¹²³⁴⁵⁶⁷⁸⁹');

function based(value: Value, base: number, name: string): string {
  if (typeof value === 'bigint') return value.toString(base);
  if (value instanceof Uint) return value.value.toString(base);
  return wrong(`${name} clause can only be used on integers${base === 2 ? ' and bools' : ''}`, value);
}

function hexForm(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'bigint') return value.toString(16);
  if (value instanceof Uint) return value.value.toString(16);
  return wrong('only integers, byte buffers, and strings can be formatted as hex', value);
}

/** What the clauses of a template cannot do with arguments of these types; `argument` undefined for a clause that is none. */
export function formatProblems(
  template: string,
  types: readonly Type[],
): { readonly argument: number | undefined; readonly message: string }[] {
  const found: { argument: number | undefined; message: string }[] = [];
  let next = 0;
  for (const [, digits, verb] of template.matchAll(/%(?:\.(\d+))?(.)|%$/gs)) {
    if (verb === undefined) return [...found, { argument: undefined, message: 'unexpected end of string' }];
    if (verb === '%' && digits === undefined) continue;
    const argument = next++;
    const type = types[argument];
    if (type === undefined) return [...found, { argument, message: `index ${argument} out of range` }];
    const allowed = verbTypes[verb];
    if (allowed === undefined) {
      const message = `could not parse formatting clause: unrecognized formatting clause "${verb}"`;
      return [...found, { argument: undefined, message }];
    }
    if (type.kind === 'dyn' || allowed.kinds.includes(type.kind)) continue;
    const given = type.kind === 'null' ? 'null_type' : type.name;
    found.push({ argument, message: `error during formatting: ${allowed.what}, was given ${given}` });
  }
  return found;
}

const verbTypes: Readonly<Record<string, { readonly kinds: readonly Type['kind'][]; readonly what: string }>> = {
  s: {
    kinds: ['string', 'bool', 'bytes', 'int', 'uint', 'double', 'map', 'list', 'type', 'duration', 'timestamp', 'null'],
    what: 'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
  },
  d: { kinds: ['int', 'uint'], what: 'decimal clause can only be used on integers' },
  f: { kinds: ['double'], what: 'fixed-point clause can only be used on doubles' },
  e: { kinds: ['double'], what: 'scientific clause can only be used on doubles' },
  b: { kinds: ['int', 'uint', 'bool'], what: 'binary clause can only be used on integers and bools' },
  o: { kinds: ['int', 'uint'], what: 'octal clause can only be used on integers' },
  x: {
    kinds: ['int', 'uint', 'string', 'bytes'],
    what: 'only integers, byte buffers, and strings can be formatted as hex',
  },
  X: {
    kinds: ['int', 'uint', 'string', 'bytes'],
    what: 'only integers, byte buffers, and strings can be formatted as hex',
  },
};
