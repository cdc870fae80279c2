/** Scans block, quoted and plain scalars. Source: libyaml's scanner. */

import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isDigitCode, type Reader } from './reader.ts';

/** A literal (`|`) or folded (`>`) block; `parentIndent` is the column of what holds it, -1 at the top. */
export function scanBlockScalar(reader: Reader, isLiteral: boolean, parentIndent: number): string {
  const startLine = reader.line;
  reader.at += 1;
  const { chomping, increment } = blockHeader(reader, startLine);
  reader.skipBlanks();
  reader.skipComment();
  if (!isBreakOrEnd(reader.peek())) reader.fail('did not find expected comment or line break', startLine);
  if (isBreak(reader.peek())) reader.readBreak();
  let indent = increment > 0 ? Math.max(parentIndent, 0) + increment : 0;
  let breaks = blockBreaks(reader, indent, startLine);
  if (indent === 0) indent = Math.max(breaks.maxIndent, parentIndent + 1, 1);
  let text = '';
  let leadingBreak = '';
  let wasBlank = false;
  while (reader.column === indent && reader.peek() !== 0) {
    const isBlankLine = isBlank(reader.peek());
    if (!isLiteral && !wasBlank && !isBlankLine && leadingBreak === '\n') {
      if (breaks.text === '') text += ' ';
    } else {
      text += leadingBreak;
    }
    text += breaks.text;
    wasBlank = isBlankLine;
    text += restOfLine(reader);
    leadingBreak = reader.peek() === 0 ? '' : reader.readBreak();
    breaks = blockBreaks(reader, indent, startLine);
  }
  if (chomping !== '-') text += leadingBreak;
  return chomping === '+' ? text + breaks.text : text;
}

function restOfLine(reader: Reader): string {
  const start = reader.at;
  while (!isBreakOrEnd(reader.peek())) reader.at += 1;
  return reader.text.slice(start, reader.at);
}

function blockHeader(reader: Reader, startLine: number): { chomping: string; increment: number } {
  let chomping = '';
  let increment = 0;
  const readChomping = (): void => {
    const code = reader.peek();
    if (code !== 0x2b && code !== 0x2d) return;
    chomping = String.fromCharCode(code);
    reader.at += 1;
  };
  const readIncrement = (): void => {
    if (!isDigitCode(reader.peek())) return;
    increment = reader.peek() - 0x30;
    if (increment === 0) reader.fail('found an indentation indicator equal to 0', startLine);
    reader.at += 1;
  };
  readChomping();
  readIncrement();
  if (chomping === '') readChomping();
  return { chomping, increment };
}

/** Empty lines and the indentation before the next line of a block. An indent of 0 is still to be found. */
function blockBreaks(reader: Reader, indent: number, startLine: number): { text: string; maxIndent: number } {
  let text = '';
  let maxIndent = 0;
  for (;;) {
    while ((indent === 0 || reader.column < indent) && reader.peek() === 0x20) reader.at += 1;
    maxIndent = Math.max(maxIndent, reader.column);
    if ((indent === 0 || reader.column < indent) && reader.peek() === 0x09) {
      reader.fail('found a tab character where an indentation space is expected', startLine);
    }
    if (!isBreak(reader.peek())) return { text, maxIndent };
    text += reader.readBreak();
  }
}

const escapes: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  "'": "'",
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};

const hexSizes: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function scanEscape(reader: Reader, startLine: number): string {
  const letter = reader.text[reader.at + 1] ?? '';
  const known = escapes[letter];
  if (known !== undefined) {
    reader.at += 2;
    return known;
  }
  const size = hexSizes[letter];
  if (size === undefined) reader.fail('found unknown escape character', startLine);
  reader.at += 2;
  const hex = reader.text.slice(reader.at, reader.at + size);
  if (hex.length < size || !/^[0-9a-fA-F]+$/.test(hex))
    reader.fail('did not find expected hexdecimal number', startLine);
  const code = Number.parseInt(hex, 16);
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
    reader.fail('found invalid Unicode character escape code', startLine);
  }
  reader.at += size;
  return String.fromCodePoint(code);
}

/** What white space between words of a quoted or plain scalar becomes. */
interface Gap {
  spaces: string;
  leadingBreak: string;
  trailingBreaks: string;
  hasBreak: boolean;
}

function gapText(gap: Gap): string {
  if (!gap.hasBreak) return gap.spaces;
  if (gap.leadingBreak !== '\n') return gap.leadingBreak + gap.trailingBreaks;
  return gap.trailingBreaks === '' ? ' ' : gap.trailingBreaks;
}

