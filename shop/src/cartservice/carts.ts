/** Where carts are kept: a Redis-compatible store, or memory when none is configured. */

import { createConnection, type Socket } from 'node:net';
import { codec } from '../../lib/contract.ts';
import { log } from '../../lib/log.ts';
import type { Cart } from '../../lib/types.ts';
import { encode, RespParser, type RespValue } from './resp.ts';

export interface CartStore {
  /** Undefined when the user has no cart. */
  get(userId: string): Promise<Cart | undefined>;
  set(cart: Cart): Promise<void>;
}

export function memoryStore(): CartStore {
  const carts = new Map<string, Cart>();
  return {
    get: async (userId) => carts.get(userId),
    set: async (cart) => void carts.set(cart.userId, cart),
  };
}

/** `address` is host:port. A lost connection is opened again at the next call. */
export function respStore(address: string): CartStore {
  const messages = codec('hipstershop.Cart');
  const send = respClient(address);
  return {
    async get(userId) {
      const value = await send(['GET', userId]);
      return Buffer.isBuffer(value) ? (messages.decode(value) as Cart) : undefined;
    },
    async set(cart) {
      await send(['SET', cart.userId, messages.encode(cart)]);
    },
  };
}

const answerTimeoutMs = 3000;

interface Waiting {
  readonly resolve: (value: RespValue) => void;
  readonly reject: (error: Error) => void;
}

/** Answers come in the order of the requests, so one connection serves all. */
function respClient(address: string): (parts: readonly (string | Buffer)[]) => Promise<RespValue> {
  const [host = '', port = '6379'] = address.split(':');
  let socket: Socket | undefined;
  let waiting: Waiting[] = [];

  const fail = (error: Error): void => {
    socket?.destroy();
    socket = undefined;
    for (const { reject } of waiting) reject(error);
    waiting = [];
  };

  const open = (): Socket => {
    const parser = new RespParser();
    const opened = createConnection({ host, port: Number(port) });
    opened.setTimeout(
      answerTimeoutMs,
      () => waiting.length > 0 && opened.destroy(new Error('the cart store does not answer')),
    );
    opened.on('data', (chunk) => {
      for (const value of parser.push(chunk as Buffer)) {
        const next = waiting.shift();
        if (value instanceof Error) next?.reject(value);
        else next?.resolve(value);
      }
    });
    opened.on('error', (error) => {
      log('WARNING', 'cart store connection failed', { error: error.message });
      if (socket === opened) fail(error);
    });
    opened.on('close', () => socket === opened && fail(new Error('the cart store closed the connection')));
    return opened;
  };

  return (parts) =>
    new Promise((resolve, reject) => {
      socket ??= open();
      waiting.push({ resolve, reject });
      socket.write(encode(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))));
    });
}
