/** The tags that scans found, for as long as the process runs; who needs some that are not there yet may wait. */

import { keyText, type Key } from '@towpath/api';
import type { Clock } from '@towpath/kit';

export class TagStore {
  readonly #clock: Clock;
  readonly #tags = new Map<string, readonly string[]>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(repository: Key): readonly string[] {
    return this.#tags.get(keyText(repository)) ?? [];
  }

  set(repository: Key, tags: readonly string[]): void {
    const name = keyText(repository);
    this.#tags.set(name, tags);
    for (const wake of this.#waiting.get(name) ?? []) wake();
  }

  delete(repository: Key): void {
    this.#tags.delete(keyText(repository));
  }

  /** The tags, as soon as there are some; none when the time is over or the signal aborted. */
  async wait(repository: Key, forMs: number, signal: AbortSignal): Promise<readonly string[]> {
    const known = this.get(repository);
    if (known.length > 0 || signal.aborted) return known;
    const name = keyText(repository);
    await new Promise<void>((resolve) => {
      const waiters = this.#waiting.get(name) ?? new Set();
      const finish = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', finish);
        waiters.delete(finish);
        if (waiters.size === 0) this.#waiting.delete(name);
        resolve();
      };
      const timer = this.#clock.startTimer(forMs, finish);
      signal.addEventListener('abort', finish, { once: true });
      this.#waiting.set(name, waiters.add(finish));
    });
    return this.get(repository);
  }
}
