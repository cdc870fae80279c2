/** How a program ends that has no say of its own. */

import type { PreloadPart } from './toolkit.ts';

/**
 * SIGTERM ends a program that has no handler of its own, even as process 1: Node's own one tidies up its terminal and
 * then relies on the default action, which process 1 does not have.
 */
export const signalsPart: PreloadPart = () => {
  if (process.pid !== 1) return;
  const numbers = { SIGTERM: 15, SIGINT: 2 } as const;
  for (const [signal, number] of Object.entries(numbers) as ['SIGTERM' | 'SIGINT', number][]) {
    const end = (): void => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number);
    };
    process.on(signal, end);
  }
};
