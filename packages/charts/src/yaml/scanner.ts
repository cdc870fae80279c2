/** Splits YAML into tokens: indentation becomes block tokens, simple keys are found behind the fact. Source: libyaml. */

import { isBlankOrEnd, isBreak, Reader, YamlError, type Mark } from './reader.ts';
import { scanAnchor, scanDirective, scanTag } from './scan-properties.ts';
import { scanBlockScalar, scanPlainScalar, scanQuotedScalar } from './scan-scalars.ts';
import { token, type Token, type TokenType } from './tokens.ts';

/** A place where a key may have begun, until it is clear whether a `:` follows. */
interface SimpleKey {
  isPossible: boolean;
  /** Nothing but a key can stand there: no `:` is an error. */
  readonly isRequired: boolean;
  readonly token: number;
  readonly mark: Mark;
}

/** A key may be at most so long. */
const simpleKeyLengthMax = 1024;
/** Nested collections: the parser is recursive. */
const depthMax = 1000;

// - ? : , [ ] { } # & * ! | > ' " % @ `
const indicators = new Set('-?:,[]{}#&*!|>\'"%@`'.split('').map((char) => char.charCodeAt(0)));

export class Scanner {
  private readonly reader: Reader;
  private readonly tokens: Token[] = [];
  private head = 0;
  private taken = 0;
  private indent = -1;
  private readonly indents: number[] = [];
  private flowLevel = 0;
  private isKeyAllowed = true;
  private readonly keys: SimpleKey[] = [
    { isPossible: false, isRequired: false, token: 0, mark: { line: 0, column: 0, index: 0 } },
  ];
  private readonly keysByToken = new Map<number, SimpleKey>();
  private isEnded = false;

  constructor(text: string) {
    this.reader = new Reader(text);
  }

  /** The next token, left in place. Throws {@link YamlError}. */
  peek(): Token {
    while (this.needsMore()) this.fetch();
    const next = this.tokens[this.head];
    if (next === undefined) throw new YamlError('attempted to go past the end of stream; corrupted value?');
    return next;
  }

  skip(): void {
    this.head += 1;
    this.taken += 1;
    if (this.head > 256) {
      this.tokens.splice(0, this.head);
      this.head = 0;
    }
  }

  /** The first token is known only when no key can begin at it any more. */
  private needsMore(): boolean {
    if (this.isEnded) return false;
    if (this.head === this.tokens.length) return true;
    const key = this.keysByToken.get(this.taken);
    return key !== undefined && this.isStillPossible(key);
  }

  private isStillPossible(key: SimpleKey): boolean {
    if (!key.isPossible) return false;
    if (key.mark.line === this.reader.line && key.mark.index + simpleKeyLengthMax >= this.reader.at) return true;
    if (key.isRequired) this.reader.fail("could not find expected ':'", key.mark.line);
    key.isPossible = false;
    return false;
  }

  private push(type: TokenType, start: Mark, value = ''): void {
    this.tokens.push(token(type, start, value));
  }

  private fetch(): void {
    const { reader } = this;
    this.toNextToken();
    this.unrollIndent(reader.column);
    const code = reader.peek();
    if (code === 0) return this.streamEnd();
    if (reader.column === 0 && code === 0x25) return this.directive();
    if (reader.atDocumentIndicator()) return this.documentIndicator(code === 0x2d ? 'document-start' : 'document-end');
    switch (code) {
      case 0x5b:
        return this.flowStart('flow-sequence-start');
      case 0x7b:
        return this.flowStart('flow-mapping-start');
      case 0x5d:
        return this.flowEnd('flow-sequence-end');
      case 0x7d:
        return this.flowEnd('flow-mapping-end');
      case 0x2c:
        return this.flowEntry();
      case 0x2a:
        return this.property(() => scanAnchor(reader, 'alias'));
      case 0x26:
        return this.property(() => scanAnchor(reader, 'anchor'));
      case 0x21:
        return this.property(() => scanTag(reader));
      case 0x27:
      case 0x22:
        return this.scalar(() => scanQuotedScalar(reader, code));
    }
    this.fetchIndicatorOrPlain(code);
  }

