/** Functions of strings, regular expressions among them. Source: cel-go ext/strings.go version 2; apiserver library/regex.go. */

import { RE2JS } from 're2js';
import { B, DYN, func, I, list, method, S, type Overload } from '../overload.ts';
import { CelFailure } from '../values.ts';
import { formatText } from './format-text.ts';

/** Positions are those of characters, not of UTF-16 units. */
function characters(text: string): string[] {
  return Array.from(text);
}

function outOfRange(index: bigint): never {
  throw new CelFailure(`index out of range: ${index}`);
}

function charAt(text: string, index: bigint): string {
  const all = characters(text);
  if (index < 0n || index > BigInt(all.length)) outOfRange(index);
  return all[Number(index)] ?? '';
}

function indexOf(text: string, wanted: string, from: bigint): bigint {
  if (wanted === '') return from;
  const all = characters(text);
  if (from < 0n || from >= BigInt(all.length)) return from < 0n || all.length > 0 ? outOfRange(from) : -1n;
  const start = all.slice(0, Number(from)).join('').length;
  const found = text.indexOf(wanted, start);
  return found < 0 ? -1n : BigInt(characters(text.slice(0, found)).length);
}

function lastIndexOf(text: string, wanted: string, from: bigint | undefined): bigint {
  const all = characters(text);
  if (wanted === '') return from ?? BigInt(all.length);
  if (from !== undefined && (from < 0n || from >= BigInt(all.length))) outOfRange(from);
  const end = from === undefined ? Infinity : all.slice(0, Number(from)).join('').length;
  const found = text.lastIndexOf(wanted, end);
  return found < 0 ? -1n : BigInt(characters(text.slice(0, found)).length);
}

function substring(text: string, start: bigint, end: bigint | undefined): string {
  const all = characters(text);
  const length = BigInt(all.length);
  const stop = end ?? length;
  if (end !== undefined && start > stop) throw new CelFailure(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > length) outOfRange(start);
  if (stop < 0n || stop > length) outOfRange(stop);
  return all.slice(Number(start), Number(stop)).join('');
}

/** At most `count` times; all of them when it is negative. */
function replace(text: string, old: string, by: string, count: bigint): string {
  const pieces = split(text, old, count < 0n ? -1n : count + 1n);
  if (old !== '' || count === 0n) return count === 0n ? text : pieces.join(by);
  const all = characters(text);
  const times = count < 0n ? all.length + 1 : Math.min(Number(count), all.length + 1);
  return (
    all.map((character, index) => (index < times ? by + character : character)).join('') +
    (times > all.length ? by : '')
  );
}

function split(text: string, separator: string, limit: bigint): string[] {
  if (limit === 0n) return [];
  if (limit === 1n) return [text];
  const pieces = separator === '' ? characters(text) : text.split(separator);
  const most = Number(limit);
  if (most < 0 || pieces.length <= most) return pieces;
  return [...pieces.slice(0, most - 1), pieces.slice(most - 1).join(separator)];
}

function ascii(text: string, isUpper: boolean): string {
  return isUpper
    ? text.replace(/[a-z]/g, (letter) => letter.toUpperCase())
    : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const quotes: Readonly<Record<string, string>> = {
  '\u0007': String.raw`\a`,
  '\b': String.raw`\b`,
  '\f': String.raw`\f`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
  '\v': String.raw`\v`,
  '\\': String.raw`\\`,
  '"': String.raw`\"`,
};

function quote(text: string): string {
  return `"${text.replace(/[\u0007\b\f\n\r\t\v\\"]/g, (character) => quotes[character] ?? character)}"`;
}

/** A pattern compiled once; patterns of rules are few. */
const patterns = new Map<string, RE2JS>();
const maxPatterns = 500;

/** The compiled pattern. Throws what its reader says. */
export function compilePattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  if (patterns.size >= maxPatterns) patterns.clear();
  const compiled = RE2JS.compile(pattern);
  patterns.set(pattern, compiled);
  return compiled;
}

