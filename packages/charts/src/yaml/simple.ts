/**
 * Reads YAML of the plain kind: block mappings and sequences, scalars of one line, plain texts over several, literal blocks.
 *
 * Most of what charts hold and write is of that kind, and reading it line by line takes a tenth of what a scanner of all YAML takes.
 * Whatever is not surely of that kind, errors included, is left to the parser: nothing is refused here.
 */

import { resolve } from './resolve.ts';

export interface SimpleOptions {
  /** The value of a plain scalar as `resolve` gives it. */
  readonly integer: (value: bigint) => unknown;
  /** Reads a `[…]` or `{…}` of one level. */
  readonly flow: (text: string) => unknown;
  /** The keys (small letters) to follow from the root; what is below others is checked but left out. All without it. */
  readonly within?: readonly string[] | undefined;
}

/** The root mapping, null for a text without content; undefined for what is left to the parser. */
export function decodeSimple(text: string, options: SimpleOptions): Map<string, unknown> | null | undefined {
  if (unusual.test(text)) return undefined;
  try {
    return new SimpleReader(text, options).root();
  } catch (error) {
    if (error === notSimple) return undefined;
    throw error;
  }
}

/** Thrown for what is left to the parser. */
const notSimple = Symbol('not simple');

function giveUp(): never {
  throw notSimple;
}

