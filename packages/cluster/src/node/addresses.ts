/** Pod addresses of a node: .2 to .254 of its network, used in turn. */

import { assert } from '@towpath/kit';

export interface AddressPool {
  /** The wanted address when it is of this node and free, else the next free one. Throws when none is left. */
  take(wanted?: string): string;
  release(address: string): void;
}

const first = 2;
const last = 254;

/** `podCIDR` is a /24, e.g. `10.244.1.0/24`. */
export function createAddressPool(podCIDR: string): AddressPool {
  const prefix = /^(\d+\.\d+\.\d+\.)0\/24$/.exec(podCIDR)?.[1] ?? '';
  assert(prefix !== '', `${podCIDR} is no network of a node`);
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
      throw new Error(`${podCIDR} has no free pod address`);
    },
    release: (address) => void used.delete(address),
  };
}
