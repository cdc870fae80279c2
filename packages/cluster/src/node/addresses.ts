/** Pod addresses of a node: 10.244.NODE.2 to .254, used in turn. */

import { assert } from '@towpath/kit';

export interface AddressPool {
  /** The wanted address when it is of this node and free, else the next free one. Throws when none is left. */
  take(wanted?: string): string;
  release(address: string): void;
}

const first = 2;
const last = 254;

export function createAddressPool(nodeNumber: number): AddressPool {
  assert(nodeNumber >= 0 && nodeNumber < 256, `node number ${nodeNumber} has no network`);
  const prefix = `10.244.${nodeNumber}.`;
  const used = new Set<string>();
  let next = first;
  return {
    take(wanted) {
      if (wanted !== undefined && wanted.startsWith(prefix) && !used.has(wanted)) {
        used.add(wanted);
        return wanted;
      }
      for (let tries = first; tries <= last; tries++) {
        const address = prefix + next;
        next = next === last ? first : next + 1;
        if (used.has(address)) continue;
        used.add(address);
        return address;
      }
      throw new Error(`node ${nodeNumber} has no free pod address`);
    },
    release: (address) => void used.delete(address),
  };
}
