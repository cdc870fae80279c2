/** Strings. Source: sprig, strings.go, and Go's strings package. */

import { FunctionError } from '../errors.ts';
import { toText } from '../go/cast.ts';
import { printText } from '../go/fmt.ts';
import { quote as quoteText } from '../go/strconv.ts';
import { isSpace, lowerText, upperText } from '../go/unicode.ts';
import { byteLength, rejoin, sliceBytes } from '../go/utf8.ts';
import { stringList, TaggedMap } from '../go/values.ts';
import { guardSize } from './guard.ts';
import { row, type FunctionRow, type Services } from './row.ts';

function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** strings.Trim: characters of `cutset` off both ends. */
function trimSet(cutset: string, text: string): string {
  const set = new Set(cutset);
  const chars = Array.from(text);
  let start = 0;
  let end = chars.length;
  while (start < end && set.has(chars[start] ?? '')) start += 1;
  while (end > start && set.has(chars[end - 1] ?? '')) end -= 1;
  return chars.slice(start, end).join('');
}

function bounds(start: number, end: number, length: number): never {
  if (end < 0 || end > length)
    throw new FunctionError(`runtime error: slice bounds out of range [:${end}] with length ${length}`);
  throw new FunctionError(`runtime error: slice bounds out of range [${start}:${end}]`);
}

function substring(start: number, end: number, text: string): string {
  const length = byteLength(text);
  if (start < 0) {
    if (end < 0) throw new FunctionError(`runtime error: slice bounds out of range [:${end}]`);
    return end > length ? bounds(0, end, length) : sliceBytes(text, 0, end);
  }
  if (end < 0 || end > length) {
    if (start > length) throw new FunctionError(`runtime error: slice bounds out of range [${start}:${length}]`);
    return sliceBytes(text, start, length);
  }
  if (start > end) bounds(start, end, length);
  return sliceBytes(text, start, end);
}

function truncate(count: number, text: string): string {
  const length = byteLength(text);
  if (count < 0 && length + count > 0) return sliceBytes(text, length + count, length);
  return count >= 0 && length > count ? sliceBytes(text, 0, count) : text;
}