  private fetchIndicatorOrPlain(code: number): void {
    const isSeparated = isBlankOrEnd(this.reader.peek(1));
    const inFlow = this.flowLevel > 0;
    if (code === 0x2d && isSeparated) return this.blockEntry();
    if (code === 0x3f && (inFlow || isSeparated)) return this.key();
    if (code === 0x3a && (inFlow || isSeparated)) return this.value();
    if ((code === 0x7c || code === 0x3e) && !inFlow) return this.blockScalar(code === 0x7c);
    const isPlainStart =
      (!isBlankOrEnd(code) && !indicators.has(code)) ||
      (code === 0x2d && this.reader.peek(1) !== 0x20 && this.reader.peek(1) !== 0x09) ||
      (!inFlow && (code === 0x3f || code === 0x3a) && !isSeparated);
    if (isPlainStart) return this.plainScalar();
    this.reader.fail('found character that cannot start any token', this.reader.line);
  }

  private toNextToken(): void {
    const { reader } = this;
    for (;;) {
      if (reader.column === 0 && reader.peek() === 0xfeff) reader.skipBom();
      for (;;) {
        const code = reader.peek();
        if (code !== 0x20 && !(code === 0x09 && (this.flowLevel > 0 || !this.isKeyAllowed))) break;
        reader.at += 1;
      }
      reader.skipComment();
      if (!isBreak(reader.peek())) return;
      reader.readBreak();
      if (this.flowLevel === 0) this.isKeyAllowed = true;
    }
  }

  private saveKey(): void {
    if (!this.isKeyAllowed) return;
    const key: SimpleKey = {
      isPossible: true,
      isRequired: this.flowLevel === 0 && this.indent === this.reader.column,
      token: this.taken + this.tokens.length - this.head,
      mark: this.reader.mark(),
    };
    this.removeKey();
    this.keys[this.keys.length - 1] = key;
    this.keysByToken.set(key.token, key);
  }

  private removeKey(): void {
    const key = this.keys.at(-1);
    if (key?.isPossible !== true) return;
    if (key.isRequired) this.reader.fail("could not find expected ':'", key.mark.line);
    key.isPossible = false;
    this.keysByToken.delete(key.token);
  }

  /** Opens a block collection when the column is deeper; `number` is the token it begins before, -1 the next. */
  private rollIndent(column: number, options: { number: number; type: TokenType; mark: Mark }): void {
    if (this.flowLevel > 0 || this.indent >= column) return;
    this.indents.push(this.indent);
    this.indent = column;
    if (this.indents.length > depthMax) this.reader.fail(`exceeded max depth of ${depthMax}`, options.mark.line);
    const start = token(options.type, options.mark);
    if (options.number < 0) this.tokens.push(start);
    else this.tokens.splice(options.number - this.taken + this.head, 0, start);
  }

  private unrollIndent(column: number): void {
    if (this.flowLevel > 0) return;
    while (this.indent > column) {
      this.push('block-end', this.reader.mark());
      this.indent = this.indents.pop() ?? -1;
    }
  }

  private streamEnd(): void {
    const { reader } = this;
    if (reader.column !== 0) {
      reader.line += 1;
      reader.lineStart = reader.at;
    }
    this.unrollIndent(-1);
    this.removeKey();
    this.isKeyAllowed = false;
    this.push('stream-end', reader.mark());
    this.isEnded = true;
  }

  private directive(): void {
    this.unrollIndent(-1);
    this.removeKey();
    this.isKeyAllowed = false;
    this.tokens.push(scanDirective(this.reader));
  }

