/** A Transport that is closed from within. */

import type { Transport } from '@towpath/api';

/**
 * Refuses every request once the signal is aborted: what has been stopped, or is no longer the leader, writes nothing
 * more, since its successor may already be at work.
 */
export function untilAborted(transport: Transport, signal: AbortSignal): Transport {
  return {
    request(request) {
      if (signal.aborted) return Promise.reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
      return transport.request(request);
    },
  };
}
