/** HTTP/2 servers: one connection per destination, shared by all requests to it. */

import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { isIPv6 } from 'node:net';
import type { FlatHeaders } from '../route/rewrite.ts';
import { http2Headers, http2Settings, regularHeaders } from './downstream-http2.ts';
import type { RequestHead, UpstreamCall, UpstreamFailure, UpstreamListener } from './messages.ts';
import type { DialPeer } from './upstream-http1.ts';

/** The sessions of one proxy, by destination. */
export class Http2Pool {
  readonly #dial: DialPeer;
  readonly #sessions = new Map<string, Promise<ClientHttp2Session>>();

  constructor(options: { dial: DialPeer }) {
    this.#dial = options.dial;
  }

  /** The session of a destination; rejects when it cannot be dialled. */
  session(host: string, port: number): Promise<ClientHttp2Session> {
    const key = `${host}:${port}`;
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const opening = this.#open(host, port, () => {
      if (this.#sessions.get(key) === opening) this.#sessions.delete(key);
    });
    this.#sessions.set(key, opening);
    return opening;
  }

  dispose(): void {
    for (const opening of this.#sessions.values()) {
      opening.then(
        (session) => session.destroy(),
        () => {},
      );
    }
    this.#sessions.clear();
  }

  async #open(host: string, port: number, forget: () => void): Promise<ClientHttp2Session> {
    try {
      const stream = await this.#dial(host, port);
      // The session does not see that a server went away where the stream may stay half open: its requests would hang.
      stream.once('end', () => {
        if (!stream.writableEnded) stream.end();
      });
      const name = isIPv6(host) ? `[${host}]` : host;
      const session = connect(`http://${name}:${port}`, { createConnection: () => stream, settings: http2Settings });
      session.on('error', () => {});
      session.on('close', forget);
      session.on('goaway', forget);
      return session;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

/** Sends a request to `host:port` as soon as there is a connection. */
export function callHttp2(
  pool: Http2Pool,
  target: { readonly host: string; readonly port: number },
  head: RequestHead,
  listener: UpstreamListener,
): UpstreamCall {
  let aborted = false;
  let call: UpstreamCall | undefined;
  pool.session(target.host, target.port).then(
    (session) => {
      if (aborted) return;
      if (session.closed || session.destroyed) {
        listener.onFailure('stale', new Error('the connection was closed'));
        return;
      }
      call = openStream(session, head, listener);
    },
    (error: unknown) => {
      if (!aborted) listener.onFailure('connect', error instanceof Error ? error : new Error(String(error)));
    },
  );
  return {
    abort() {
      aborted = true;
      call?.abort();
    },
  };
}

function openStream(session: ClientHttp2Session, head: RequestHead, listener: UpstreamListener): UpstreamCall {
  const stream = session.request(
    {
      ...http2Headers(head.headers),
      ':method': head.method,
      ':scheme': head.scheme,
      ':authority': head.authority,
      ':path': head.path,
    },
    { endStream: !head.hasBody },
  );
  let trailers: FlatHeaders = [];
  let responded = false;
  let over = false;
  const fail = (error: Error): void => {
    if (over) return;
    over = true;
    listener.onFailure(failureOf(stream.rstCode, responded), error);
  };
  stream.on('response', (headers: IncomingHttpHeaders, _flags: number, rawHeaders?: string[]) => {
    responded = true;
    const status = Number(headers[':status'] ?? 502);
    listener.onResponse(
      { status, reason: undefined, headers: regularHeaders(rawHeaders ?? []) },
      stream,
      () => trailers,
    );
  });
  stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, rawHeaders?: string[]) => {
    trailers = regularHeaders(rawHeaders ?? []);
  });
  stream.on('end', () => {
    // A destroyed session ends its streams as if they were whole; a stream that is whole is destroyed after its end.
    if (stream.destroyed) fail(new Error('the connection broke off'));
    else if (responded && stream.rstCode === constants.NGHTTP2_NO_ERROR) over = true;
  });
  stream.on('error', fail);
  stream.on('close', () => fail(new Error(`the stream was closed with code ${stream.rstCode}`)));
  listener.onOpen(head.hasBody ? stream : undefined);
  return {
    abort() {
      over = true;
      stream.close(constants.NGHTTP2_CANCEL);
    },
  };
}

function failureOf(code: number | undefined, responded: boolean): UpstreamFailure {
  return code === constants.NGHTTP2_REFUSED_STREAM && !responded ? 'refused' : 'reset';
}
