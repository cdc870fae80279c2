/** `--deterministic`: a seeded source of randomness and a clock that stands still. */

import { seededRandom, type Clock, type Random } from '@towpath/kit';
import type { CliContext } from '../../../context.ts';
import { flagError } from '../pflag.ts';

/** 2025-01-01T00:00:00Z, when SOURCE_DATE_EPOCH names no other time. */
const standingMs = 1_735_689_600_000;
const seed = 1;

/** Limits still run on the real monotonic clock. */
export function deterministicWorld(context: CliContext): {
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  random: Random;
} {
  const epoch = context.env['SOURCE_DATE_EPOCH'] ?? '';
  if (!/^\d{0,11}$/.test(epoch)) throw flagError(`SOURCE_DATE_EPOCH "${epoch}" is no number of seconds`);
  const nowMs = epoch === '' ? standingMs : Number(epoch) * 1000;
  return {
    clock: { nowMs: () => nowMs, monotonicMs: () => context.clock.monotonicMs() },
    random: seededRandom(seed),
  };
}