  private documentIndicator(type: TokenType): void {
    this.unrollIndent(-1);
    this.removeKey();
    this.isKeyAllowed = false;
    this.push(type, this.reader.mark());
    this.reader.at += 3;
  }

  private flowStart(type: TokenType): void {
    this.saveKey();
    const mark = this.reader.mark();
    this.keys.push({ isPossible: false, isRequired: false, token: 0, mark });
    this.flowLevel += 1;
    if (this.flowLevel > depthMax) this.reader.fail(`exceeded max depth of ${depthMax}`, mark.line);
    this.isKeyAllowed = true;
    this.push(type, mark);
    this.reader.at += 1;
  }

  private flowEnd(type: TokenType): void {
    this.removeKey();
    if (this.flowLevel > 0) {
      this.flowLevel -= 1;
      const key = this.keys.pop();
      if (key !== undefined && key.isPossible) this.keysByToken.delete(key.token);
    }
    this.isKeyAllowed = false;
    this.push(type, this.reader.mark());
    this.reader.at += 1;
  }

  private flowEntry(): void {
    this.removeKey();
    this.isKeyAllowed = true;
    this.push('flow-entry', this.reader.mark());
    this.reader.at += 1;
  }

  private blockEntry(): void {
    const mark = this.reader.mark();
    if (this.flowLevel === 0) {
      if (!this.isKeyAllowed) this.reader.fail('block sequence entries are not allowed in this context', mark.line);
      this.rollIndent(mark.column, { number: -1, type: 'block-sequence-start', mark });
    }
    this.removeKey();
    this.isKeyAllowed = true;
    this.push('block-entry', mark);
    this.reader.at += 1;
  }

  private key(): void {
    const mark = this.reader.mark();
    if (this.flowLevel === 0) {
      if (!this.isKeyAllowed) this.reader.fail('mapping keys are not allowed in this context', mark.line);
      this.rollIndent(mark.column, { number: -1, type: 'block-mapping-start', mark });
    }
    this.removeKey();
    this.isKeyAllowed = this.flowLevel === 0;
    this.push('key', mark);
    this.reader.at += 1;
  }

  private value(): void {
    const key = this.keys.at(-1);
    const mark = this.reader.mark();
    if (key !== undefined && this.isStillPossible(key)) {
      this.tokens.splice(key.token - this.taken + this.head, 0, token('key', key.mark));
      this.rollIndent(key.mark.column, { number: key.token, type: 'block-mapping-start', mark: key.mark });
      key.isPossible = false;
      this.keysByToken.delete(key.token);
      this.isKeyAllowed = false;
    } else {
      if (this.flowLevel === 0) {
        if (!this.isKeyAllowed) this.reader.fail('mapping values are not allowed in this context', mark.line);
        this.rollIndent(mark.column, { number: -1, type: 'block-mapping-start', mark });
      }
      this.isKeyAllowed = this.flowLevel === 0;
    }
    this.push('value', mark);
    this.reader.at += 1;
  }

  private property(scan: () => Token): void {
    this.saveKey();
    this.isKeyAllowed = false;
    this.tokens.push(scan());
  }

  private scalar(scan: () => string): void {
    this.saveKey();
    this.isKeyAllowed = false;
    const start = this.reader.mark();
    this.push('scalar', start, scan());
  }

  private blockScalar(isLiteral: boolean): void {
    this.removeKey();
    this.isKeyAllowed = true;
    const start = this.reader.mark();
    this.push('scalar', start, scanBlockScalar(this.reader, isLiteral, this.indent));
  }

  private plainScalar(): void {
    this.saveKey();
    this.isKeyAllowed = false;
    const start = this.reader.mark();
    const { text, endedLine } = scanPlainScalar(this.reader, { indent: this.indent + 1, inFlow: this.flowLevel > 0 });
    this.tokens.push({ type: 'scalar', start, value: text, suffix: '', isPlain: true });
    if (endedLine) this.isKeyAllowed = true;
  }
}
