/** A counted permit: how many things may happen at once. */

export interface Semaphore {
  /** Resolves with the return of the permit, to be called once. */
  acquire(): Promise<() => void>;
}

export function createSemaphore(permits: number): Semaphore {
  let free = permits;
  const waiting: (() => void)[] = [];
  return {
    async acquire() {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let returned = false;
      return () => {
        if (returned) return;
        returned = true;
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      };
    },
  };
}
