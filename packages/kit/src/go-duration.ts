/** Durations as Go reads and prints them, to the microsecond. Source: Go, time.ParseDuration and time.Duration.String. */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** `1h2m3.5s` in milliseconds; undefined for text that is no duration. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    totalMs += Number(count) * (unitMs[unit] ?? 0);
  }
  return totalMs;
}

/** As Go's `Duration.String`: `5m0s`, `1.5s`, `20ms`, `0s`. */
export function goDurationText(durationMs: number): string {
  const micros = Math.round(durationMs * 1000);
  if (micros === 0) return '0s';
  if (micros < 1000) return `${micros}µs`;
  if (micros < 1_000_000) return `${micros / 1000}ms`;
  const hours = Math.floor(micros / 3.6e9);
  const minutes = Math.floor((micros % 3.6e9) / 6e7);
  const seconds = (micros % 6e7) / 1e6;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
