/** The syntax of --set and its kin. Source: helm pkg/strvals. */

import { decodeJsonPrefix } from '../go/json-decode.ts';
import { fitsInt64, quote } from '../go/strconv.ts';
import { isSpace } from '../go/unicode.ts';
import { goInt64, typeName, type GoMap } from '../go/values.ts';

const indexMax = 65_536;
const nestingMax = 30;

/** A wrong --set text; the message is Helm's. */
export class SetError extends Error {
  override readonly name = 'SetError';
}

/** How the text behind `=` becomes a value. */
export type ValueReader = (text: string) => unknown;

/** `--set`: true, false, null and whole numbers are what they look like. */
export function readTyped(text: string): unknown {
  const lower = text.toLowerCase();
  if (lower === 'true') return true;
  if (lower === 'false') return false;
  if (lower === 'null') return null;
  if (text === '0') return goInt64(0);
  if (/^[+-]?[0-9]+$/.test(text) && !text.startsWith('0')) {
    const value = BigInt(text.replace(/^\+/, ''));
    if (fitsInt64(value)) return goInt64(value);
  }
  return text;
}

/** The end of the text was reached where Go's reader says EOF. */
class EndOfText extends Error {}

export interface SetOptions {
  readonly read: ValueReader;
  /** Values are JSON. */
  readonly isJson?: boolean;
  /** Backslashes, commas and braces mean nothing: --set-literal. */
  readonly isLiteral?: boolean;
}

/** Sets what `text` says in `target`, in place. Throws {@link SetError}; what came before the mistake stays set. */
export function setInto(target: GoMap, text: string, options: SetOptions): void {
  const parser = new SetParser(text, options);
  try {
    for (;;) parser.key(target, 0);
  } catch (error) {
    if (!(error instanceof EndOfText)) throw error;
  }
}

class SetParser {
  private readonly chars: readonly string[];
  private readonly options: SetOptions;
  private at = 0;

  constructor(text: string, options: SetOptions) {
    this.chars = Array.from(text);
    this.options = options;
  }

  /** Up to a stop character; the end of the text is undefined. */
  private until(stops: string): { text: string; last: string | undefined } {
    let text = '';
    for (;;) {
      const char = this.chars[this.at];
      if (char === undefined) return { text, last: undefined };
      this.at += 1;
      if (stops.includes(char)) return { text, last: char };
      if (char !== '\\' || this.options.isLiteral === true) {
        text += char;
        continue;
      }
      const next = this.chars[this.at];
      if (next === undefined) return { text, last: undefined };
      this.at += 1;
      text += next;
    }
  }

  key(data: GoMap, nesting: number): void {
    const { text, last } = this.until(this.options.isLiteral === true ? '=[.' : '=[,.');
    switch (last) {
      case undefined:
        if (text === '') throw new EndOfText();
        throw new SetError(`key ${quote(text)} has no value`);
      case '[':
        return this.indexed(data, text, nesting);
      case '=':
        return this.assign((value) => set(data, text, value));
      case ',':
        set(data, text, '');
        throw new SetError(`key ${quote(text)} has no value (cannot end with ,)`);
      default:
        return this.nested(data, text, nesting + 1);
    }
  }

  private indexed(data: GoMap, key: string, nesting: number): void {
    const index = this.index();
    const existing = data.get(key);
    if (data.has(key) && !Array.isArray(existing)) throw conversionError(existing, '[]interface {}');
    const list: unknown[] = Array.isArray(existing) ? existing : [];
    // What was set before a mistake stays, also in the list, which is filled in place.
    try {
      this.item(list, index, nesting);
    } finally {
      set(data, key, list);
    }
  }

  private nested(data: GoMap, key: string, nesting: number): void {
    if (nesting > nestingMax) {
      throw new SetError(`value name nested level is greater than maximum supported nested level of ${nestingMax}`);
    }
    const existing = data.get(key);
    if (data.has(key) && !(existing instanceof Map)) throw conversionError(existing, 'map[string]interface {}');
    const inner: GoMap = existing instanceof Map ? existing : new Map();
    try {
      this.key(inner, nesting);
    } catch (error) {
      if (inner.size > 0) set(data, key, inner);
      throw error;
    }
    if (inner.size === 0) throw new SetError(`key map ${quote(key)} has no value`);
    set(data, key, inner);
  }