function usePattern(pattern: string, prefix: string): RE2JS {
  try {
    return compilePattern(pattern);
  } catch (error) {
    throw new CelFailure(`${prefix}${error instanceof Error ? error.message : String(error)}`);
  }
}

function matches(text: string, pattern: string): boolean {
  return usePattern(pattern, '').matcher(text).find();
}

function find(text: string, pattern: string): string {
  const matcher = usePattern(pattern, 'Illegal regex: ').matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

function findAll(text: string, pattern: string, limit: bigint): string[] {
  const matcher = usePattern(pattern, 'Illegal regex: ').matcher(text);
  const found: string[] = [];
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}

export const stringFunctions: readonly Overload[] = [
  method('contains', { id: 'contains_string', args: [S, S], result: B, run: (a, b) => a.includes(b) }),
  method('startsWith', { id: 'starts_with_string', args: [S, S], result: B, run: (a, b) => a.startsWith(b) }),
  method('endsWith', { id: 'ends_with_string', args: [S, S], result: B, run: (a, b) => a.endsWith(b) }),
  func('matches', { id: 'matches', args: [S, S], result: B, run: matches }),
  method('matches', { id: 'matches_string', args: [S, S], result: B, run: matches }),
  method('find', { id: 'string_find_string', args: [S, S], result: S, run: find }),
  method('findAll', { id: 'string_find_all_string', args: [S, S], result: list(S), run: (a, b) => findAll(a, b, -1n) }),
  method('findAll', { id: 'string_find_all_string_int', args: [S, S, I], result: list(S), run: findAll }),
  method('charAt', { id: 'string_char_at_int', args: [S, I], result: S, run: charAt }),
  method('indexOf', { id: 'string_index_of_string', args: [S, S], result: I, run: (a, b) => indexOf(a, b, 0n) }),
  method('indexOf', { id: 'string_index_of_string_int', args: [S, S, I], result: I, run: indexOf }),
  method('lastIndexOf', {
    id: 'string_last_index_of_string',
    args: [S, S],
    result: I,
    run: (a, b) => lastIndexOf(a, b, undefined),
  }),
  method('lastIndexOf', { id: 'string_last_index_of_string_int', args: [S, S, I], result: I, run: lastIndexOf }),
  method('lowerAscii', { id: 'string_lower_ascii', args: [S], result: S, run: (a) => ascii(a, false) }),
  method('upperAscii', { id: 'string_upper_ascii', args: [S], result: S, run: (a) => ascii(a, true) }),
  method('replace', {
    id: 'string_replace_string_string',
    args: [S, S, S],
    result: S,
    run: (a, b, c) => replace(a, b, c, -1n),
  }),
  method('replace', { id: 'string_replace_string_string_int', args: [S, S, S, I], result: S, run: replace }),
  method('split', { id: 'string_split_string', args: [S, S], result: list(S), run: (a, b) => split(a, b, -1n) }),
  method('split', { id: 'string_split_string_int', args: [S, S, I], result: list(S), run: split }),
  method('substring', {
    id: 'string_substring_int',
    args: [S, I],
    result: S,
    run: (a, b) => substring(a, b, undefined),
  }),
  method('substring', { id: 'string_substring_int_int', args: [S, I, I], result: S, run: substring }),
  method('trim', { id: 'string_trim', args: [S], result: S, run: (a) => a.trim() }),
  method('format', { id: 'string_format', args: [S, list(DYN)], result: S, run: formatText }),
  func('strings.quote', { id: 'strings_quote', args: [S], result: S, run: quote }),
  method('join', { id: 'list_join', args: [list(S)], result: S, run: (a) => a.join('') }),
  method('join', { id: 'list_join_string', args: [list(S), S], result: S, run: (a, b) => a.join(b) }),
];
