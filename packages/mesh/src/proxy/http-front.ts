/** Takes connections that speak HTTP and hands out their requests, each with the context of its connection. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createHttp1Server } from './downstream-http1.ts';
import { acceptHttp2, createHttp2Server } from './downstream-http2.ts';
import type { Downstream } from './messages.ts';

export interface HttpFront<Context> {
  accept(stream: Duplex, spoken: 'http1' | 'http2', context: Context): void;
}

export interface HttpFrontHandlers<Context> {
  onRequest(downstream: Downstream, context: Context): void;
  onUpgrade(request: IncomingMessage, stream: Duplex, first: Buffer, context: Context): void;
}

/** One front serves any number of connections. */
export function createHttpFront<Context>(handlers: HttpFrontHandlers<Context>): HttpFront<Context> {
  const contexts = new WeakMap<Duplex, Context>();
  const http2 = createHttp2Server();
  const http1 = createHttp1Server({
    onRequest(downstream, stream) {
      const context = contexts.get(stream);
      if (context !== undefined) handlers.onRequest(downstream, context);
    },
    onUpgrade(request, stream, first) {
      const context = contexts.get(stream);
      if (context !== undefined) handlers.onUpgrade(request, stream, first, context);
    },
  });
  return {
    accept(stream, spoken, context) {
      if (spoken === 'http2') {
        acceptHttp2(http2, stream, (downstream) => handlers.onRequest(downstream, context));
        return;
      }
      contexts.set(stream, context);
      http1.emit('connection', stream);
    },
  };
}