// Tabs, other breaks, marks, surrogates, and what YAML does not allow.
const unusual = /[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
/** Spaces, dashes, a key with its colon, the rest. */
const linePattern =
  /( *)((?:- +)*)(?:([A-Za-z0-9_.$/][\w.$/-]*|"[^"\\\n]*"|'[^'\n]*'):(?: +|(?=\n|$)))?([^\n]*)(?:\n|$)/y;
const spacesPattern = / */y;
/** Comments, then the mark of a document's start. */
const startPattern = /^(?:#[^\n]*\n|\n)*---\n/;
/** Ends a plain scalar, or is an error in it. */
const plainEnd = /:(?: |$)| #/;
const blockPattern = /^[|>][-+]?(?: +(?:#.*)?)?$/;
/** Over several lines, too. */
const doublePattern = /"((?:[^"\\]|\\["\\ntrbf \n])*)"/y;
const singlePattern = /'((?:[^']|'')*)'/y;
const restPattern = /(?: +(?:#[^\n]*)?)?(?:\n|$)/y;
const flowPattern = /^(?:\[(?:[^[\]{}&*!#"']|"[^"\\]*"|'[^']*')*\]|\{(?:[^[\]{}&*!#"']|"[^"\\]*"|'[^']*')*\}) *$/;
/** The white space around the line breaks of a quoted text. */
const foldPattern = / *\n[ \n]*/g;
const notFinite = /^[-+]?\.(?:inf|nan)$/i;
/** Keys that may mean something else than their text begin with one of these. Source: go-yaml v2 resolve.go. */
const keyHint = /^[0-9yYnNtTfFoO.]/;
const indicators = new Set('-?:,[]{}#&*!|>\'"%@`');
const depthMax = 200;
/** libyaml looks no further for the colon of a key. */
const keyLengthMax = 500;

/** An open collection. */
interface Level {
  readonly column: number;
  /** What is gathered: undefined when only the form matters. */
  readonly map: Map<string, unknown> | undefined;
  readonly list: unknown[] | undefined;
  readonly isSequence: boolean;
  /** Of a mapping: the key whose value comes next. */
  key: string;
  /** The value is to come on the next lines, or is null. */
  isPending: boolean;
}

class SimpleReader {
  private readonly text: string;
  private readonly options: SimpleOptions;
  private readonly levels: Level[] = [];
  private at = 0;

  constructor(text: string, options: SimpleOptions) {
    this.text = text;
    this.options = options;
  }

  root(): Map<string, unknown> | null {
    this.at = startPattern.exec(this.text)?.[0].length ?? 0;
    const root = new Map<string, unknown>();
    while (this.at < this.text.length) this.line(root);
    if (this.levels.length === 0) return null;
    while (this.levels.length > 0) this.close();
    return root;
  }

  private line(root: Map<string, unknown>): void {
    linePattern.lastIndex = this.at;
    const match = linePattern.exec(this.text);
    if (match === null) giveUp();
    const [, spaces = '', dashes = '', key, rest = ''] = match;
    if (key === undefined && dashes === '' && (rest === '' || rest.charCodeAt(0) === 0x23)) {
      this.at = linePattern.lastIndex;
      return;
    }
    this.at = linePattern.lastIndex;
    const isDash = key === undefined && rest === '-';
    if (key === undefined && dashes === '' && !isDash) {
      this.lonelyScalar(spaces.length, rest);
      return;
    }
    if (this.levels.length === 0) {
      if (spaces !== '' || dashes !== '' || key === undefined) giveUp();
      this.levels.push({ column: 0, map: root, list: undefined, isSequence: false, key: '', isPending: false });
    } else {
      this.enter(spaces.length, dashes !== '' || isDash);
    }
    for (let at = 0; at < dashes.length; at += 1) {
      if (dashes.charCodeAt(at) !== 0x2d) continue;
      if (at > 0) this.open(spaces.length + at, true);
      this.top().isPending = true;
    }
    if (key !== undefined) this.pair(spaces.length + dashes.length, key, rest, dashes !== '');
    else if (isDash) this.lastDash(spaces.length + dashes.length, dashes !== '');
    else this.item(rest);
  }

  /** The value of a key or a dash on a line of its own. */
  private lonelyScalar(column: number, rest: string): void {
    const top = this.levels.at(-1);
    if (top?.isPending !== true || column <= top.column || '|>'.includes(rest[0] ?? '')) giveUp();
    this.scalar(rest);
  }

  private top(): Level {
    return this.levels[this.levels.length - 1] ?? giveUp();
  }

  /** Finds or opens the collection that a line at this column belongs to. */
  private enter(column: number, isItem: boolean): void {
    let top = this.top();
    if (top.isPending) {
      if (column > top.column || (isItem && !top.isSequence && column === top.column)) {
        this.open(column, isItem);
        return;
      }
      this.put(null);
    }
    while (top.column > column || (top.column === column && top.isSequence && !isItem)) {
      this.close();
      top = this.top();
    }
    if (top.column !== column || top.isSequence !== isItem) giveUp();
    if (top.isPending) this.put(null);
  }

  /** Opens the pending value of the innermost collection. */
  private open(column: number, isSequence: boolean): void {
    if (this.levels.length >= depthMax) giveUp();
    const parent = this.top();
    const { within } = this.options;
    const isKept =
      (parent.map !== undefined || parent.list !== undefined) &&
      (within === undefined ||
        (parent.map !== undefined && parent.key.toLowerCase() === within[this.levels.length - 1]));
    const map = isSequence || !isKept ? undefined : new Map<string, unknown>();
    const list = isSequence && isKept ? [] : undefined;
    this.put(map ?? list ?? (isSequence ? [] : new Map()));
    this.levels.push({ column, map, list, isSequence, key: '', isPending: false });
  }

  private close(): void {
    if (this.top().isPending) this.put(null);
    this.levels.pop();
  }

  /** Gives the innermost collection its next value. */
  private put(value: unknown): void {
    const top = this.top();
    top.isPending = false;
    if (top.map !== undefined) top.map.set(top.key, value);
    else if (top.list !== undefined) top.list.push(value);
  }

  private pair(column: number, written: string, rest: string, isInItem: boolean): void {
    if (isInItem) this.open(column, false);
    const top = this.top();
    top.key = keyText(written);
    top.isPending = true;
    if (rest !== '' && rest.charCodeAt(0) !== 0x23) this.scalar(rest);
  }

  private item(rest: string): void {
    if (rest !== '' && rest.charCodeAt(0) !== 0x23) this.scalar(rest);
  }

  /** A dash with nothing after it. */
  private lastDash(column: number, isInItem: boolean): void {
    if (isInItem) this.open(column, true);
    this.top().isPending = true;
  }

  private scalar(rest: string): void {
    const top = this.top();
    const isKept = top.map !== undefined || top.list !== undefined;
    const first = rest[0] ?? '';
    if (first === '"' || first === "'") this.put(this.quoted(rest, isKept));
    else if (first === '|' || first === '>') this.put(this.block(rest, top.column, isKept));
    else if (first === '[' || first === '{') this.put(this.flow(rest));
    else this.put(this.plain(rest, top.column, isKept));
  }

  private quoted(rest: string, isKept: boolean): string {
    const isDouble = rest.charCodeAt(0) === 0x22;
    const pattern = isDouble ? doublePattern : singlePattern;
    const isLastLine = this.text.charCodeAt(this.at - 1) !== 0x0a;
    pattern.lastIndex = this.at - rest.length - (isLastLine ? 0 : 1);
    const text = pattern.exec(this.text)?.[1] ?? giveUp();
    restPattern.lastIndex = pattern.lastIndex;
    if (!restPattern.test(this.text)) giveUp();
    this.at = restPattern.lastIndex;
    const isLong = text.includes('\n');
    if (isLong && (text.includes('\n---') || text.includes('\n...'))) giveUp();
    if (!isKept) return '';
    const folded = isLong ? text.replace(foldPattern, foldBreaks) : text;
    if (!isDouble) return folded.replaceAll("''", "'");
    if (!folded.includes('\\')) return folded;
    // Escaped spaces and breaks: the text around them is not folded.
    if (/\\[ \n]/.test(text)) giveUp();
    return JSON.parse(`"${folded.replaceAll('\n', '\\n')}"`) as string;
  }

  private flow(rest: string): unknown {
    if (rest === '{}') return new Map();
    if (rest === '[]') return [];
    if (!flowPattern.test(rest)) giveUp();
    try {
      return this.options.flow(rest);
    } catch {
      return giveUp();
    }
  }

  private plain(rest: string, column: number, isKept: boolean): unknown {
    const second = rest[1] ?? ' ';
    if (indicators.has(rest[0] ?? '') && (second === ' ' || !'-?:'.includes(rest[0] ?? ''))) giveUp();
    const end = rest.search(plainEnd);
    if (end >= 0 && rest.charCodeAt(end) !== 0x20) giveUp();
    let text = withoutSpaces(end < 0 ? rest : rest.slice(0, end));
    if (end < 0) text = this.continued(text, column);
    if (notFinite.test(text)) giveUp();
    return isKept ? plainValue(text, this.options) : '';
  }

  /** A plain text with the lines that belong to it: those deeper than its collection. */
  private continued(first: string, column: number): string {
    let text = first;
    let breaks = 0;
    for (let at = this.at; at < this.text.length;) {
      const { start, end, next } = this.lineAt(at);
      if (start === end) {
        breaks += 1;
      } else {
        if (start - at <= column || this.text.charCodeAt(start) === 0x23) break;
        const line = this.text.slice(start, end);
        if (plainEnd.test(line)) giveUp();
        text += (breaks === 0 ? ' ' : '\n'.repeat(breaks)) + withoutSpaces(line);
        breaks = 0;
        this.at = next;
      }
      at = next;
    }
    return text;
  }

  /** Where the text of the line begins, where it ends, where the next line begins. */
  private lineAt(at: number): { start: number; end: number; next: number } {
    spacesPattern.lastIndex = at;
    spacesPattern.test(this.text);
    const start = spacesPattern.lastIndex;
    const newline = this.text.indexOf('\n', start);
    return newline < 0
      ? { start, end: this.text.length, next: this.text.length }
      : { start, end: newline, next: newline + 1 };
  }

  /** A literal block; a folded one only where its text does not matter. */
  private block(header: string, column: number, isKept: boolean): string {
    if (!blockPattern.test(header) || (isKept && header.startsWith('>'))) giveUp();
    let indent = 0;
    let mostBlank = 0;
    let breaks = '';
    let text = '';
    let lastBreak = '';
    while (this.at < this.text.length) {
      const { start, end, next } = this.lineAt(this.at);
      const lineBreak = next > end ? '\n' : '';
      const depth = start - this.at;
      const isBlank = start === end;
      if (!isBlank && indent === 0) {
        if (depth <= column || mostBlank > depth) giveUp();
        indent = depth;
      }
      if (!isBlank && depth < indent) break;
      if (isBlank && (indent === 0 || depth <= indent)) {
        mostBlank = Math.max(mostBlank, depth);
        breaks += lineBreak;
      } else {
        if (isKept) text += lastBreak + breaks + this.text.slice(this.at + indent, end);
        lastBreak = lineBreak;
        breaks = '';
      }
      this.at = next;
    }
    if (indent === 0) giveUp();
    if (header[1] === '+') return text + lastBreak + breaks;
    return header[1] === '-' ? text : text + lastBreak;
  }
}

/** JavaScript's own trim takes more than spaces. */
function withoutSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x20) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}

/** One break is a space; each further one stays. */
function foldBreaks(gap: string): string {
  const breaks = gap.split('\n').length - 1;
  return breaks === 1 ? ' ' : '\n'.repeat(breaks - 1);
}

function keyText(written: string): string {
  if (written.length > keyLengthMax) giveUp();
  const first = written.charCodeAt(0);
  if (first === 0x22 || first === 0x27) return written.slice(1, -1);
  if (!keyHint.test(written)) return written;
  const { value } = resolve('', written);
  return typeof value === 'string' ? value : typeof value === 'boolean' ? String(value) : giveUp();
}

function plainValue(text: string, options: SimpleOptions): unknown {
  const { value } = resolve('', text);
  return typeof value === 'bigint' ? options.integer(value) : value;
}
