/** Work that nobody awaits: its failure is logged under a name and never lost. */

import { isAbort, messageOf } from './errors.ts';
import type { Logger } from './log.ts';

/** Watches `promise`; an abort is silent, any other rejection is logged as an error. */
export function background(name: string, promise: Promise<unknown>, log: Logger): void {
  promise.catch((error: unknown) => {
    if (!isAbort(error)) log.error('background work failed', { work: name, error: messageOf(error) });
  });
}
