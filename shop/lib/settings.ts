/** Settings from the environment, read once at start. */

/** The variable, or the default; without a default it is required. */
export function setting(name: string, fallback?: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  if (fallback !== undefined) return fallback;
  throw new Error(`environment variable "${name}" not set`);
}

const unitsMs = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A Go duration (`5.5s`, `1m30s`, `250ms`) in milliseconds; 0 for an empty text. */
export function parseDurationMs(text: string): number {
  if (text === '' || text === '0') return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)];
  if (parts.map((part) => part[0]).join('') !== text)
    throw new Error(`"${text}" is no duration: use for example 250ms or 5.5s`);
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitsMs[unit as keyof typeof unitsMs], 0);
}

/** Ways to break a service on purpose: EXTRA_LATENCY (a duration) and ERROR_RATE (0 to 1). */
export interface Levers {
  readonly extraLatencyMs: number;
  /** True for the share of requests that is to fail. */
  shouldFail(): boolean;
}

export function readLevers(): Levers {
  const extraLatencyMs = parseDurationMs(setting('EXTRA_LATENCY', ''));
  const errorRate = Number(setting('ERROR_RATE', '0'));
  if (!(errorRate >= 0 && errorRate <= 1)) throw new Error('ERROR_RATE must be a number from 0 to 1');
  return { extraLatencyMs, shouldFail: () => Math.random() < errorRate };
}

/** Waits; used by the latency lever. */
export function pause(forMs: number): Promise<void> {
  return forMs <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, forMs));
}
