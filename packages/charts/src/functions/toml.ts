/** TOML. Source: helm pkg/engine/funcs.go. */

import { parse, TomlDate, TomlError } from 'smol-toml';
import { FunctionError } from '../errors.ts';
import { quote } from '../go/strconv.ts';
import { parseTime } from '../go/time-parse.ts';
import { encodeToml } from '../go/toml.ts';
import { goInt64, taggedList, type GoMap } from '../go/values.ts';
import { row, type FunctionRow } from './row.ts';

function encode(value: unknown): string {
  try {
    return encodeToml(value);
  } catch (error) {
    // Only panics fail the template; errors are the result.
    if (error instanceof FunctionError && error.message.startsWith('toml:')) return error.message;
    throw error;
  }
}

function decode(text: string): GoMap {
  try {
    return toMap(parse(text, { integersAsBigInt: true }));
  } catch (error) {
    if (error instanceof TomlError) return new Map([['Error', tomlMessage(text, error)]]);
    throw error;
  }
}

function toMap(table: object): GoMap {
  return new Map(Object.entries(table).map(([key, value]) => [key, toValue(value)]));
}

function toValue(value: unknown): unknown {
  if (typeof value === 'bigint') return goInt64(value);
  if (value instanceof TomlDate) return parseTime('2006-01-02T15:04:05.999999999Z07:00', new Date(value).toISOString());
  if (Array.isArray(value)) return toList(value);
  return typeof value === 'object' && value !== null ? toMap(value) : value;
}

function toList(items: readonly unknown[]): unknown[] {
  const list = items.map(toValue);
  const isTables = list.length > 0 && list.every((item) => item instanceof Map);
  return isTables ? taggedList({ elem: 'map[string]interface {}' }, list) : list;
}

/** The library's own sentence for a key without its sign, ours for everything else. */
function tomlMessage(text: string, error: TomlError): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => /^\s*[A-Za-z0-9_\-.]*[ \t]*(?:$|[^\s=.])/.test(line.replace(/^\s*#.*/, '')));
  const line = lines[at];
  if (line !== undefined && at <= error.line - 1) {
    const rest = line.trimStart().replace(/^[A-Za-z0-9_\-.]*[ \t]*/, '');
    const next = rest === '' && at < lines.length - 1 ? '\n' : Array.from(rest)[0];
    if (next === undefined) return `toml: line ${at + 1}: unexpected EOF; expected key separator '='`;
    return `toml: line ${at + 1}: expected '.' or '=', but got '${quote(next).slice(1, -1)}' instead`;
  }
  return `toml: line ${error.line}: ${(error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '')}`;
}

export const toml: readonly FunctionRow[] = [
  row({
    name: 'toToml',
    args: ['interface {}'],
    returns: 'string',
    doc: 'The value as TOML, or what is wrong with it.',
    example: ['{{ toToml (dict "a" 1) }}', 'a = 1\n'],
    run: encode,
  }),
  row({
    name: 'fromToml',
    args: ['string'],
    returns: 'map[string]interface {}',
    doc: 'A TOML document as a dictionary; what is wrong stands under Error.',
    example: ['{{ (fromToml "a = 1").a }}', '1'],
    run: decode,
  }),
];
