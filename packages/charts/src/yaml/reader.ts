/** The characters of a YAML text with their place, and the classes of characters that YAML distinguishes. */

import { runeSize, toBytes } from '../go/utf8.ts';

/** A text that is no YAML; the message is go-yaml's. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  /** From 1; undefined where go-yaml names none. */
  readonly line: number | undefined;
  /** From 1, where it really is: go-yaml's own count may be one short. */
  readonly actualLine: number | undefined;

  constructor(problem: string, line?: number, actualLine = line) {
    super(`yaml: ${line === undefined ? '' : `line ${line}: `}${problem}`);
    this.line = line;
    this.actualLine = actualLine;
  }
}

/** A place: line and column from 0, index in UTF-16 units. */
export interface Mark {
  readonly line: number;
  readonly column: number;
  readonly index: number;
}

// Everything go-yaml's reader refuses.
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/;
const surrogate = /[\ud800-\udfff]/;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Throws for characters that YAML does not allow, and for bytes that are no UTF-8. */
function checkCharacters(text: string): void {
  const badByte = surrogate.test(text) ? text.search(loneSurrogate) : -1;
  const control = text.search(forbidden);
  // The first of them is named.
  if (control >= 0 && (badByte < 0 || control < badByte)) throw new YamlError('control characters are not allowed');
  if (badByte >= 0) throw new YamlError(utf8Problem(toBytes(text)));
}

function utf8Problem(bytes: Uint8Array): string {
  let at = 0;
  while (at < bytes.length) {
    const size = runeSize(bytes, at);
    if (size === 0) break;
    at += size;
  }
  const first = bytes[at] ?? 0;
  const size =
    first >= 0xc0 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf8 ? 4 : 0;
  if (size === 0) return 'invalid leading UTF-8 octet';
  if (at + size > bytes.length) return 'incomplete UTF-8 octet sequence';
  let rune = first & (0xff >> (size + 1));
  for (let next = 1; next < size; next += 1) {
    const byte = bytes[at + next] ?? 0;
    if ((byte & 0xc0) !== 0x80) return 'invalid trailing UTF-8 octet';
    rune = (rune << 6) | (byte & 0x3f);
  }
  const isLonger = rune < (size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000);
  return isLonger ? 'invalid length of a UTF-8 sequence' : 'invalid Unicode character';
}

export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

export function isBreak(code: number): boolean {
  return code === 0x0a || code === 0x0d || code === 0x85 || code === 0x2028 || code === 0x2029;
}

/** A line break or the end. */
export function isBreakOrEnd(code: number): boolean {
  return code === 0 || isBreak(code);
}

/** White space or the end. */
export function isBlankOrEnd(code: number): boolean {
  return code === 0 || code === 0x20 || code === 0x09 || isBreak(code);
}

export function isWordCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f ||
    code === 0x2d
  );
}

export function isDigitCode(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Reads a text character by character. The end reads as 0, which no text contains. */
export class Reader {
  readonly text: string;
  at = 0;
  line = 0;
  /** The index at which the current line begins. */
  lineStart = 0;

  constructor(text: string) {
    checkCharacters(text);
    this.text = text;
    if (text.charCodeAt(0) === 0xfeff) this.skipBom();
  }

  skipBom(): void {
    this.at += 1;
    this.lineStart = this.at;
  }

  get column(): number {
    return this.at - this.lineStart;
  }

  mark(): Mark {
    return { line: this.line, column: this.column, index: this.at };
  }

  /** The code unit `offset` ahead. */
  peek(offset = 0): number {
    const at = this.at + offset;
    return at < this.text.length ? this.text.charCodeAt(at) : 0;
  }

  /** Past a line break; the break as the value of a scalar has it. */
  readBreak(): string {
    const code = this.peek();
    if (code === 0x0d && this.peek(1) === 0x0a) this.at += 1;
    this.at += 1;
    this.line += 1;
    this.lineStart = this.at;
    return code === 0x2028 || code === 0x2029 ? String.fromCharCode(code) : '\n';
  }

  /** True at `---` or `...` in the first column, followed by white space. */
  atDocumentIndicator(): boolean {
    if (this.at !== this.lineStart) return false;
    const code = this.peek();
    if (code !== 0x2d && code !== 0x2e) return false;
    return this.peek(1) === code && this.peek(2) === code && isBlankOrEnd(this.peek(3));
  }

  skipBlanks(): void {
    while (isBlank(this.peek())) this.at += 1;
  }

  skipComment(): void {
    if (this.peek() !== 0x23) return;
    while (!isBreakOrEnd(this.peek())) this.at += 1;
  }

  /** A scanner's error at the current place. */
  fail(problem: string, contextLine = 0): never {
    // go-yaml counts from 0 and adds one only where the problem is not in the first line.
    const line = this.line !== 0 ? this.line + 1 : contextLine !== 0 ? contextLine : undefined;
    throw new YamlError(problem, line, this.line + 1);
  }
}
