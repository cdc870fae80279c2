/** Splits a template into tokens. Source: Go's text/template/parse. */

import { noFlags, formatValue } from '../go/fmt.ts';
import { quote } from '../go/strconv.ts';
import { isDigit, isLetter } from '../go/unicode.ts';
import { goInt } from '../go/values.ts';

export type TokenType =
  | 'error'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'complex'
  | 'assign'
  | 'declare'
  | 'eof'
  | 'field'
  | 'identifier'
  | 'leftDelim'
  | 'leftParen'
  | 'number'
  | 'pipe'
  | 'rawString'
  | 'rightDelim'
  | 'rightParen'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | 'dot'
  | 'nil'
  | Keyword;

export type Keyword = 'block' | 'break' | 'continue' | 'define' | 'else' | 'end' | 'if' | 'range' | 'template' | 'with';

const keywords: ReadonlySet<string> = new Set<Keyword>([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'template',
  'with',
]);

export interface Token {
  readonly type: TokenType;
  readonly at: number;
  readonly text: string;
  readonly line: number;
}

/** A token as error messages name it. */
export function tokenText(token: Token): string {
  if (token.type === 'eof') return 'EOF';
  if (token.type === 'error') return token.text;
  if (keywords.has(token.type) || token.type === 'dot' || token.type === 'nil') return `<${token.text}>`;
  const characters = Array.from(token.text);
  // Go measures bytes and cuts runes.
  if (new TextEncoder().encode(token.text).length > 10) return `${quote(characters.slice(0, 10).join(''))}...`;
  return quote(token.text);
}

function isSpaceCode(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
}

function isSpaceAt(text: string, at: number): boolean {
  return isSpaceCode(text.charCodeAt(at));
}

/** Where the spaces before `end` begin. */
function spacesBefore(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isSpaceAt(text, at - 1)) at -= 1;
  return at;
}

function isAlphaNumeric(code: number): boolean {
  return code === 0x5f || isLetter(code) || isDigit(code);
}

/** What ends a word beside white space and the closing delimiter. */
const terminators: ReadonlySet<number> = new Set(Array.from('.,|:)(', (char) => char.charCodeAt(0)));

const trimmed = { isTrim: true };
const untrimmed = { isTrim: false };

/** Reads tokens one by one: the parser asks for the next. */
export class Lexer {
  readonly text: string;
  private at = 0;
  private start = 0;
  private line = 1;
  private startLine = 1;
  private parens = 0;
  private inAction = false;
  private failed = false;

  constructor(text: string) {
    this.text = text;
  }

  next(): Token {
    if (this.failed) return { type: 'eof', at: this.at, text: 'EOF', line: this.startLine };
    if (this.inAction) return this.action();
    return this.plain();
  }

  private take(type: TokenType): Token {
    const text = this.text.slice(this.start, this.at);
    const token = { type, at: this.start, text, line: this.startLine };
    if (type !== 'text') this.countLines(text);
    this.start = this.at;
    this.startLine = this.line;
    return token;
  }

  private countLines(text: string): void {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.line += 1;
  }

  private skip(): void {
    this.countLines(this.text.slice(this.start, this.at));
    this.start = this.at;
    this.startLine = this.line;
  }

  private fail(message: string): Token {
    this.failed = true;
    return { type: 'error', at: this.start, text: message, line: this.startLine };
  }

  /** Outside actions: text up to the next delimiter, comments dropped. */
  private plain(): Token {
    for (;;) {
      const open = this.text.indexOf('{{', this.at);
      if (open < 0) {
        this.at = this.text.length;
        if (this.at === this.start) return { type: 'eof', at: this.at, text: 'EOF', line: this.startLine };
        // Go counts the lines of the text before it takes the token, and so do the lines of errors.
        const token = this.take('text');
        this.countLines(token.text);
        this.startLine = this.line;
        return token;
      }
      if (open > this.at) {
        const token = this.textBefore(open);
        if (token !== undefined) return token;
      }
      const result = this.leftDelim();
      if (result !== undefined) return result;
    }
  }

  private textBefore(open: number): Token | undefined {
    this.at = open;
    if (this.hasTrimMarker(open + 2)) {
      this.at = spacesBefore(this.text, this.start, open);
    }
    const token = this.take('text');
    this.countLines(token.text);
    this.start = this.at;
    this.startLine = this.line;
    this.at = open;
    this.skip();
    return token.text === '' ? undefined : token;
  }

