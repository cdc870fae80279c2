/** Regular expressions with RE2's syntax and its guarantee of linear time. Source: sprig, regex.go, and Go's regexp. */

import { FunctionError } from '../errors.ts';
import { compileRegexp as compile, type Regexp } from '../go/regexp.ts';
import { quote } from '../go/strconv.ts';
import { stringList, taggedList } from '../go/values.ts';
import { guardSize } from './guard.ts';
import { row, type FunctionRow, type Services } from './row.ts';

interface Match {
  readonly start: number;
  readonly end: number;
  /** The text of a group by number; undefined when it took no part. */
  group(index: number): string | undefined;
}

/** regexp.MustCompile panics with its own sentence. */
function mustCompile(pattern: string): Regexp {
  try {
    return compile(pattern);
  } catch (error) {
    const shown = pattern.includes('`') ? quote(pattern) : `\`${pattern}\``;
    throw new FunctionError(`regexp: Compile(${shown}): ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** All matches, at most `limit` when it is not negative; an empty one right after another is left out. */
function findAll(expression: Regexp, text: string, limit: number): Match[] {
  const matcher = expression.matcher(text);
  const matches: Match[] = [];
  let at = 0;
  let previousEnd = -1;
  while (at <= text.length && (limit < 0 || matches.length < limit) && matcher.find(at)) {
    const match = toMatch(matcher, expression.groupCount());
    const isAccepted = match.end !== at || match.start !== previousEnd;
    at = match.end === at ? at + widthAt(text, at) : match.end;
    previousEnd = match.end;
    if (isAccepted) matches.push(match);
  }
  return matches;
}

type Matcher = ReturnType<Regexp['matcher']>;

function toMatch(matcher: Matcher, groupCount: number): Match {
  const groups = Array.from({ length: groupCount + 1 }, (_, index) => matcher.group(index) ?? undefined);
  return { start: matcher.start(), end: matcher.end(), group: (index) => groups[index] };
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** regexp's ReplaceAll: `replacement` gives the text for each match. */
function replaceAll(
  services: Services,
  expression: Regexp,
  text: string,
  replacement: (match: Match) => string,
): string {
  const matcher = expression.matcher(text);
  let out = '';
  let copied = 0;
  let at = 0;
  while (at <= text.length && matcher.find(at)) {
    const match = toMatch(matcher, expression.groupCount());
    out += text.slice(copied, match.start);
    if (match.end > copied || match.start === 0) out += replacement(match);
    guardSize(services, out.length);
    copied = match.end;
    const width = at < text.length ? widthAt(text, at) : 0;
    if (at + width > match.end) at += width;
    else if (at + 1 > match.end) at += 1;
    else at = match.end;
  }
  return out + text.slice(copied);
}

/** regexp's Expand: `$1`, `${1}`, `$name`, `$$`. */
export function expand(template: string, expression: Regexp, match: Match): string {
  const names = expression.namedGroups() as Record<string, number>;
  return template.replace(
    /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (whole, braced?: string, bare?: string) => {
      if (whole === '$$') return '$';
      const name = braced ?? bare ?? '';
      const index = /^(?:0|[1-9][0-9]{0,7})$/.test(name)
        ? Number(name)
        : Object.hasOwn(names, name)
          ? names[name]
          : undefined;
      return index === undefined ? '' : (match.group(index) ?? '');
    },
  );
}

function split(expression: Regexp, text: string, limit: number): unknown[] {
  if (limit === 0) return taggedList({ elem: 'string', isNil: true }, []);
  if (text === '' && expression.pattern() !== '') return stringList(['']);
  const parts: string[] = [];
  let begin = 0;
  let end = 0;
  for (const match of findAll(expression, text, limit)) {
    if (limit > 0 && parts.length === limit - 1) break;
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(begin, end));
    begin = match.end;
  }
  if (end !== text.length) parts.push(text.slice(begin));
  return stringList(parts);
}

function findTexts(expression: Regexp, text: string, limit: number): unknown[] {
  // A limit of 0 finds nothing; a negative one everything.
  const found = findAll(expression, text, limit).map((match) => text.slice(match.start, match.end));
  return found.length === 0 ? taggedList({ elem: 'string', isNil: true }, []) : stringList(found);
}

function find(expression: Regexp, text: string): string {
  const matcher = expression.matcher(text);
  return matcher.find() ? text.slice(matcher.start(), matcher.end()) : '';
}

const two = ['string', 'string'] as const;
const three = ['string', 'string', 'string'] as const;
const limited = ['string', 'string', 'int'] as const;

export const regex: readonly FunctionRow[] = [
  row({
    name: 'regexMatch',
    args: two,
    returns: 'bool',
    doc: 'Whether the text (second) matches somewhere; a wrong expression never does.',
    example: ['{{ regexMatch "^[a-c]+$" "abc" }}', 'true'],
    run: (pattern, text) => {
      try {
        return compile(pattern).matcher(text).find();
      } catch (error) {
        if (error instanceof FunctionError) return false;
        throw error;
      }
    },
  }),
  row({
    name: 'mustRegexMatch',
    args: two,
    returns: '(bool, error)',
    doc: 'Whether the text (second) matches somewhere.',
    example: ['{{ mustRegexMatch "b" "abc" }}', 'true'],
    run: (pattern, text) => compile(pattern).matcher(text).find(),
  }),
  row({
    name: 'regexFind',
    args: two,
    returns: 'string',
    doc: 'The first match, or "".',
    example: ['{{ regexFind "[0-9]+" "a12b3" }}', '12'],
    run: (pattern, text) => find(mustCompile(pattern), text),
  }),
  row({
    name: 'mustRegexFind',
    args: two,
    returns: '(string, error)',
    doc: 'The first match, or "".',
    example: ['{{ mustRegexFind "[0-9]+" "a12b3" }}', '12'],
    run: (pattern, text) => find(compile(pattern), text),
  }),
  row({
    name: 'regexFindAll',
    args: limited,
    returns: '[]string',
    doc: 'The first matches, all for a negative number.',
    example: ['{{ regexFindAll "[0-9]" "a1b2c3" 2 }}', '[1 2]'],
    run: (pattern, text, limit) => findTexts(mustCompile(pattern), text, limit),
  }),
  row({
    name: 'mustRegexFindAll',
    args: limited,
    returns: '([]string, error)',
    doc: 'The first matches, all for a negative number.',
    example: ['{{ mustRegexFindAll "[0-9]" "a1b2c3" -1 }}', '[1 2 3]'],
    run: (pattern, text, limit) => findTexts(compile(pattern), text, limit),
  }),
  row({
    name: 'regexReplaceAll',
    args: three,
    returns: 'string',
    doc: 'Replaces matches in the text (second) by the third, where $1 or ${1} stands for a group.',
    example: ['{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}', '-W-xxW-'],
    run(pattern, text, replacement) {
      const expression = mustCompile(pattern);
      return replaceAll(this.services, expression, text, (match) => expand(replacement, expression, match));
    },
  }),
  row({
    name: 'mustRegexReplaceAll',
    args: three,
    returns: '(string, error)',
    doc: 'Replaces matches in the text (second) by the third, where $1 or ${1} stands for a group.',
    example: ['{{ mustRegexReplaceAll "b" "abc" "<$0>" }}', 'a<b>c'],
    run(pattern, text, replacement) {
      const expression = compile(pattern);
      return replaceAll(this.services, expression, text, (match) => expand(replacement, expression, match));
    },
  }),
  row({
    name: 'regexReplaceAllLiteral',
    args: three,
    returns: 'string',
    doc: 'Replaces matches in the text (second) by the third as it is.',
    example: ['{{ regexReplaceAllLiteral "b" "abc" "$0" }}', 'a$0c'],
    run(pattern, text, replacement) {
      return replaceAll(this.services, mustCompile(pattern), text, () => replacement);
    },
  }),
  row({
    name: 'mustRegexReplaceAllLiteral',
    args: three,
    returns: '(string, error)',
    doc: 'Replaces matches in the text (second) by the third as it is.',
    example: ['{{ mustRegexReplaceAllLiteral "b" "abc" "-" }}', 'a-c'],
    run(pattern, text, replacement) {
      return replaceAll(this.services, compile(pattern), text, () => replacement);
    },
  }),
  row({
    name: 'regexSplit',
    args: limited,
    returns: '[]string',
    doc: 'Splits the text (second) at matches into at most so many parts, all for a negative number.',
    example: ['{{ regexSplit "[,;]" "a,b;c" -1 }}', '[a b c]'],
    run: (pattern, text, limit) => split(mustCompile(pattern), text, limit),
  }),
  row({
    name: 'mustRegexSplit',
    args: limited,
    returns: '([]string, error)',
    doc: 'Splits the text (second) at matches into at most so many parts, all for a negative number.',
    example: ['{{ mustRegexSplit "," "a,b" -1 }}', '[a b]'],
    run: (pattern, text, limit) => split(compile(pattern), text, limit),
  }),
  row({
    name: 'regexQuoteMeta',
    args: ['string'],
    returns: 'string',
    doc: 'The text as an expression that matches only itself.',
    example: ['{{ regexQuoteMeta "1.2" }}', '1\\.2'],
    run: (text) => text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&'),
  }),
];
