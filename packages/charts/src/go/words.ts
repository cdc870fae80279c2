/** Word cases and wrapping as sprig has them (huandu/xstrings and Masterminds/goutils). */

import { isDigit, isLetter, isLower, isSpace, isUpper, toLower, toUpper } from './unicode.ts';
import { fromBytes, isAscii, sliceBytes, toBytes } from './utf8.ts';

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function isConnector(char: string): boolean {
  return char === '-' || char === '_' || isSpace(codeOf(char));
}

/** xstrings.ToPascalCase. */
export function pascalCase(text: string): string {
  const chars = Array.from(text);
  const start = chars.findIndex((char) => !isConnector(char));
  if (chars.length === 0) return '';
  if (start < 0) return text + (chars.at(-1) ?? '');
  let out = chars.slice(0, start).join('');
  let isFirstUpper = isUpper(codeOf(chars[start] ?? ''));
  let current = toUpper(chars[start] ?? '');
  for (const char of chars.slice(start + 1)) {
    const previous = current;
    current = char;
    if (isConnector(current) && isConnector(previous)) {
      out += previous;
    } else if (isConnector(previous)) {
      isFirstUpper = isUpper(codeOf(current));
      current = toUpper(current);
    } else {
      if (isFirstUpper) {
        if (isUpper(codeOf(current))) current = toLower(current);
        else isFirstUpper = false;
      }
      out += previous;
    }
  }
  return out + current;
}

type WordKind = 'none' | 'number' | 'upper' | 'alphabet' | 'connector' | 'punctuation' | 'other';

const punctuation = /\p{P}/u;
const numberClass = /\p{N}/u;

function isAlphabet(char: string): boolean {
  const code = codeOf(char);
  if (!isLetter(code)) return false;
  // Letters of scripts without case (and title case letters in general) are no alphabet to xstrings.
  return code < 0x80 || isUpper(code) || isLower(code) || !/[\p{Lo}\p{Lm}\p{Lt}]/u.test(char);
}

interface Word {
  readonly kind: WordKind;
  readonly text: string[];
  readonly rest: string[];
}

function takeWhile(chars: string[], from: number, test: (char: string) => boolean): number {
  let end = from;
  while (end < chars.length && test(chars[end] ?? '')) end += 1;
  return end;
}

function splitAt(chars: string[], end: number, kind: WordKind): Word {
  return { kind, text: chars.slice(0, end), rest: chars.slice(end) };
}

function nextWord(chars: string[]): Word {
  const [first] = chars;
  if (first === undefined) return { kind: 'none', text: [], rest: [] };
  const isLowerLetter = (char: string): boolean => isAlphabet(char) && !isUpper(codeOf(char));
  if (isConnector(first)) return splitAt(chars, takeWhile(chars, 1, isConnector), 'connector');
  if (punctuation.test(first))
    return splitAt(
      chars,
      takeWhile(chars, 1, (char) => punctuation.test(char)),
      'punctuation',
    );
  if (isUpper(codeOf(first))) {
    const second = chars[1];
    if (second !== undefined && isUpper(codeOf(second))) {
      const end = takeWhile(chars, 2, (char) => isUpper(codeOf(char)));
      // "HTTPStatus" splits before its S.
      return splitAt(chars, end < chars.length && isAlphabet(chars[end] ?? '') ? end - 1 : end, 'upper');
    }
    return splitAt(chars, takeWhile(chars, 1, isLowerLetter), 'upper');
  }
  if (isAlphabet(first)) return splitAt(chars, takeWhile(chars, 1, isLowerLetter), 'alphabet');
  if (numberClass.test(first))
    return splitAt(
      chars,
      takeWhile(chars, 1, (char) => numberClass.test(char)),
      'number',
    );
  const isOther = (char: string): boolean =>
    !isConnector(char) && !isAlphabet(char) && !numberClass.test(char) && !punctuation.test(char);
  return splitAt(chars, takeWhile(chars, 1, isOther), 'other');
}

/** Collects lower-case words with connectors between them. */
class CaseWriter {
  private out = '';
  private readonly connector: string;
  private word: Word;

  constructor(text: string, connector: string) {
    this.connector = connector;
    this.word = nextWord(Array.from(text));
  }

  private emit(word: Word): void {
    for (const char of word.text) {
      this.out += word.kind === 'connector' ? this.connector : toLower(char);
    }
  }

  private advance(): Word {
    const previous = this.word;
    this.word = nextWord(previous.rest);
    return previous;
  }

  private is(...kinds: WordKind[]): boolean {
    return kinds.includes(this.word.kind);
  }

  private connect(): void {
    this.out += this.connector;
  }

  private wordsAndNumbers(): void {
    while (this.is('alphabet', 'number')) this.emit(this.advance());
  }

