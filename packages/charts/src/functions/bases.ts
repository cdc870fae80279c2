/** base64 and base32 with Go's sentences for what is wrong. */

import { fromBase64 } from '#platform';

const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function isNewline(char: string | undefined): boolean {
  return char === '\n' || char === '\r';
}

/** The bytes, or Go's error text. Newlines are skipped. */
export function decodeBase64(text: string): Uint8Array | string {
  const problem = base64Problem(text);
  return problem === undefined
    ? fromBase64(text.replaceAll(/[\r\n]/g, ''))
    : `illegal base64 data at input byte ${problem}`;
}

/** The offset Go reports, or undefined. */
function base64Problem(text: string): number | undefined {
  const bytes = new TextEncoder().encode(text).length === text.length ? text : bytewise(text);
  let filled = 0;
  let at = 0;
  while (at < bytes.length) {
    const char = bytes[at] ?? '';
    at += 1;
    if (isNewline(char)) continue;
    if (char === '=') return paddingProblem(bytes, at, filled);
    if (!base64Alphabet.includes(char)) return at - 1;
    filled = (filled + 1) % 4;
  }
  return filled === 0 ? undefined : at - filled;
}

function paddingProblem(text: string, afterFirst: number, filled: number): number | undefined {
  let at = afterFirst;
  if (filled < 2) return at - 1;
  const skip = (): void => {
    while (isNewline(text[at])) at += 1;
  };
  if (filled === 2) {
    skip();
    if (at === text.length) return text.length;
    if (text[at] !== '=') return at - 1;
    at += 1;
  }
  skip();
  return at < text.length ? at : undefined;
}

function bytewise(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}

export function encodeBase32(bytes: Uint8Array): string {
  let bits = 0n;
  let text = '';
  for (let at = 0; at < bytes.length; at += 5) {
    const part = bytes.subarray(at, at + 5);
    bits = 0n;
    for (let index = 0; index < 5; index += 1) bits = (bits << 8n) | BigInt(part[index] ?? 0);
    const count = Math.ceil((part.length * 8) / 5);
    for (let index = 0; index < 8; index += 1) {
      text += index < count ? base32Alphabet[Number((bits >> BigInt(35 - 5 * index)) & 31n)] : '=';
    }
  }
  return text;
}

/** The bytes, or Go's error text. Newlines are dropped first. */
export function decodeBase32(input: string): Uint8Array | string {
  const text = bytewise(input).replaceAll(/[\r\n]/g, '');
  const bytes: number[] = [];
  const corrupt = (at: number): string => `illegal base32 data at input byte ${at}`;
  for (let at = 0; at < text.length; at += 8) {
    const group = text.slice(at, at + 8);
    const digits = group.replace(/=+$/, '');
    // Padding may stand from the third character of the last eight on.
    const isLast = at + 8 >= text.length;
    const bad = Array.from(group).findIndex(
      (char, index) => !base32Alphabet.includes(char) && !(char === '=' && index >= 2 && isLast),
    );
    const firstPad = group.indexOf('=', 2);
    if (bad >= 0 && (firstPad < 0 || bad < firstPad)) return corrupt(at + bad);
    if (firstPad >= 0) {
      if (group.length < 8) return corrupt(text.length);
      const after = Array.from(group).findIndex((char, index) => index > firstPad && char !== '=');
      if (after >= 0) return corrupt(at + after - 1);
      if ([1, 3, 6].includes(digits.length)) return corrupt(at + firstPad);
    } else if (group.length < 8) {
      return corrupt(text.length - group.length);
    }
    let bits = 0n;
    for (const char of digits) bits = (bits << 5n) | BigInt(base32Alphabet.indexOf(char));
    const count = Math.floor((digits.length * 5) / 8);
    bits >>= BigInt(digits.length * 5 - count * 8);
    for (let index = count - 1; index >= 0; index -= 1) bytes.push(Number((bits >> BigInt(8 * index)) & 255n));
  }
  return Uint8Array.from(bytes);
}
