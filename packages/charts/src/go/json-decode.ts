/** encoding/json's decoder: the same values and the same sentences for what is wrong. */

import { JsonNumber } from './exact-number.ts';
import { quote } from './strconv.ts';
import { printable } from './utf8.ts';

/** A text that is no JSON, or not of the wanted kind. */
export class JsonDecodeError extends Error {
  override readonly name = 'JsonDecodeError';
}

const depthMax = 10_000;
const stackDepthMax = 1000;

/** Decodes into interface{}: objects are maps, numbers float64. Throws {@link JsonDecodeError}. */
export function decodeJson(text: string): unknown {
  return new Decoder(printable(text)).document();
}

/** Decodes the first value of a text and tells where it ends. Throws {@link JsonDecodeError}. */
export function decodeJsonPrefix(text: string): { value: unknown; length: number } {
  return new Decoder(printable(text)).prefix();
}

/** Decodes a document whose numbers stay as written, as a json.Decoder with UseNumber does. Throws {@link JsonDecodeError}. */
export function decodeJsonDocument(text: string): unknown {
  const decoder = new Decoder(printable(text), true);
  if (decoder.isAtEnd()) throw new JsonDecodeError('EOF');
  try {
    const { value } = decoder.prefix();
    if (decoder.isAtEnd()) return value;
  } catch (error) {
    throw error instanceof JsonDecodeError && error.message.startsWith('unexpected end')
      ? new JsonDecodeError('unexpected EOF')
      : error;
  }
  throw new JsonDecodeError('invalid character after top-level value');
}

/** The kind of a decoded value as json's errors name it. */
export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

const literals: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
  t: ['true', true],
  f: ['false', false],
  n: ['null', null],
};

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Decoder {
  private readonly text: string;
  private readonly keepsNumbers: boolean;
  private at = 0;
  private depth = 0;
  private numberProblem: string | undefined;

  constructor(text: string, keepsNumbers = false) {
    this.text = text;
    this.keepsNumbers = keepsNumbers;
  }

  isAtEnd(): boolean {
    this.space();
    return this.at >= this.text.length;
  }

  document(): unknown {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail('after top-level value');
    if (this.numberProblem !== undefined) throw new JsonDecodeError(this.numberProblem);
    return value;
  }

  prefix(): { value: unknown; length: number } {
    const value = this.value();
    if (this.numberProblem !== undefined) throw new JsonDecodeError(this.numberProblem);
    return { value, length: this.at };
  }

  private fail(context: string): never {
    const code = this.text.codePointAt(this.at);
    if (code === undefined) throw new JsonDecodeError('unexpected end of JSON input');
    // Go looks at bytes: a character beyond ASCII is named by its first.
    const char =
      code < 0x80
        ? String.fromCharCode(code)
        : String.fromCharCode(new TextEncoder().encode(String.fromCodePoint(code))[0] ?? 0);
    const shown = char === "'" ? "'\\''" : char === '"' ? `'"'` : `'${quote(char).slice(1, -1)}'`;
    throw new JsonDecodeError(`invalid character ${shown} ${context}`);
  }

  private space(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at += 1;
  }

  private value(): unknown {
    this.space();
    const char = this.text[this.at] ?? '';
    switch (char) {
      case '{':
        return this.nested(() => this.object());
      case '[':
        return this.nested(() => this.array());
      case '"':
        return this.string();
      default:
        if (char === '-' || isDigit(char)) return this.number();
        return this.literal(char);
    }
  }

  private nested<Value>(read: () => Value): Value {
    this.depth += 1;
    if (this.depth > Math.min(depthMax, stackDepthMax)) throw new JsonDecodeError('exceeded max depth');
    const value = read();
    this.depth -= 1;
    return value;
  }

  private literal(first: string): unknown {
    const known = literals[first];
    if (known === undefined) this.fail('looking for beginning of value');
    const [text, value] = known;
    for (const char of text) {
      if (this.text[this.at] !== char) this.fail(`in literal ${text} (expecting '${char}')`);
      this.at += 1;
    }
    return value;
  }

  private object(): Map<string, unknown> {
    const map = new Map<string, unknown>();
    this.at += 1;
    this.space();
    if (this.text[this.at] === '}') {
      this.at += 1;
      return map;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail('looking for beginning of object key string');
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ':') this.fail('after object key');
      this.at += 1;
      map.set(key, this.value());
      this.space();
      const next = this.text[this.at];
      if (next !== ',' && next !== '}') this.fail('after object key:value pair');
      this.at += 1;
      if (next === '}') return map;
    }
  }

  private array(): unknown[] {
    const list: unknown[] = [];
    this.at += 1;
    this.space();
    if (this.text[this.at] === ']') {
      this.at += 1;
      return list;
    }
    for (;;) {
      list.push(this.value());
      this.space();
      const next = this.text[this.at];
      if (next !== ',' && next !== ']') this.fail('after array element');
      this.at += 1;
      if (next === ']') return list;
    }
  }

  private string(): string {
    this.at += 1;
    let text = '';
    let start = this.at;
    for (;;) {
      const char = this.text[this.at];
      if (char === '"') break;
      if (char === undefined || char < ' ') this.fail('in string literal');
      this.at += 1;
      if (char !== '\\') continue;
      text += this.text.slice(start, this.at - 1) + this.escape();
      start = this.at;
    }
    text += this.text.slice(start, this.at);
    this.at += 1;
    return withoutLoneSurrogates(text);
  }

  private escape(): string {
    const letter = this.text[this.at] ?? '';
    const known = escapes[letter];
    if (known !== undefined) {
      this.at += 1;
      return known;
    }
    if (letter !== 'u') this.fail('in string escape code');
    this.at += 1;
    for (let count = 0; count < 4; count += 1, this.at += 1) {
      if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? '')) this.fail('in \\u hexadecimal character escape');
    }
    return String.fromCharCode(Number.parseInt(this.text.slice(this.at - 4, this.at), 16));
  }

  private digits(context: string): void {
    if (!isDigit(this.text[this.at])) this.fail(context);
    while (isDigit(this.text[this.at])) this.at += 1;
  }

  private number(): number | JsonNumber {
    const start = this.at;
    if (this.text[this.at] === '-') this.at += 1;
    if (this.text[this.at] === '0') this.at += 1;
    else this.digits('in numeric literal');
    if (this.text[this.at] === '.') {
      this.at += 1;
      this.digits('after decimal point in numeric literal');
    }
    if (/[eE]/.test(this.text[this.at] ?? '')) {
      this.at += 1;
      if (/[+-]/.test(this.text[this.at] ?? '')) this.at += 1;
      this.digits('in exponent of numeric literal');
    }
    const text = this.text.slice(start, this.at);
    if (this.keepsNumbers) return new JsonNumber(text);
    const value = Number(text);
    if (!Number.isFinite(value)) {
      this.numberProblem ??= `json: cannot unmarshal number ${text} into Go value of type float64`;
    }
    return value;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function withoutLoneSurrogates(text: string): string {
  return text.replace(loneSurrogate, '\ufffd');
}
