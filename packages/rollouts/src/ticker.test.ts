import { FakeClock } from '@towpath/kit/testing';
import { expect, it } from 'vitest';
import { statusOf } from './canary.ts';
import { frontendCanary } from './testing/canaries.ts';
import { createTicker } from './ticker.ts';

const intervalMs = 30_000;

function writtenAgo(clock: FakeClock, ms: number): ReturnType<typeof statusOf> {
  const lastTransitionTime = new Date(clock.nowMs() - ms).toISOString();
  return { ...statusOf(frontendCanary()), lastTransitionTime };
}

it('goes on after a restart where the status says it stood', () => {
  const clock = new FakeClock();
  const ticker = createTicker(clock);

  expect(ticker.dueInMs('a', statusOf(frontendCanary()), intervalMs)).toBe(0);
  expect(ticker.dueInMs('a', writtenAgo(clock, 5000), 60_000)).toBe(55_000);
});

it('leaves everything that starts with it a moment', async () => {
  const clock = new FakeClock();
  const ticker = createTicker(clock);

  expect(ticker.dueInMs('a', writtenAgo(clock, 3_600_000), intervalMs)).toBe(45_000);
  await clock.advance(45_000);
  expect(ticker.dueInMs('a', writtenAgo(clock, 3_600_000), intervalMs)).toBe(0);
});

it('keeps the rhythm when a step is late, and starts a new one with a change', async () => {
  const clock = new FakeClock();
  const ticker = createTicker(clock);
  const status = statusOf(frontendCanary());
  ticker.mark('a', { onTime: false, intervalMs });

  await clock.advance(30_400);
  ticker.mark('a', { onTime: true, intervalMs });
  expect(ticker.dueInMs('a', status, intervalMs)).toBe(29_600);

  ticker.mark('a', { onTime: false, intervalMs });
  expect(ticker.dueInMs('a', status, intervalMs)).toBe(30_000);
});