/** strings.SplitN: at most `count` parts, all for a negative one. An empty separator splits characters. */
export function splitText(separator: string, text: string, count = -1): string[] {
  if (count === 0) return [];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

function numbered(parts: readonly string[]): Map<string, unknown> {
  return new TaggedMap(
    { elem: 'string' },
    parts.map((part, index): [string, string] => [`_${index}`, part]),
  );
}

function replaceAll(services: Services, change: { from: string; to: string; text: string }): string {
  const { from, to, text } = change;
  if (from !== '') {
    const parts = text.split(from);
    guardSize(services, text.length + parts.length * to.length);
    return rejoin(parts.join(to));
  }
  return `${to}${Array.from(text, (char) => char + to).join('')}`;
}

/** Indents every line, the first included. */
function indent(services: Services, spaces: number, text: string): string {
  if (spaces < 0) throw new FunctionError('strings: negative Repeat count');
  guardSize(services, spaces);
  const padding = ' '.repeat(spaces);
  if (spaces > 8) guardSize(services, text.length + spaces * text.split('\n').length);
  return padding + text.replaceAll('\n', `\n${padding}`);
}

const any = 'interface {}';
const anys = '...interface {}';
const text2 = ['string', 'string'] as const;

export const strings: readonly FunctionRow[] = [
  row({
    name: 'toString',
    args: [any],
    returns: 'string',
    doc: 'The value as text, as it prints.',
    example: ['{{ toString 1.0 }}', '1'],
    run(value) {
      this.printing([value]);
      return value === null ? '<nil>' : toText(value);
    },
  }),
  row({
    name: 'quote',
    args: [anys],
    returns: 'string',
    doc: 'The arguments in double quotes, nils left out.',
    example: ['{{ quote "a" 1 }}', '"a" "1"'],
    run(...values) {
      this.printing(values);
      return values
        .filter((value) => value !== null)
        .map((value) => quoteText(toText(value)))
        .join(' ');
    },
  }),
  row({
    name: 'squote',
    args: [anys],
    returns: 'string',
    doc: 'The arguments in single quotes, nils left out; nothing is escaped.',
    example: ['{{ squote "a" 1 }}', "'a' '1'"],
    run(...values) {
      this.printing(values);
      return values
        .filter((value) => value !== null)
        .map((value) => `'${printText(value)}'`)
        .join(' ');
    },
  }),
  row({
    name: 'cat',
    args: [anys],
    returns: 'string',
    doc: 'The arguments with spaces between them, nils left out.',
    example: ['{{ cat "a" 1 }}', 'a 1'],
    run: (...values) =>
      values
        .filter((value) => value !== null)
        .map(printText)
        .join(' '),
  }),
  row({
    name: 'indent',
    args: ['int', 'string'],
    returns: 'string',
    doc: 'Indents every line.',
    example: ['{{ indent 2 "a\\nb" }}', '  a\n  b'],
    run(spaces, text) {
      return indent(this.services, spaces, text);
    },
  }),
  row({
    name: 'nindent',
    args: ['int', 'string'],
    returns: 'string',
    doc: 'A newline, then the text with every line indented.',
    example: ['{{ nindent 2 "a" }}', '\n  a'],
    run(spaces, text) {
      return `\n${indent(this.services, spaces, text)}`;
    },
  }),
  row({
    name: 'replace',
    args: ['string', 'string', 'string'],
    returns: 'string',
    doc: 'Replaces every first text by the second, in the third.',
    example: ['{{ replace "a" "b" "banana" }}', 'bbnbnb'],
    run(from, to, text) {
      return replaceAll(this.services, { from, to, text });
    },
  }),
  row({
    name: 'trim',
    args: ['string'],
    returns: 'string',
    doc: 'Without white space at both ends.',
    example: ['{{ trim " a " }}', 'a'],
    run: trimSpace,
  }),
  ...(['trimAll', 'trimall'] as const).map((name) =>
    row({
      name,
      args: text2,
      returns: 'string',
      doc: "Without the first text's characters at both ends.",
      example: [`{{ ${name} "$" "$5$" }}`, '5'],
      run: trimSet,
    }),
  ),
  row({
    name: 'trimPrefix',
    args: text2,
    returns: 'string',
    doc: 'Without the first text in front.',
    example: ['{{ trimPrefix "-" "-a" }}', 'a'],
    run: (prefix, text) => (text.startsWith(prefix) ? text.slice(prefix.length) : text),
  }),
  row({
    name: 'trimSuffix',
    args: text2,
    returns: 'string',
    doc: 'Without the first text at the end.',
    example: ['{{ trimSuffix "-" "a-" }}', 'a'],
    run: (suffix, text) => (text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text),
  }),
  row({
    name: 'upper',
    args: ['string'],
    returns: 'string',
    doc: 'In upper case.',
    example: ['{{ upper "a" }}', 'A'],
    run: upperText,
  }),
  row({
    name: 'lower',
    args: ['string'],
    returns: 'string',
    doc: 'In lower case.',
    example: ['{{ lower "A" }}', 'a'],
    run: lowerText,
  }),
  row({
    name: 'contains',
    args: text2,
    returns: 'bool',
    doc: 'Whether the second text has the first in it.',
    example: ['{{ contains "a" "cat" }}', 'true'],
    run: (part, text) => text.includes(part),
  }),
  row({
    name: 'hasPrefix',
    args: text2,
    returns: 'bool',
    doc: 'Whether the second text begins with the first.',
    example: ['{{ hasPrefix "c" "cat" }}', 'true'],
    run: (prefix, text) => text.startsWith(prefix),
  }),
  row({
    name: 'hasSuffix',
    args: text2,
    returns: 'bool',
    doc: 'Whether the second text ends with the first.',
    example: ['{{ hasSuffix "t" "cat" }}', 'true'],
    run: (suffix, text) => text.endsWith(suffix),
  }),
  row({
    name: 'repeat',
    args: ['int', 'string'],
    returns: 'string',
    doc: 'The text several times.',
    example: ['{{ repeat 3 "ab" }}', 'ababab'],
    run(count, text) {
      if (count < 0) throw new FunctionError('strings: negative Repeat count');
      guardSize(this.services, count * text.length);
      return rejoin(text.repeat(count));
    },
  }),
  row({
    name: 'substr',
    args: ['int', 'int', 'string'],
    returns: 'string',
    doc: 'The bytes from start up to, not including, end.',
    example: ['{{ substr 1 3 "abcd" }}', 'bc'],
    run: substring,
  }),
  row({
    name: 'trunc',
    args: ['int', 'string'],
    returns: 'string',
    doc: 'The first bytes, or with a negative count the last ones.',
    example: ['{{ trunc 2 "abc" }} {{ trunc -2 "abc" }}', 'ab bc'],
    run: truncate,
  }),
  row({
    name: 'split',
    args: text2,
    returns: 'map[string]string',
    doc: 'Splits the second text at the first, into _0, _1 and so on.',
    example: ['{{ (split "-" "a-b")._1 }}', 'b'],
    run: (separator, text) => numbered(splitText(separator, text)),
  }),
  row({
    name: 'splitn',
    args: ['string', 'int', 'string'],
    returns: 'map[string]string',
    doc: 'Splits into at most so many parts, _0, _1 and so on.',
    example: ['{{ (splitn "-" 2 "a-b-c")._1 }}', 'b-c'],
    run: (separator, count, text) => numbered(splitText(separator, text, count)),
  }),
  row({
    name: 'splitList',
    args: text2,
    returns: '[]string',
    doc: 'Splits the second text at the first, into a list.',
    example: ['{{ splitList "-" "a-b" }}', '[a b]'],
    run: (separator, text) => stringList(splitText(separator, text)),
  }),
  row({
    name: 'plural',
    args: ['string', 'string', 'int'],
    returns: 'string',
    doc: 'The first text for one, else the second.',
    example: ['{{ plural "one" "many" 2 }}', 'many'],
    run: (one, many, count) => (count === 1 ? one : many),
  }),
  row({
    name: 'hello',
    args: [],
    returns: 'string',
    doc: 'A greeting.',
    example: ['{{ hello }}', 'Hello!'],
    run: () => 'Hello!',
  }),
];