/** Reads blanks and breaks; `onBlank` may refuse one after a break. */
function scanGap(reader: Reader, hasBreak: boolean, onBlank?: () => void): Gap {
  const gap: Gap = { spaces: '', leadingBreak: '', trailingBreaks: '', hasBreak };
  for (let code = reader.peek(); isBlank(code) || isBreak(code); code = reader.peek()) {
    if (isBlank(code)) {
      if (gap.hasBreak) onBlank?.();
      else gap.spaces += String.fromCharCode(code);
      reader.at += 1;
    } else if (gap.hasBreak) {
      gap.trailingBreaks += reader.readBreak();
    } else {
      gap.leadingBreak = reader.readBreak();
      gap.hasBreak = true;
    }
  }
  return gap;
}

/** A '…' or "…" scalar. */
export function scanQuotedScalar(reader: Reader, quote: 0x22 | 0x27): string {
  const startLine = reader.line;
  reader.at += 1;
  let text = '';
  for (;;) {
    if (reader.atDocumentIndicator()) reader.fail('found unexpected document indicator', startLine);
    if (reader.peek() === 0) reader.fail('found unexpected end of stream', startLine);
    const word = quotedWord(reader, quote, startLine);
    text += word.text;
    if (reader.peek() === quote) {
      reader.at += 1;
      return text;
    }
    const gap = scanGap(reader, word.endsLine);
    text += word.endsLine ? gap.trailingBreaks : gapText(gap);
  }
}

/** Up to white space or the closing quote; `endsLine` after an escaped line break. */
function quotedWord(reader: Reader, quote: 0x22 | 0x27, startLine: number): { text: string; endsLine: boolean } {
  let text = '';
  let start = reader.at;
  const isDouble = quote === 0x22;
  for (let code = reader.peek(); !isBlankOrEnd(code); code = reader.peek()) {
    if (code === quote) {
      if (isDouble || reader.peek(1) !== quote) break;
      text += reader.text.slice(start, reader.at + 1);
      reader.at += 2;
      start = reader.at;
    } else if (isDouble && code === 0x5c) {
      text += reader.text.slice(start, reader.at);
      if (isBreak(reader.peek(1))) {
        reader.at += 1;
        reader.readBreak();
        return { text, endsLine: true };
      }
      text += scanEscape(reader, startLine);
      start = reader.at;
    } else {
      reader.at += 1;
    }
  }
  return { text: text + reader.text.slice(start, reader.at), endsLine: false };
}

/** A scalar without quotes. `endedLine` tells that a line break came after it. */
export function scanPlainScalar(
  reader: Reader,
  options: { indent: number; inFlow: boolean },
): { text: string; endedLine: boolean } {
  const { indent, inFlow } = options;
  const startLine = reader.line;
  let text = '';
  let gap: Gap | undefined;
  for (;;) {
    if (reader.atDocumentIndicator() || reader.peek() === 0x23) break;
    const word = plainWord(reader, inFlow);
    if (word !== '') {
      text += (gap === undefined ? '' : gapText(gap)) + word;
      gap = undefined;
    }
    const code = reader.peek();
    if (!isBlank(code) && !isBreak(code)) break;
    const carried: Gap | undefined = gap;
    const next = scanGap(reader, carried?.hasBreak ?? false, () => {
      if (reader.column < indent && reader.peek() === 0x09) {
        reader.fail('found a tab character that violates indentation', startLine);
      }
    });
    gap = carried === undefined ? next : joinGaps(carried, next);
    if (!inFlow && reader.column < indent) break;
  }
  return { text, endedLine: gap?.hasBreak ?? false };
}

function joinGaps(first: Gap, second: Gap): Gap {
  return {
    spaces: first.spaces + second.spaces,
    leadingBreak: first.leadingBreak,
    trailingBreaks: first.trailingBreaks + second.trailingBreaks,
    hasBreak: first.hasBreak || second.hasBreak,
  };
}

function plainWord(reader: Reader, inFlow: boolean): string {
  const start = reader.at;
  for (let code = reader.peek(); !isBlankOrEnd(code); code = reader.peek()) {
    if (code === 0x3a && isBlankOrEnd(reader.peek(1))) break;
    // , ? [ ] { }
    if (inFlow && (code === 0x2c || code === 0x3f || code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d))
      break;
    reader.at += 1;
  }
  return reader.text.slice(start, reader.at);
}
