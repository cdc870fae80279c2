/** net/netip: whether a text is an address, and Go's sentence when it is not. */

import { quote } from './strconv.ts';

/** The sentence of netip.ParseAddr for a text that is no address; undefined for one that is. */
export function addressProblem(text: string): string | undefined {
  const first = /[.:%]/.exec(text)?.[0];
  if (first === '.') return shown(text, fieldsProblem(text));
  if (first === ':') return shown(text, sixProblem(text));
  return shown(text, [first === '%' ? 'missing IPv6 address' : 'unable to parse IP']);
}

/** A sentence and the rest of the text it is about. */
type Refusal = readonly [message: string, at?: string];

function shown(text: string, refusal: Refusal | undefined): string | undefined {
  if (refusal === undefined) return undefined;
  const [message, at = ''] = refusal;
  return `ParseAddr(${quote(text)}): ${message}${at === '' ? '' : ` (at ${quote(at)})`}`;
}

function fieldsProblem(text: string): Refusal | undefined {
  let value = 0;
  let fields = 0;
  let digits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char >= '0' && char <= '9') {
      if (digits === 1 && value === 0) return ['IPv4 field has octet with leading zero'];
      value = value * 10 + Number(char);
      digits += 1;
      if (value > 255) return ['IPv4 field has value >255'];
    } else if (char === '.') {
      if (at === 0 || at === text.length - 1 || text[at - 1] === '.') {
        return ['IPv4 field must have at least one digit', text.slice(at)];
      }
      if (fields === 3) return ['IPv4 address too long'];
      fields += 1;
      value = 0;
      digits = 0;
    } else {
      return ['unexpected character', text.slice(at)];
    }
  }
  return fields < 3 ? ['IPv4 address too short'] : undefined;
}

/** `filled` counts bytes of the sixteen. */
function sixProblem(text: string): Refusal | undefined {
  const percent = text.indexOf('%');
  if (percent === text.length - 1) return ['zone must be a non-empty string'];
  let rest = percent < 0 ? text : text.slice(0, percent);
  let hasEllipsis = rest.startsWith('::');
  if (hasEllipsis) rest = rest.slice(2);
  if (hasEllipsis && rest === '') return undefined;
  let filled = 0;
  while (filled < 16) {
    const group = /^[0-9a-fA-F]*/.exec(rest)?.[0] ?? '';
    if (group.length > 4) return ['each group must have 4 or less digits', rest];
    if (group === '') return ['each colon-separated field must have at least one digit', rest];
    const after = rest.slice(group.length);
    if (after.startsWith('.')) {
      const problem = embeddedProblem(rest, filled, hasEllipsis);
      if (problem !== undefined) return problem;
      rest = '';
      filled += 4;
      break;
    }
    filled += 2;
    rest = after;
    if (rest === '') break;
    if (!rest.startsWith(':')) return ['unexpected character, want colon', rest];
    if (rest.length === 1) return ['colon must be followed by more characters', rest];
    rest = rest.slice(1);
    if (!rest.startsWith(':')) continue;
    if (hasEllipsis) return ['multiple :: in address', rest];
    hasEllipsis = true;
    rest = rest.slice(1);
    if (rest === '') break;
  }
  if (rest !== '') return ['trailing garbage after address', rest];
  if (filled < 16) return hasEllipsis ? undefined : ['address string too short'];
  return hasEllipsis ? ['the :: must expand to at least one field of zeros'] : undefined;
}

function embeddedProblem(rest: string, filled: number, hasEllipsis: boolean): Refusal | undefined {
  if (!hasEllipsis && filled !== 12)
    return ['embedded IPv4 address must replace the final 2 fields of the address', rest];
  if (filled + 4 > 16) return ['too many hex fields to fit an embedded IPv4 at the end of the address', rest];
  return fieldsProblem(rest);
}