  private hasTrimMarker(at: number): boolean {
    return this.text[at] === '-' && isSpaceAt(this.text, at + 1);
  }

  /** At `{{`: a delimiter token, or undefined after a comment. */
  private leftDelim(): Token | undefined {
    this.at += 2;
    const after = this.hasTrimMarker(this.at) ? 2 : 0;
    if (this.text.startsWith('/*', this.at + after)) {
      this.at += after;
      this.skip();
      return this.comment();
    }
    const token = this.take('leftDelim');
    this.inAction = true;
    this.at += after;
    this.skip();
    this.parens = 0;
    return token;
  }

  private comment(): Token | undefined {
    const close = this.text.indexOf('*/', this.at + 2);
    if (close < 0) return this.fail('unclosed comment');
    this.at = close + 2;
    const delim = this.rightDelimAt(this.at);
    if (delim === undefined) return this.fail('comment ends before closing delimiter');
    this.at += delim.isTrim ? 4 : 2;
    if (delim.isTrim) this.skipSpaces();
    this.skip();
    return undefined;
  }

  private skipSpaces(): void {
    while (isSpaceAt(this.text, this.at)) this.at += 1;
  }

  private rightDelimAt(at: number): { isTrim: boolean } | undefined {
    const code = this.text.charCodeAt(at);
    if (code === 0x7d) return this.text.charCodeAt(at + 1) === 0x7d ? untrimmed : undefined;
    const isTrim = isSpaceCode(code) && this.text[at + 1] === '-' && this.text.startsWith('}}', at + 2);
    return isTrim ? trimmed : undefined;
  }

  private rightDelim(isTrim: boolean): Token {
    if (isTrim) {
      this.at += 2;
      this.skip();
    }
    this.at += 2;
    const token = this.take('rightDelim');
    if (isTrim) {
      this.skipSpaces();
      this.skip();
    }
    this.inAction = false;
    return token;
  }

