/**
 * Go strings are bytes. A JavaScript string holds them as text; each byte that is no UTF-8 is the lone surrogate
 * U+DC00 + byte, which valid text never contains, so nothing is lost on the way through a template.
 */

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Matches what needs care: anything that is not ASCII. */
const nonAscii = /[^\x00-\x7f]/;
const escapedByte = /[\ud800-\udbff][\udc00-\udfff]|([\udc80-\udcff])/g;
const surrogate = /[\ud800-\udfff]/;

export function isAscii(text: string): boolean {
  return !nonAscii.test(text);
}

/** True when the string holds bytes that are no UTF-8. */
export function hasInvalidUtf8(text: string): boolean {
  if (!surrogate.test(text)) return false;
  escapedByte.lastIndex = 0;
  for (const match of text.matchAll(escapedByte)) if (match[1] !== undefined) return true;
  return false;
}

/** The bytes of a string. */
export function toBytes(text: string): Uint8Array {
  if (!hasInvalidUtf8(text)) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const match of text.matchAll(escapedByte)) {
    const lone = match[1];
    if (lone === undefined) continue;
    parts.push(encoder.encode(text.slice(start, match.index)), Uint8Array.of(lone.charCodeAt(0) & 0xff));
    start = match.index + 1;
  }
  parts.push(encoder.encode(text.slice(start)));
  return concatBytes(parts);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A string of any bytes. */
export function fromBytes(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return fromInvalidBytes(bytes);
  }
}

function fromInvalidBytes(bytes: Uint8Array): string {
  let text = '';
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const size = runeSize(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    text += strictDecoder.decode(bytes.subarray(start, at)) + String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    at += 1;
    start = at;
  }
  return text + strictDecoder.decode(bytes.subarray(start));
}

/** The length of the well-formed UTF-8 sequence at `at`, or 0. */
export function runeSize(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const size =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = 2; next < size; next += 1) if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return 0;
  return size;
}

/** Two lower-case digits for each byte. */
export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** `len(s)`. */
export function byteLength(text: string): number {
  return isAscii(text) ? text.length : toBytes(text).length;
}

/** `s[start:end]` in bytes. */
export function sliceBytes(text: string, start: number, end: number): string {
  if (isAscii(text)) return text.slice(start, end);
  return fromBytes(toBytes(text).subarray(start, end));
}

/** The runes of a string as code points; an invalid byte is -1 - byte. */
export function runesOf(text: string): number[] {
  const runes: number[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    runes.push(code >= 0xdc80 && code <= 0xdcff ? -1 - (code & 0xff) : code);
  }
  return runes;
}

/** The number of runes; an invalid byte counts as one. */
export function runeCount(text: string): number {
  if (!surrogate.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Joins parts of which some may end or begin inside a character. */
export function rejoin(text: string): string {
  return hasInvalidUtf8(text) ? fromBytes(toBytes(text)) : text;
}

/** Replaces invalid bytes by U+FFFD, as a reader of the output sees them. */
export function printable(text: string): string {
  return surrogate.test(text) ? new TextDecoder().decode(toBytes(text)) : text;
}

/** Compares by bytes, as Go compares strings. */
export function compareStrings(left: string, right: string): number {
  if (left === right) return 0;
  const size = Math.min(left.length, right.length);
  for (let at = 0; at < size; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a === b) continue;
    // Surrogates sort below U+E000…U+FFFF in UTF-16, above them in UTF-8.
    if (a >= 0xd800 && b >= 0xd800) return compareByteArrays(toBytes(left), toBytes(right));
    return a < b ? -1 : 1;
  }
  return left.length < right.length ? -1 : 1;
}

/** Negative, 0 or positive, as bytes.Compare. */
export function compareByteArrays(left: Uint8Array, right: Uint8Array): number {
  const size = Math.min(left.length, right.length);
  for (let at = 0; at < size; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

/** The keys of a map in Go's printing order. */
export function sortedKeys(map: ReadonlyMap<string, unknown>): string[] {
  return [...map.keys()].toSorted(compareStrings);
}
