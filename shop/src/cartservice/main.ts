/** cartservice: one cart per user. */

import { status } from '@grpc/grpc-js';
import { log } from '../../lib/log.ts';
import { RpcError, serve } from '../../lib/server.ts';
import { setting } from '../../lib/settings.ts';
import type { Cart, CartItem } from '../../lib/types.ts';
import { memoryStore, respStore } from './carts.ts';

const address = setting('REDIS_ADDR', '');
if (address === '') {
  log('INFO', 'Redis cache host(hostname+port) was not specified. Starting a cart service using in memory store');
}
const store = address === '' ? memoryStore() : respStore(address);

async function stored<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    throw new RpcError(
      status.FAILED_PRECONDITION,
      `Can't access cart storage. ${error instanceof Error ? error.message : ''}`,
    );
  }
}

/** Quantities of the same product are added up. */
function withItem(cart: Cart, item: CartItem): Cart {
  const known = cart.items.some((other) => other.productId === item.productId);
  const items = cart.items.map((other) =>
    other.productId === item.productId ? { ...other, quantity: other.quantity + item.quantity } : other,
  );
  return { ...cart, items: known ? items : [...items, item] };
}

serve({
  service: 'CartService',
  port: 7070,
  handlers: {
    async AddItem({ userId, item }) {
      const cart = (await stored(store.get(userId))) ?? { userId, items: [] };
      await stored(store.set(withItem(cart, item)));
      return {};
    },
    GetCart: async ({ userId }) => (await stored(store.get(userId))) ?? { userId: '', items: [] },
    async EmptyCart({ userId }) {
      await stored(store.set({ userId, items: [] }));
      return {};
    },
  },
});