  /** Inside an action. */
  private action(): Token {
    const delim = this.rightDelimAt(this.at);
    if (delim !== undefined)
      return this.parens === 0 ? this.rightDelim(delim.isTrim) : this.fail('unclosed left paren');
    const code = this.text.codePointAt(this.at);
    if (code === undefined) return this.fail('unclosed action');
    if (isSpaceCode(code)) return this.space();
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) {
      this.at += 1;
      return this.identifier();
    }
    const char = String.fromCodePoint(code);
    this.at += char.length;
    switch (char) {
      case '=':
        return this.take('assign');
      case ':':
        if (this.text[this.at] !== '=') {
          this.at += 1;
          return this.fail('expected :=');
        }
        this.at += 1;
        return this.take('declare');
      case '|':
        return this.take('pipe');
      case '"':
        return this.quoted('"', 'string', 'unterminated quoted string');
      case '`':
        return this.rawString();
      case '$':
        return this.fieldOrVariable('variable');
      case "'":
        return this.quoted("'", 'charConstant', 'unterminated character constant');
      case '(':
        this.parens += 1;
        return this.take('leftParen');
      case ')':
        this.parens -= 1;
        return this.parens < 0 ? this.fail('unexpected right paren') : this.take('rightParen');
      default:
        return this.word(char, code);
    }
  }

  private word(char: string, code: number): Token {
    if (char === '.' && !/[0-9]/.test(this.text[this.at] ?? '0')) {
      return this.fieldOrVariable('field');
    }
    if (char === '.' || char === '+' || char === '-' || (code >= 0x30 && code <= 0x39)) {
      this.at -= 1;
      return this.number();
    }
    if (isAlphaNumeric(code)) return this.identifier();
    if (code >= 0x20 && code < 0x7f) return this.take('char');
    return this.fail(`unrecognized character in action: ${unicodeText(code)}`);
  }

  private space(): Token {
    this.skipSpaces();
    const last = this.at - 1;
    // A run of spaces before ` -}}` ends one earlier: the last belongs to the delimiter.
    if (this.text[last + 1] === '-' && this.text.startsWith('}}', last + 2)) {
      this.at = last;
      if (last === this.start) return this.rightDelim(true);
    }
    return this.take('space');
  }

  private quoted(mark: string, type: TokenType, message: string): Token {
    for (;;) {
      let char = this.text[this.at];
      this.at += 1;
      if (char === '\\') {
        char = this.text[this.at];
        this.at += 1;
        if (char !== undefined && char !== '\n') continue;
        return this.fail(message);
      }
      if (char === undefined || char === '\n') return this.fail(message);
      if (char === mark) return this.take(type);
    }
  }

  private rawString(): Token {
    const close = this.text.indexOf('`', this.at);
    if (close < 0) return this.fail('unterminated raw quoted string');
    this.at = close + 1;
    return this.take('rawString');
  }

  private skipAlphaNumerics(): void {
    for (;;) {
      const unit = this.text.charCodeAt(this.at);
      const isAscii = unit < 0x80;
      const code = isAscii ? unit : this.text.codePointAt(this.at);
      if (code === undefined || !isAlphaNumeric(code)) return;
      this.at += isAscii || code <= 0xffff ? 1 : 2;
    }
  }

  private atTerminator(): boolean {
    const code = this.text.charCodeAt(this.at);
    if (Number.isNaN(code) || isSpaceCode(code) || terminators.has(code)) return true;
    return code === 0x7d && this.text.startsWith('}}', this.at);
  }

  private badCharacter(): Token {
    return this.fail(`bad character ${unicodeText(this.text.codePointAt(this.at) ?? -1)}`);
  }

  private identifier(): Token {
    this.skipAlphaNumerics();
    const word = this.text.slice(this.start, this.at);
    if (!this.atTerminator()) return this.badCharacter();
    if (keywords.has(word)) return this.take(word as Keyword);
    if (word === 'nil') return this.take('nil');
    return this.take(word === 'true' || word === 'false' ? 'bool' : 'identifier');
  }

  private fieldOrVariable(type: 'field' | 'variable'): Token {
    if (this.atTerminator()) return this.take(type === 'variable' ? 'variable' : 'dot');
    this.skipAlphaNumerics();
    return this.atTerminator() ? this.take(type) : this.badCharacter();
  }

  private number(): Token {
    if (!this.scanNumber()) return this.badNumber();
    const sign = this.text[this.at];
    if (sign !== '+' && sign !== '-') return this.take('number');
    if (!this.scanNumber() || this.text[this.at - 1] !== 'i') return this.badNumber();
    return this.take('complex');
  }

  private badNumber(): Token {
    return this.fail(`bad number syntax: ${quote(this.text.slice(this.start, this.at))}`);
  }

  private accept(set: RegExp): boolean {
    const char = this.text[this.at];
    if (char === undefined || !set.test(char)) return false;
    this.at += 1;
    return true;
  }

  private acceptRun(set: RegExp): void {
    while (this.accept(set));
  }

  private scanNumber(): boolean {
    this.accept(/[+-]/);
    let digits = /[0-9_]/;
    let isDecimal = true;
    let isHex = false;
    if (this.accept(/0/)) {
      if (this.accept(/[xX]/)) [digits, isDecimal, isHex] = [/[0-9a-fA-F_]/, false, true];
      else if (this.accept(/[oO]/)) [digits, isDecimal] = [/[0-7_]/, false];
      else if (this.accept(/[bB]/)) [digits, isDecimal] = [/[01_]/, false];
    }
    this.acceptRun(digits);
    if (this.accept(/\./)) this.acceptRun(digits);
    if ((isDecimal && this.accept(/[eE]/)) || (isHex && this.accept(/[pP]/))) {
      this.accept(/[+-]/);
      this.acceptRun(/[0-9_]/);
    }
    this.accept(/i/);
    const code = this.text.codePointAt(this.at);
    if (code === undefined || !isAlphaNumeric(code)) return true;
    this.at += code > 0xffff ? 2 : 1;
    return false;
  }
}

/** `%#U`, as in `U+002D '-'`. */
function unicodeText(code: number): string {
  if (code < 0) return 'U+FFFFFFFFFFFFFFFF';
  // A byte that is no UTF-8.
  const rune = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
  return formatValue(goInt(rune), 'U', { ...noFlags(), sharp: true }, 0);
}
