/** Scans directives, anchors, aliases and tags. Source: libyaml's scanner. */

import { fromBytes } from '../go/utf8.ts';
import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isDigitCode, isWordCharacter, type Reader } from './reader.ts';
import { token, type Token } from './tokens.ts';

function word(reader: Reader): string {
  const start = reader.at;
  while (isWordCharacter(reader.peek())) reader.at += 1;
  return reader.text.slice(start, reader.at);
}

/** `%YAML` or `%TAG`, with the rest of its line. */
export function scanDirective(reader: Reader): Token {
  const start = reader.mark();
  reader.at += 1;
  const name = word(reader);
  if (name === '') reader.fail('could not find expected directive name', start.line);
  if (!isBlankOrEnd(reader.peek())) reader.fail('found unexpected non-alphabetical character', start.line);
  let result: Token;
  if (name === 'YAML') result = token('version-directive', start, '', version(reader, start.line));
  else if (name === 'TAG') result = tagDirective(reader, start);
  else reader.fail('found unknown directive name', start.line);
  reader.skipBlanks();
  reader.skipComment();
  if (!isBreakOrEnd(reader.peek())) reader.fail('did not find expected comment or line break', start.line);
  if (isBreak(reader.peek())) reader.readBreak();
  return result;
}

function version(reader: Reader, startLine: number): string {
  reader.skipBlanks();
  const major = versionNumber(reader, startLine);
  if (reader.peek() !== 0x2e) reader.fail("did not find expected digit or '.' character", startLine);
  reader.at += 1;
  return `${major}.${versionNumber(reader, startLine)}`;
}

function versionNumber(reader: Reader, startLine: number): number {
  const start = reader.at;
  while (isDigitCode(reader.peek())) {
    if (reader.at - start >= 2) reader.fail('found extremely long version number', startLine);
    reader.at += 1;
  }
  if (reader.at === start) reader.fail('did not find expected version number', startLine);
  return Number(reader.text.slice(start, reader.at));
}

function tagDirective(reader: Reader, start: Token['start']): Token {
  reader.skipBlanks();
  const handle = tagHandle(reader, start.line, true);
  if (!isBlank(reader.peek())) reader.fail('did not find expected whitespace', start.line);
  reader.skipBlanks();
  const prefix = tagUri(reader, start.line, '');
  if (!isBlankOrEnd(reader.peek())) reader.fail('did not find expected whitespace or line break', start.line);
  return token('tag-directive', start, handle, prefix);
}

// ? : , ] } % @ `
const afterAnchor: ReadonlySet<number> = new Set([0x3f, 0x3a, 0x2c, 0x5d, 0x7d, 0x25, 0x40, 0x60]);

/** `&name` or `*name`. */
export function scanAnchor(reader: Reader, type: 'anchor' | 'alias'): Token {
  const start = reader.mark();
  reader.at += 1;
  const name = word(reader);
  const next = reader.peek();
  if (name === '' || !(isBlankOrEnd(next) || afterAnchor.has(next))) {
    reader.fail('did not find expected alphabetic or numeric character', start.line);
  }
  return token(type, start, name);
}

/** `!suffix`, `!!suffix`, `!handle!suffix`, `!<uri>`. */
export function scanTag(reader: Reader): Token {
  const start = reader.mark();
  let handle = '';
  let suffix: string;
  if (reader.peek(1) === 0x3c) {
    reader.at += 2;
    suffix = tagUri(reader, start.line, '');
    if (reader.peek() !== 0x3e) reader.fail("did not find the expected '>'", start.line);
    reader.at += 1;
  } else {
    handle = tagHandle(reader, start.line, false);
    if (handle.length > 1 && handle.endsWith('!')) {
      suffix = tagUri(reader, start.line, '');
    } else {
      suffix = tagUri(reader, start.line, handle);
      handle = '!';
      if (suffix === '') [handle, suffix] = [suffix, handle];
    }
  }
  if (!isBlankOrEnd(reader.peek())) reader.fail('did not find expected whitespace or line break', start.line);
  return token('tag', start, handle, suffix);
}

function tagHandle(reader: Reader, startLine: number, isDirective: boolean): string {
  if (reader.peek() !== 0x21) reader.fail("did not find expected '!'", startLine);
  const start = reader.at;
  reader.at += 1;
  word(reader);
  if (reader.peek() === 0x21) reader.at += 1;
  else if (isDirective && reader.at - start !== 1) reader.fail("did not find expected '!'", startLine);
  return reader.text.slice(start, reader.at);
}

const uriCharacter = /[-\w;/?:@&=+$,.!~*'()[\]%]/;

function tagUri(reader: Reader, startLine: number, head: string): string {
  let uri = head.slice(1);
  let isFound = head !== '';
  for (
    let char = reader.text[reader.at];
    char !== undefined && uriCharacter.test(char);
    char = reader.text[reader.at]
  ) {
    if (char === '%') {
      uri += uriEscapes(reader, startLine);
    } else {
      uri += char;
      reader.at += 1;
    }
    isFound = true;
  }
  if (!isFound) reader.fail('did not find expected tag URI', startLine);
  return uri;
}

function uriEscapes(reader: Reader, startLine: number): string {
  const match = /^(?:%[0-9a-fA-F]{2})+/.exec(reader.text.slice(reader.at, reader.at + 3000));
  if (match === null) reader.fail('did not find URI escaped octet', startLine);
  reader.at += match[0].length;
  return fromBytes(Uint8Array.from(match[0].slice(1).split('%'), (hex) => Number.parseInt(hex, 16)));
}