  run(): string {
    while (this.word.rest.length > 0) {
      if (!this.is('connector')) this.emit(this.word);
      const previous = this.advance();
      if (previous.kind === 'number') {
        this.wordsAndNumbers();
        if (!this.is('none', 'punctuation', 'connector')) this.connect();
      } else if (previous.kind === 'connector') {
        this.emit(previous);
      } else if (previous.kind !== 'punctuation') {
        this.afterWord();
      }
    }
    this.emit(this.word);
    return this.out;
  }

  private afterWord(): void {
    if (!this.is('number')) {
      if (!this.is('connector', 'punctuation')) this.connect();
      return;
    }
    if (this.word.rest.length === 0) return;
    const number = this.advance();
    if (!this.is('alphabet')) {
      // A number belongs to the word before it: Bld4Floor is bld4_floor.
      this.emit(number);
      if (!this.is('connector', 'punctuation')) this.connect();
      return;
    }
    this.connect();
    this.emit(number);
    this.wordsAndNumbers();
    if (!this.is('none', 'connector', 'punctuation')) this.connect();
  }
}

/** xstrings.ToSnakeCase and ToKebabCase. */
export function connectWords(text: string, connector: string): string {
  return text === '' ? '' : new CaseWriter(text, connector).run();
}

/** strings.Title: the first letter of each word in upper case. */
export function titleCase(text: string): string {
  let previous = ' ';
  return Array.from(text, (char) => {
    const isStart = isTitleSeparator(previous);
    previous = char;
    return isStart ? toUpper(char) : char;
  }).join('');
}

function isTitleSeparator(char: string): boolean {
  const code = codeOf(char);
  if (code <= 0x7f) return !(isLetter(code) || isDigit(code) || char === '_');
  return !isLetter(code) && !isDigit(code) && isSpace(code);
}

/** goutils.Uncapitalize: the first letter of each word in lower case. */
export function uncapitalize(text: string): string {
  let isStart = true;
  return Array.from(text, (char) => {
    if (isSpace(codeOf(char))) {
      isStart = true;
      return char;
    }
    const out = isStart ? toLower(char) : char;
    isStart = false;
    return out;
  }).join('');
}

/** goutils.SwapCase. */
export function swapCase(text: string): string {
  return Array.from(text, (char) => {
    const code = codeOf(char);
    if (isUpper(code)) return toLower(char);
    return isLower(code) ? toUpper(char) : char;
  }).join('');
}

/** goutils.Initials: byte by byte, each taken for a character. */
export function initials(text: string): string {
  let out = '';
  let afterGap = true;
  for (const byte of toBytes(text)) {
    if (isSpace(byte)) afterGap = true;
    else if (afterGap) {
      out += String.fromCharCode(byte);
      afterGap = false;
    }
  }
  return out;
}

/** goutils.DeleteWhiteSpace: byte by byte, each taken for a character. */
export function withoutSpaces(text: string): string {
  const bytes = toBytes(text);
  const kept = Array.from(bytes).filter((byte) => !isSpace(byte));
  return kept.length === bytes.length ? text : kept.map((byte) => String.fromCharCode(byte)).join('');
}

const marker = '...';

/** goutils.AbbreviateFull; '' where it fails. */
export function abbreviate(text: string, offset: number, width: number): string {
  if (text === '' || width < 4) return '';
  const size = toBytes(text).length;
  if (size <= width) return text;
  let start = Math.min(offset, size);
  if (size - start < width - 3) start = size - (width - 3);
  if (start <= 4) return sliceBytes(text, 0, width - 3) + marker;
  if (width < 7) return '';
  if (start + width - 3 < size) return marker + abbreviate(sliceBytes(text, start, size), 0, width - 3);
  return marker + sliceBytes(text, size - (width - 3), size);
}

/** goutils.WrapCustom: counts bytes. */
export function wrap(text: string, options: { width: number; newline: string; wrapLongWords: boolean }): string {
  // One character per byte, so that positions are Go's.
  const line = isAscii(text) ? text : Array.from(toBytes(text), (byte) => String.fromCharCode(byte)).join('');
  const newline = options.newline === '' ? '\n' : options.newline;
  const width = Math.max(1, options.width);
  const parts: string[] = [];
  let at = 0;
  while (line.length - at > width) {
    if (line[at] === ' ') {
      at += 1;
      continue;
    }
    const space = line.slice(at, at + width + 1).lastIndexOf(' ');
    if (space >= 0) {
      parts.push(line.slice(at, at + space));
      at += space + 1;
    } else if (options.wrapLongWords) {
      parts.push(line.slice(at, at + width));
      at += width;
    } else {
      const next = line.indexOf(' ', at + width);
      parts.push(line.slice(at, next < 0 ? line.length : next));
      at = next < 0 ? line.length : next + 1;
      if (next < 0) return bytesBack(parts, text).join(newline);
    }
  }
  parts.push(line.slice(at));
  return bytesBack(parts, text).join(newline);
}

function bytesBack(parts: readonly string[], text: string): readonly string[] {
  if (isAscii(text)) return parts;
  return parts.map((part) => fromBytes(Uint8Array.from(part, (char) => char.charCodeAt(0))));
}
