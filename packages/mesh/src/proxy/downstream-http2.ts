/** HTTP/2 clients with prior knowledge, gRPC among them: Node's server on connections accepted elsewhere. */

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { assert } from '@towpath/kit';
import type { FlatHeaders } from '../route/rewrite.ts';
import { connectionHeaders, type Downstream, type RequestHead, type ResponseHead } from './messages.ts';

/** Enough that one slow stream does not hold up the others of a connection. */
export const http2Settings = { initialWindowSize: 1 << 20, maxConcurrentStreams: 1 << 16, enablePush: false } as const;

/** A server without a listener: connections are given to `acceptHttp2`. */
export function createHttp2Server(): Http2Server {
  const server = createServer({ settings: http2Settings });
  server.on('sessionError', () => {});
  return server;
}

/** Serves one connection. */
export function acceptHttp2(
  server: Http2Server,
  connection: Duplex,
  onRequest: (downstream: Downstream) => void,
): void {
  server.once('session', (session) => {
    session.on('error', () => {});
    session.on('stream', (stream, _headers: IncomingHttpHeaders, flags, rawHeaders?: string[]) => {
      assert(rawHeaders !== undefined, 'node:http2 gives raw headers with a stream');
      onRequest(http2Downstream(stream, rawHeaders, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0));
    });
  });
  // A client that went away would leave its session open where the stream may stay half open.
  connection.once('end', () => {
    if (!connection.writableEnded) connection.end();
  });
  // 'session' is emitted while the connection is taken, so that the listener above is this connection's.
  server.emit('connection', connection);
}

function http2Downstream(stream: ServerHttp2Stream, rawHeaders: readonly string[], ended: boolean): Downstream {
  let trailing: FlatHeaders = [];
  let finished = false;
  stream.on('error', () => {});
  return {
    head: http2RequestHead(rawHeaders, !ended),
    body: stream,
    sink: stream,
    respond({ status, headers }: ResponseHead, { last }) {
      if (stream.destroyed || stream.headersSent) return;
      stream.respond({ ...http2Headers(headers), ':status': status }, { endStream: last, waitForTrailers: !last });
      if (last) finished = true;
      else stream.on('wantTrailers', () => sendTrailers(stream, trailing));
    },
    finish(trailers) {
      finished = true;
      trailing = trailers;
      if (!stream.writableEnded) stream.end();
    },
    reset() {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    },
    onGone(listener) {
      stream.on('close', () => {
        if (!finished) listener();
      });
    },
  };
}

function sendTrailers(stream: ServerHttp2Stream, trailers: FlatHeaders): void {
  if (!stream.destroyed) stream.sendTrailers(http2Headers(trailers));
}

function http2RequestHead(rawHeaders: readonly string[], hasBody: boolean): RequestHead {
  let method = 'GET';
  let scheme = 'http';
  let authority = '';
  let path = '/';
  const headers: FlatHeaders = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    if (name === ':method') method = value;
    else if (name === ':scheme') scheme = value;
    else if (name === ':path') path = value;
    else if (name === ':authority' || (name === 'host' && authority === '')) authority = value;
    else if (!name.startsWith(':') && name !== 'host') headers.push(name, value);
  }
  return { method, scheme, authority, path, headers, version: 'http2', hasBody };
}

/** Flat headers as node:http2 takes them: names lower case, repeated ones as lists, connection headers left out. */
export function http2Headers(headers: readonly string[]): OutgoingHttpHeaders {
  const result: Record<string, string | string[]> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase();
    const value = headers[index + 1] ?? '';
    if (connectionHeaders.has(name) || (name === 'te' && value !== 'trailers')) continue;
    const known = result[name];
    if (known === undefined) result[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else result[name] = [known, value];
  }
  return result;
}

/** The regular headers of node:http2's raw list. */
export function regularHeaders(rawHeaders: readonly string[]): FlatHeaders {
  const headers: FlatHeaders = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!name.startsWith(':')) headers.push(name, rawHeaders[index + 1] ?? '');
  }
  return headers;
}
