/** HTTP/1.1 servers: pooled keep-alive connections over any stream. */

import {
  Agent,
  request as httpRequest,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@towpath/kit';
import { headerValue, withoutHeaders, type FlatHeaders } from '../route/rewrite.ts';
import { maxHeaderBytes } from './downstream-http1.ts';
import { connectionHeaders, type RequestHead, type UpstreamCall, type UpstreamListener } from './messages.ts';

export type DialPeer = (host: string, port: number) => Promise<Duplex>;

/** How long an unused connection is kept when the server does not say. */
const idleMs = 30_000;
/** Closed this long before the server would, so that no request meets the closing. */
const idleMarginMs = 1000;

/** Node's agent with connections from a dialer and an idle limit of its own (streams have no timeouts). */
export class StreamAgent extends Agent {
  readonly #dial: DialPeer;
  readonly #clock: Clock;
  /** The idle limits that are running. */
  readonly #idle = new WeakMap<Duplex, Timer>();

  constructor(options: { dial: DialPeer; clock: Clock }) {
    super({ keepAlive: true, maxSockets: Infinity });
    this.#dial = options.dial;
    this.#clock = options.clock;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const open = async (): Promise<void> => {
      let stream: Duplex;
      try {
        stream = await this.#dial(String(options.host), Number(options.port));
      } catch (error) {
        // Node's agent ignores the stream when there is an error.
        callback?.(new DialError(error), undefined as unknown as Duplex);
        return;
      }
      addSocketMembers(stream);
      stream.once('end', () => {
        if (!stream.writableEnded) stream.end();
      });
      callback?.(null, stream);
    };
    void open();
    return undefined;
  }

  /** Called by Node with the stream of an answered request. */
  override keepSocketAlive(stream: Duplex & { _httpMessage?: { res?: IncomingMessage } }): boolean {
    const hint = stream._httpMessage?.res?.headers['keep-alive'];
    const seconds = Number(/timeout=(\d+)/.exec(String(hint ?? ''))?.[1] ?? NaN);
    const limitMs = Number.isNaN(seconds) ? idleMs : seconds * 1000 - idleMarginMs;
    if (limitMs <= 0) return false;
    this.#idle.set(
      stream,
      this.#clock.startTimer(limitMs, () => stream.destroy()),
    );
    return true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    this.#idle.get(stream)?.cancel();
    super.reuseSocket(stream, request);
  }
}

/** The dial itself failed, as opposed to a connection that broke. */
class DialError extends Error {
  constructor(cause: unknown) {
    super('dial failed', { cause });
  }
}

/** Node's HTTP client calls these members of a net.Socket on whatever carries it; a plain stream has no use for them. */
function addSocketMembers(stream: Duplex): void {
  const target = stream as unknown as Record<string, unknown>;
  for (const name of ['setKeepAlive', 'setNoDelay', 'setTimeout', 'ref', 'unref']) target[name] ??= () => stream;
  target['destroySoon'] ??= () => stream.end();
}

/** Sends a request to `host:port`. */
export function callHttp1(
  agent: StreamAgent,
  target: { readonly host: string; readonly port: number },
  head: RequestHead,
  listener: UpstreamListener,
): UpstreamCall {
  let request: ClientRequest;
  try {
    request = httpRequest({
      agent,
      host: target.host,
      port: target.port,
      method: head.method,
      path: head.path,
      headers: wireHeaders(head) as unknown as Record<string, string>,
      maxHeaderSize: maxHeaderBytes,
    });
  } catch (error) {
    // Characters that HTTP/1.1 cannot carry, from an HTTP/2 client or a rewrite.
    queueMicrotask(() => listener.onFailure('reset', error instanceof Error ? error : new Error(String(error))));
    return { abort() {} };
  }
  const state = follow(request, listener);
  if (!head.hasBody) request.end();
  listener.onOpen(head.hasBody ? request : undefined);
  return {
    abort() {
      state.over = true;
      request.destroy();
    },
  };
}

function follow(request: ClientRequest, listener: UpstreamListener): { over: boolean } {
  const state = { over: false };
  let response: IncomingMessage | undefined;
  const fail = (error: Error): void => {
    if (state.over) return;
    state.over = true;
    if (response !== undefined) listener.onFailure('reset', error);
    else if (error instanceof DialError) listener.onFailure('connect', error);
    else listener.onFailure(request.reusedSocket ? 'stale' : 'reset', error);
  };
  request.on('error', fail);
  request.on('response', (incoming) => {
    response = incoming;
    incoming.on('error', fail);
    const headers = withoutHeaders(incoming.rawHeaders, (name) => connectionHeaders.has(name));
    const responseHead = { status: incoming.statusCode ?? 502, reason: incoming.statusMessage, headers };
    listener.onResponse(responseHead, incoming, () => incoming.rawTrailers);
  });
  return state;
}

/** Host first, then the rest; a body of unknown length is chunked. */
function wireHeaders(head: RequestHead): FlatHeaders {
  const headers: FlatHeaders = ['Host', head.authority, ...head.headers];
  if (head.hasBody && headerValue(head.headers, 'content-length') === undefined) {
    headers.push('Transfer-Encoding', 'chunked');
  }
  return headers;
}
