/** How Go's time package quotes what it cannot read. */

/** Go's own quotes: bytes beyond ASCII and control characters are written in hexadecimal. */
export function quoteTime(text: string): string {
  let out = '';
  for (const char of text) {
    if (char === '"' || char === '\\') out += `\\${char}`;
    else if (char >= ' ' && char < '\x7f') out += char;
    else for (const byte of new TextEncoder().encode(char)) out += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${out}"`;
}
