/** Number literals: every kind a constant can be. */

import { maxUint64, fitsInt64, parseGoFloat, parseGoInt, quote, unquoteChar } from '../go/strconv.ts';
import type { NumberNode } from './nodes.ts';
import type { TokenType } from './lexer.ts';

export type NumberKinds = Pick<NumberNode, 'int' | 'uint' | 'float' | 'complex'>;

const noKinds: NumberKinds = { int: undefined, uint: undefined, float: undefined, complex: undefined };

/** The kinds of a literal, or the parse error's text. */
export function parseNumber(text: string, type: TokenType): NumberKinds | { readonly error: string } {
  if (type === 'charConstant') return parseRune(text);
  if (type === 'complex') return parseComplex(text);
  if (text.endsWith('i')) {
    const im = parseGoFloat(text.slice(0, -1));
    if (im !== undefined) return simplify(0, im);
  }
  const whole = parseGoInt(text);
  if (whole !== undefined && whole <= maxUint64 && (fitsInt64(whole) || whole > 0n)) {
    const isUnsigned = whole >= 0n && !/^[+-]/.test(text);
    return {
      ...noKinds,
      int: fitsInt64(whole) ? whole : undefined,
      uint: isUnsigned || whole === 0n ? whole : undefined,
      float: Number(whole),
    };
  }
  const float = parseGoFloat(text);
  if (float === undefined || !Number.isFinite(float)) return { error: `illegal number syntax: ${quote(text)}` };
  if (!/[.eEpP]/.test(text)) return { error: `integer overflow: ${quote(text)}` };
  return { ...noKinds, ...integersOf(float), float };
}

function integersOf(value: number): Pick<NumberKinds, 'int' | 'uint'> {
  if (!Number.isInteger(value)) return { int: undefined, uint: undefined };
  const whole = BigInt(value);
  return {
    int: fitsInt64(whole) ? whole : undefined,
    uint: whole >= 0n && whole <= maxUint64 ? whole : undefined,
  };
}

function parseRune(text: string): NumberKinds | { readonly error: string } {
  const body = text.slice(1);
  const char = unquoteChar(body, 0, "'");
  if (char === undefined) return { error: 'invalid syntax' };
  if (body.slice(char.end) !== "'") return { error: `malformed character constant: ${text}` };
  const value = BigInt(char.code);
  return { ...noKinds, int: value, uint: value, float: char.code };
}

function parseComplex(text: string): NumberKinds | { readonly error: string } {
  const split = Math.max(text.lastIndexOf('+'), text.lastIndexOf('-'));
  const re = parseGoFloat(text.slice(0, split));
  const im = parseGoFloat(text.slice(split, -1));
  if (re === undefined || im === undefined) return { error: `illegal number syntax: ${quote(text)}` };
  return simplify(re, im);
}

/** A complex number without imaginary part is every other kind as well. */
function simplify(re: number, im: number): NumberKinds {
  const complex = { re, im };
  if (im !== 0) return { ...noKinds, complex };
  return { ...integersOf(re), float: re, complex };
}
