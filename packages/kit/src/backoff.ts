/** Exponential backoff with a ceiling and optional jitter. */

import type { Random } from './random.ts';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor?: number;
}

/** The wait before retry number `failures` (1 = after the first failure). */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const factor = options.factor ?? 2;
  return Math.min(options.maxMs, options.firstMs * factor ** Math.max(0, failures - 1));
}

/** Spreads `valueMs` over ±`ratio` (0–1), so that many retries do not fall together. */
export function jitter(valueMs: number, ratio: number, random: Random): number {
  return Math.round(valueMs * (1 - ratio + (2 * ratio * random.integer(1_000_000)) / 1_000_000));
}
