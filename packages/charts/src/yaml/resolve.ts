/** What a plain scalar means in YAML 1.1 as go-yaml v2 reads it. */

import { fitsInt64, maxUint64, parseGoFloat, parseGoInt } from '../go/strconv.ts';
import { YamlError } from './reader.ts';

export type Tag = 'str' | 'bool' | 'int' | 'float' | 'null' | 'timestamp' | 'binary' | 'other';

export interface Resolved {
  readonly tag: Tag;
  /** string, boolean, number (float), bigint (int) or null. */
  readonly value: string | boolean | number | bigint | null;
}

function wordRows(tag: Tag, value: Resolved['value'], texts: string): [string, Resolved][] {
  return texts.split(' ').map((text) => [text, { tag, value }]);
}

const words: ReadonlyMap<string, Resolved> = new Map([
  ...wordRows('bool', true, 'y Y yes Yes YES true True TRUE on On ON'),
  ...wordRows('bool', false, 'n N no No NO false False FALSE off Off OFF'),
  ...wordRows('null', null, '~ null Null NULL'),
  ...wordRows('null', null, ''),
  ...wordRows('float', NaN, '.nan .NaN .NAN'),
  ...wordRows('float', Infinity, '.inf .Inf .INF +.inf +.Inf +.INF'),
  ...wordRows('float', -Infinity, '-.inf -.Inf -.INF'),
]);

/** Texts that can be something else than a string begin with one of these. */
const hint = /^[-+0-9yYnNtTfFoO~.]/;
const floatPattern = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const timestampPattern =
  /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[-+]([0-9]{2}):([0-9]{2}))| ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?$/;

/** The meaning of a scalar with an explicit tag ('' for none). Throws {@link YamlError} when it does not fit the tag. */
export function resolve(tag: string, text: string): Resolved {
  const short = shortTag(tag);
  if (short === undefined) return { tag: 'other', value: text };
  if (short === 'binary') return { tag: 'binary', value: text };
  const found = resolvePlain(text, short);
  if (short === '' || short === 'str' || short === found.tag) return found;
  if (short === 'float' && typeof found.value === 'bigint' && fitsInt64(found.value)) {
    return { tag: 'float', value: Number(found.value) };
  }
  throw new YamlError(`cannot decode !!${found.tag} \`${text}\` as a !!${short}`);
}

const longPrefix = 'tag:yaml.org,2002:';
const resolvable: ReadonlySet<string> = new Set(['str', 'bool', 'int', 'float', 'null', 'timestamp', 'binary']);

function shortTag(tag: string): string | undefined {
  if (tag === '') return '';
  const short = tag.startsWith(longPrefix) ? tag.slice(longPrefix.length) : undefined;
  return short !== undefined && resolvable.has(short) ? short : undefined;
}

function resolvePlain(text: string, tag: string): Resolved {
  const string: Resolved = { tag: 'str', value: text };
  if (tag === 'str' || (text !== '' && !hint.test(text))) return string;
  const word = words.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  if (first === 0x2e) {
    const float = parseGoFloat(text);
    return float === undefined || !Number.isFinite(float) ? string : { tag: 'float', value: float };
  }
  const isNumeric = first === 0x2b || first === 0x2d || (first >= 0x30 && first <= 0x39);
  return isNumeric ? (resolveNumber(text, tag) ?? string) : string;
}

function resolveNumber(text: string, tag: string): Resolved | undefined {
  if ((tag === '' || tag === 'timestamp') && isTimestamp(text)) return { tag: 'timestamp', value: text };
  const plain = text.replaceAll('_', '');
  const whole = parseGoInt(plain);
  if (whole !== undefined && (fitsInt64(whole) || (whole > 0n && whole <= maxUint64 && !plain.startsWith('+')))) {
    return { tag: 'int', value: whole };
  }
  if (floatPattern.test(plain)) {
    const float = Number(plain);
    if (Number.isFinite(float)) return { tag: 'float', value: float };
  }
  return resolveSignedBinary(plain);
}

/** `0b-1` and `-0b+1`: go-yaml reads the digits by themselves, sign included. */
function resolveSignedBinary(plain: string): Resolved | undefined {
  const match = /^(-?)0b([+-]?)([01]+)$/.exec(plain);
  if (match === null) return undefined;
  const [, sign, inner, digits] = match;
  if (sign === '-' && inner !== '') return undefined;
  const value = BigInt(`0b${digits}`) * (sign === '-' || inner === '-' ? -1n : 1n);
  return fitsInt64(value) ? { tag: 'int', value } : undefined;
}

const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isTimestamp(text: string): boolean {
  const match = timestampPattern.exec(text);
  if (match === null) return false;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day] = [part(1), part(2), part(3)];
  if (month < 1 || month > 12 || day < 1 || day > (monthDays[month - 1] ?? 0)) return false;
  if (month === 2 && day === 29 && !(year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))) return false;
  const hour = part(4) || part(9);
  const minute = part(5) || part(10);
  const second = part(6) || part(11);
  return hour < 24 && minute < 60 && second < 60 && part(7) <= 24 && part(8) < 60;
}