  private index(): number {
    const { text, last } = this.until(']');
    if (last === undefined) throw new SetError('error parsing index: EOF');
    if (!/^[+-]?[0-9]+$/.test(text)) {
      throw new SetError(`error parsing index: strconv.Atoi: parsing ${quote(text)}: invalid syntax`);
    }
    return Number(text);
  }

  /** Sets one place of a list; gives the list, or a longer copy. */
  private item(list: unknown[], index: number, nesting: number): unknown[] {
    if (index < 0) throw new SetError(`negative ${index} index not allowed`);
    const { text, last } = this.until('[.=');
    if (text !== '') throw new SetError(`unexpected data at end of array index: ${quote(text)}`);
    if (last === undefined) throw new EndOfText();
    let result = list;
    if (last === '=') {
      try {
        this.assign((value) => {
          result = place(list, index, value);
        });
      } catch (error) {
        // An empty value ends the text, but not the list.
        if (!(error instanceof EndOfText)) throw error;
      }
      return result;
    }
    if (last === '[') {
      const next = this.index();
      const existing = list[index] ?? null;
      if (existing !== null && !Array.isArray(existing)) throw conversionError(existing, '[]interface {}');
      return place(list, index, this.item(Array.isArray(existing) ? existing : [], next, nesting));
    }
    const existing = list[index];
    const inner: GoMap = existing instanceof Map ? existing : new Map();
    if (index < list.length) list[index] = inner;
    this.key(inner, nesting);
    return place(list, index, inner);
  }

  /** Reads a value and hands it over; the end of the text after it ends the parsing. */
  private assign(store: (value: unknown) => void): void {
    if (this.options.isJson === true) return this.assignJson(store);
    if (this.options.isLiteral === true) {
      store(this.chars.slice(this.at).join(''));
      this.at = this.chars.length;
      return;
    }
    if (this.at >= this.chars.length) {
      store('');
      throw new EndOfText();
    }
    if (this.chars[this.at] === '{') {
      this.at += 1;
      store(this.list());
      return;
    }
    store(this.options.read(this.until(',').text));
  }

  private list(): unknown[] {
    const items: unknown[] = [];
    for (;;) {
      const { text, last } = this.until(',}');
      if (last === undefined) throw new SetError("list must terminate with '}'");
      items.push(this.options.read(text));
      if (last === ',') continue;
      if (this.chars[this.at] === ',') this.at += 1;
      return items;
    }
  }

  private assignJson(store: (value: unknown) => void): void {
    if (this.isEmptyValue()) {
      store(null);
      return;
    }
    const rest = this.chars.slice(this.at).join('');
    const { value, length } = decodeJsonPrefix(rest);
    store(value);
    this.at += Array.from(rest.slice(0, length)).length;
    this.isEmptyValue();
  }

  /** True when only space stands before the next comma or the end, which are passed. */
  private isEmptyValue(): boolean {
    for (;;) {
      const char = this.chars[this.at];
      if (char === undefined) return true;
      if (char !== ',' && !isSpace(char.codePointAt(0) ?? 0)) return false;
      this.at += 1;
      if (char === ',') return true;
    }
  }
}

function set(data: GoMap, key: string, value: unknown): void {
  if (key !== '') data.set(key, value);
}

function place(list: unknown[], index: number, value: unknown): unknown[] {
  if (index > indexMax) throw new SetError(`index of ${index} is greater than maximum supported index of ${indexMax}`);
  const result = list;
  while (result.length <= index) result.push(null);
  result[index] = value;
  return result;
}

function conversionError(value: unknown, wanted: string): SetError {
  const actual = value === null || value === undefined ? 'nil' : typeName(value);
  return new SetError(`unable to parse key: interface conversion: interface {} is ${actual}, not ${wanted}`);
}
