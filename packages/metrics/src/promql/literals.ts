/** Numbers, durations and strings as PromQL writes them. */

import { metricsError } from '../errors.ts';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const;
const durationPattern = /^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/;

/** `1h30m` in milliseconds, or undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '' || !durationPattern.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    totalMs += Number(amount) * unitMs[unit as keyof typeof unitMs];
  }
  return totalMs;
}

/** A number literal: decimal, `0x1f`, `1_000`, `Inf`, `NaN`, or a duration in seconds. Throws `PROMQL_INVALID`. */
export function parseNumber(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const bare = text.replace(/^[+-]\s*/, '');
  const durationMs = parseDuration(bare);
  if (durationMs !== undefined) return (sign * durationMs) / 1000;
  if (/^inf$/i.test(bare)) return sign * Infinity;
  if (/^nan$/i.test(bare)) return NaN;
  if (/^0[0-7]+$/.test(bare)) return sign * Number.parseInt(bare, 8);
  const value = Number(bare.replaceAll('_', ''));
  if (Number.isNaN(value)) throw metricsError('PROMQL_INVALID', `error parsing number: "${text}"`);
  return sign * value;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};
const escapePattern = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs;

/** The content of a quoted string: `"…"` and `'…'` with escapes, `` `…` `` raw. Throws `PROMQL_INVALID`. */
export function parseString(text: string): string {
  const quote = text.charAt(0);
  if (text.length < 2 || text.at(-1) !== quote) throw metricsError('PROMQL_INVALID', 'unterminated quoted string');
  const inner = text.slice(1, -1);
  if (quote === '`') return inner;
  return inner.replace(escapePattern, (_whole, escape: string) => {
    const simple = simpleEscapes[escape];
    if (simple !== undefined) return simple;
    if (/^[xuU]./.test(escape)) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    if (/^[0-7]{3}$/.test(escape)) return String.fromCodePoint(Number.parseInt(escape, 8));
    throw metricsError('PROMQL_INVALID', `unknown escape sequence "\\${escape}" in a quoted string`);
  });
}
