/** Cuts a CEL expression into tokens. Source: cel-spec, langdef.md, and the grammar of cel-go. */

import type { Issue } from './syntax.ts';
import { Uint } from './values.ts';

/** A token and where it stands; `text` is as written. */
export interface Token {
  readonly kind: 'symbol' | 'identifier' | 'escaped' | 'literal' | 'end';
  readonly text: string;
  readonly at: number;
  /** Of literals. */
  readonly value?: bigint | number | string | boolean | null | Uint8Array | Uint;
}

const escape = String.raw`\\(?:[abfnrtv"'\\?\x60]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})`;
const plainStrings = [
  String.raw`"""(?:${escape}|[^\\])*?"""`,
  String.raw`'''(?:${escape}|[^\\])*?'''`,
  String.raw`"(?:${escape}|[^\\"\n\r])*"`,
  String.raw`'(?:${escape}|[^\\'\n\r])*'`,
].join('|');
const rawStrings = String.raw`[rR](?:"""[^]*?"""|'''[^]*?'''|"[^"\n\r]*"|'[^'\n\r]*')`;

const space = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const text = new RegExp(`[bB]?(?:${rawStrings}|${plainStrings})`, 'y');
const float = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y;
const integer = /(?:0x[0-9a-fA-F]+|\d+)[uU]?/y;
const identifier = /[A-Za-z_][A-Za-z0-9_]*/y;
const escapedIdentifier = /`[A-Za-z0-9_.\-/ ]+`/y;
/** How far a token that comes to nothing was read: texts to the end of their line, signs to the character that spoils them. */
const unrecognised = /["'][^\n\r"']*|[|&=][^]?/y;
const symbol = /==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%]/y;

const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;

/** All tokens, the last of kind `end`; what is no token is an issue. */
export function tokensOf(source: string): { tokens: Token[]; issues: Issue[] } {
  const tokens: Token[] = [];
  const issues: Issue[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length) {
    const skipped = take(space);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const token = nextToken(take, at, issues);
    if (token === undefined) {
      const shown = take(unrecognised) ?? String.fromCodePoint(source.codePointAt(at) ?? 0);
      issues.push({ at, message: `Syntax error: token recognition error at: '${shown}'` });
      at += shown.length;
      continue;
    }
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: 'end', text: '<EOF>', at: source.length });
  return { tokens, issues };
}

function nextToken(take: (pattern: RegExp) => string | undefined, at: number, issues: Issue[]): Token | undefined {
  const string = take(text);
  if (string !== undefined) return { kind: 'literal', text: string, at, value: stringValue(string) };
  const number = take(float);
  if (number !== undefined) {
    const value = Number(number);
    if (!Number.isFinite(value)) issues.push({ at, message: 'invalid double literal' });
    return { kind: 'literal', text: number, at, value };
  }
  const whole = take(integer);
  if (whole !== undefined) return { kind: 'literal', text: whole, at, value: integerValue(whole, at, issues) };
  const name = take(identifier);
  if (name !== undefined) return namedToken(name, at);
  const quoted = take(escapedIdentifier);
  if (quoted !== undefined) return { kind: 'escaped', text: quoted, at };
  const sign = take(symbol);
  return sign === undefined ? undefined : { kind: 'symbol', text: sign, at };
}

function namedToken(name: string, at: number): Token {
  if (name === 'true' || name === 'false') return { kind: 'literal', text: name, at, value: name === 'true' };
  if (name === 'null') return { kind: 'literal', text: name, at, value: null };
  return { kind: name === 'in' ? 'symbol' : 'identifier', text: name, at };
}

/** The sign stands before: 2^63 is let through for it. */
function integerValue(written: string, at: number, issues: Issue[]): bigint | Uint {
  const isUnsigned = /[uU]$/.test(written);
  const value = BigInt(isUnsigned ? written.slice(0, -1) : written);
  if (isUnsigned) {
    if (value > maxUint) issues.push({ at, message: 'invalid uint literal' });
    return new Uint(value);
  }
  if (value > maxInt + 1n) issues.push({ at, message: 'invalid int literal' });
  return value;
}

function stringValue(written: string): string | Uint8Array {
  const isBytes = /^[bB]/.test(written);
  const rest = isBytes ? written.slice(1) : written;
  const isRaw = /^[rR]/.test(rest);
  const quoted = isRaw ? rest.slice(1) : rest;
  const quotes = /^(?:"""|'''|"|')/.exec(quoted)?.[0].length ?? 1;
  const inner = quoted.slice(quotes, -quotes);
  if (!isBytes) return isRaw ? inner : unescapeText(inner);
  return isRaw ? Buffer.from(inner, 'utf8') : unescapeBytes(inner);
}

const letters: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const escapes = /\\(?:([abfnrtv"'\\?`])|([0-3][0-7]{2})|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g;

function unescapeText(inner: string): string {
  return inner.replace(escapes, (_all, letter?: string, octal?: string, ...hex: (string | undefined)[]) => {
    if (letter !== undefined) return letters[letter] ?? letter;
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const digits = hex.slice(0, 3).find((part) => part !== undefined) ?? '0';
    const code = Number.parseInt(digits, 16);
    return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
  });
}

function unescapeBytes(inner: string): Uint8Array {
  const parts: Buffer[] = [];
  let last = 0;
  for (const match of inner.matchAll(escapes)) {
    parts.push(Buffer.from(inner.slice(last, match.index), 'utf8'));
    const [all, , octal, hex] = match;
    if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8)]));
    else if (hex !== undefined) parts.push(Buffer.from([Number.parseInt(hex, 16)]));
    else parts.push(Buffer.from(unescapeText(all), 'utf8'));
    last = match.index + all.length;
  }
  parts.push(Buffer.from(inner.slice(last), 'utf8'));
  return Buffer.concat(parts);
}
