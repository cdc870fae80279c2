/** The layout half of libyaml's emitter: columns, indents, folding at 80, escapes. */

const bestIndent = 2;

const shortEscapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\xa0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

const printableChar = /^[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]$/;
const breakChar = /[\r\n\x85\u2028\u2029]/;

function escapeChar(char: string): string {
  const short = shortEscapes[char];
  if (short !== undefined) return short;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Collects the text; knows the column and what was written last. */
export class YamlWriter {
  text = '';
  /** The keys of a mapping in the order they are written. */
  keysOf: (map: ReadonlyMap<string, unknown>) => string[] = (map) => [...map.keys()];
  /** Text is folded behind this column. */
  private readonly width: number;
  private column = 0;
  private level = -1;
  private readonly levels: number[] = [];
  /** White space was written last. */
  private isAfterSpace = true;
  /** Nothing but indentation and marks stand on this line. */
  isAfterIndent = true;

  constructor(width = 80) {
    this.width = width;
  }

  /** Enters a collection; an indentless one stays in its column. */
  pushIndent(isIndentless: boolean): void {
    this.levels.push(this.level);
    if (this.level < 0) this.level = 0;
    else if (!isIndentless) this.level += bestIndent;
  }

  /** A scalar's further lines stand deeper than what holds it. */
  private deeper(write: () => void): void {
    this.levels.push(this.level);
    this.level = this.level < 0 ? bestIndent : this.level + bestIndent;
    write();
    this.popIndent();
  }

  popIndent(): void {
    this.level = this.levels.pop() ?? -1;
  }

  private put(text: string, width = text.length): void {
    this.text += text;
    this.column += width;
  }

  private putBreak(): void {
    this.text += '\n';
    this.column = 0;
  }

  /** Begins a line at the current indent, if this one is not already there. */
  indent(): void {
    const level = Math.max(0, this.level);
    if (!this.isAfterIndent || this.column > level || (this.column === level && !this.isAfterSpace)) this.putBreak();
    if (this.column < level) this.put(' '.repeat(level - this.column));
    this.isAfterSpace = true;
    this.isAfterIndent = true;
  }

  private space(): void {
    if (!this.isAfterSpace) this.put(' ');
  }

  /** `-`, `?` or `:` before a node that may go on in the same line. */
  mark(text: string): void {
    this.space();
    this.put(text);
    this.isAfterSpace = false;
  }

  /** The colon right after a simple key. */
  colon(): void {
    this.put(':');
    this.isAfterSpace = false;
    this.isAfterIndent = false;
  }

  /** An empty collection. */
  indicator(text: string): void {
    this.plain(text);
  }

  /** A scalar without anything to fold or quote. */
  plain(text: string): void {
    this.space();
    this.put(text);
    this.isAfterSpace = false;
    this.isAfterIndent = false;
  }

  /** A plain scalar, folded at its spaces behind column 80. */
  foldedPlain(text: string, mayFold: boolean): void {
    if (!mayFold || this.column + text.length <= this.width || !text.includes(' ')) return this.plain(text);
    this.space();
    this.deeper(() =>
      this.words(
        text,
        (at) => text[at + 1] !== ' ',
        (part) => part,
      ),
    );
    this.isAfterSpace = false;
    this.isAfterIndent = false;
  }

  /**
   * Writes text that has single spaces to fold at; `mayBreak` decides for the space at an index.
   * The column counts characters, not UTF-16 units: what is written here has none beyond U+FFFF.
   */
  private words(text: string, mayBreak: (at: number) => boolean, escape: (part: string) => string): void {
    let start = 0;
    let isAfterSpace = false;
    for (let at = 0; at < text.length; at += 1) {
      if (text[at] !== ' ') {
        isAfterSpace = false;
        continue;
      }
      const written = this.column + escape(text.slice(start, at)).length;
      if (!isAfterSpace && written > this.width && mayBreak(at)) {
        this.put(escape(text.slice(start, at)));
        this.isAfterIndent = false;
        this.indent();
        start = at + 1;
      }
      isAfterSpace = true;
    }
    this.put(escape(text.slice(start)));
  }

  singleQuoted(text: string, mayFold: boolean): void {
    this.space();
    this.put("'");
    this.isAfterSpace = false;
    this.isAfterIndent = false;
    const canBreak = (at: number): boolean => mayFold && at > 0 && at < text.length - 1 && text[at + 1] !== ' ';
    this.deeper(() => {
      if (breakChar.test(text)) this.singleWithBreaks(text, canBreak);
      else this.words(text, canBreak, (part) => part.replaceAll("'", "''"));
    });
    this.put("'");
    this.isAfterSpace = false;
    this.isAfterIndent = false;
  }

  /** Breaks that are no newline: U+2028 and U+2029 may stand in single quotes. */
  private singleWithBreaks(text: string, canBreak: (at: number) => boolean): void {
    let hasBreak = false;
    for (let at = 0; at < text.length; at += 1) {
      const char = text[at] ?? '';
      if (breakChar.test(char)) {
        this.text += char;
        this.column = 0;
        this.isAfterIndent = true;
        hasBreak = true;
      } else if (char === ' ' && this.column > this.width && text[at - 1] !== ' ' && canBreak(at)) {
        this.indent();
      } else {
        if (hasBreak && char !== ' ') this.indent();
        this.put(char === "'" ? "''" : char);
        if (char === ' ') continue;
        this.isAfterIndent = false;
        hasBreak = false;
      }
    }
  }

  doubleQuoted(text: string, mayFold: boolean): void {
    this.space();
    this.put('"');
    this.isAfterSpace = false;
    this.isAfterIndent = false;
    this.deeper(() => this.doubleQuotedBody(text, mayFold));
    this.put('"');
    this.isAfterSpace = false;
    this.isAfterIndent = false;
  }

  private doubleQuotedBody(text: string, mayFold: boolean): void {
    // libyaml looks for the mark at the beginning only, and then escapes everything.
    const escapesAll = text.startsWith('\ufeff');
    let isAfterSpace = false;
    const chars = Array.from(text);
    chars.forEach((char, at) => {
      if (char === ' ' && !escapesAll) {
        if (mayFold && !isAfterSpace && this.column > this.width && at > 0 && at < chars.length - 1) {
          this.indent();
          if (chars[at + 1] === ' ') this.put('\\');
        } else {
          this.put(' ');
        }
        isAfterSpace = true;
        return;
      }
      isAfterSpace = false;
      const isPlain = !escapesAll && char !== '"' && char !== '\\' && printableChar.test(char);
      this.put(isPlain ? char : escapeChar(char));
      this.isAfterIndent = false;
    });
  }

  literal(text: string): void {
    this.space();
    const hint = text.startsWith(' ') || breakChar.test(text[0] ?? '') ? String(bestIndent) : '';
    const last = breakChar.test(text.at(-1) ?? '');
    const chomp = !last ? '-' : text.length === 1 || breakChar.test(text.at(-2) ?? '') ? '+' : '';
    this.put(`|${hint}${chomp}`);
    this.putBreak();
    this.isAfterIndent = true;
    this.isAfterSpace = true;
    this.deeper(() => this.literalLines(text));
  }

  private literalLines(text: string): void {
    for (const part of text.split(/([\r\n\x85\u2028\u2029])/)) {
      if (part === '') continue;
      if (breakChar.test(part)) {
        if (part === '\n') this.putBreak();
        else {
          this.text += part;
          this.column = 0;
        }
        this.isAfterIndent = true;
      } else {
        this.indent();
        this.put(part);
        this.isAfterIndent = false;
      }
    }
  }

  /** Ends the document. */
  end(): void {
    this.level = 0;
    this.indent();
  }
}
