/** Parts that need each other: the API server asks the nodes for logs, the nodes ask the API server for pods. */

import type { Dialer } from '@towpath/api';
import type { PodStreams } from '@towpath/cluster';
import { TowpathError } from '@towpath/kit';

/** A stand-in for a part that is not there yet; every call is passed on once it is. */
export interface Late<Part extends object> {
  readonly part: Part;
  set(part: Part): void;
}

/** `names` are the methods of the part. */
export function late<Part extends object>(what: string, names: readonly (keyof Part & string)[]): Late<Part> {
  let real: Part | undefined;
  const forward = (name: keyof Part & string) => {
    return (...args: unknown[]): unknown => {
      if (real === undefined)
        throw new TowpathError('NOT_STARTED', `${what} is not started yet`, { next: 'try again in a moment' });
      const method = real[name] as unknown as (...given: unknown[]) => unknown;
      return method.apply(real, args);
    };
  };
  return {
    // Every method of the part is forwarded, and a part has nothing but methods.
    part: Object.fromEntries(names.map((name) => [name, forward(name)])) as Part,
    set(part) {
      real = part;
    },
  };
}

export const lateDialer = (): Late<Dialer> => late<Dialer>('the network', ['dial']);
export const latePodStreams = (): Late<PodStreams> =>
  late<PodStreams>('the node', ['logs', 'exec', 'attach', 'portForward', 'usage']);
