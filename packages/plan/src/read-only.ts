/** The transport of plan and explain: it cannot write, whatever is asked of it. */

import type { Transport, TransportRequest } from '@towpath/api';
import { planError } from './errors.ts';

/** Lets reads pass, and writes that say `dryRun=All`. Throws `PLAN_WRITE_REFUSED` for anything else: a bug. */
export function readOnlyTransport(transport: Transport): Transport {
  return {
    request: async (request) => {
      if (!isReadOnly(request)) {
        throw planError('PLAN_WRITE_REFUSED', `${request.method} ${request.path} would write: it was not sent`, {
          next: 'report this as a bug',
        });
      }
      return transport.request(request);
    },
  };
}

/** True for requests that change nothing. */
export function isReadOnly({ method, query }: Pick<TransportRequest, 'method' | 'query'>): boolean {
  return method === 'GET' || query?.['dryRun'] === 'All';
}
