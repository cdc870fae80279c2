/** Character classes as Go's unicode package has them. */

const printablePattern = /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
const letterPattern = /\p{L}/u;
const digitPattern = /\p{Nd}/u;
const upperPattern = /\p{Lu}/u;
const lowerPattern = /\p{Ll}/u;

function matches(pattern: RegExp, code: number): boolean {
  return code >= 0 && pattern.test(String.fromCodePoint(code));
}

/** unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
export function isPrintable(code: number): boolean {
  if (code < 0x7f) return code >= 0x20;
  if (code >= 0xd800 && code <= 0xdfff) return false;
  return matches(printablePattern, code);
}

export function isLetter(code: number): boolean {
  if (code < 0x80) return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return matches(letterPattern, code);
}

export function isDigit(code: number): boolean {
  if (code < 0x80) return code >= 0x30 && code <= 0x39;
  return matches(digitPattern, code);
}

export function isUpper(code: number): boolean {
  if (code < 0x80) return code >= 0x41 && code <= 0x5a;
  return matches(upperPattern, code);
}

export function isLower(code: number): boolean {
  if (code < 0x80) return code >= 0x61 && code <= 0x7a;
  return matches(lowerPattern, code);
}

/** unicode.IsSpace. */
export function isSpace(code: number): boolean {
  if (code < 0x100) return (code >= 9 && code <= 13) || code === 0x20 || code === 0x85 || code === 0xa0;
  return (
    code === 0x1680 || (code >= 0x2000 && code <= 0x200a) || [0x2028, 0x2029, 0x202f, 0x205f, 0x3000].includes(code)
  );
}

/** unicode.ToUpper of one character; characters whose upper case is longer stay. */
export function toUpper(char: string): string {
  const upper = char.toUpperCase();
  return [...upper].length === 1 ? upper : char;
}

/** unicode.ToLower of one character. */
export function toLower(char: string): string {
  const lower = char.toLowerCase();
  return [...lower].length === 1 ? lower : ([...lower][0] ?? char);
}

/** strings.ToUpper: character by character. */
export function upperText(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text.toUpperCase() : Array.from(text, toUpper).join('');
}

/** strings.ToLower: character by character. */
export function lowerText(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text.toLowerCase() : Array.from(text, toLower).join('');
}
