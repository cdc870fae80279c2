/** HTTP/1.1 clients: Node's server on connections that were accepted elsewhere. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { headerValue, withoutHeaders, type FlatHeaders } from '../route/rewrite.ts';
import { connectionHeaders, type Downstream, type RequestHead, type ResponseHead } from './messages.ts';

/** As Envoy's default limit of 60 KiB, rounded up. */
export const maxHeaderBytes = 64 * 1024;

export interface Http1Handlers {
  onRequest(downstream: Downstream, connection: Duplex): void;
  onUpgrade(request: IncomingMessage, connection: Duplex, first: Buffer): void;
}

/** A server without a listener: connections are given to `emit('connection')`. Idle ones stay open. */
export function createHttp1Server(handlers: Http1Handlers): Server {
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: 0,
    headersTimeout: 0,
    requestTimeout: 0,
  });
  server.timeout = 0;
  server.on('request', (request, response) => handlers.onRequest(http1Downstream(request, response), request.socket));
  server.on('upgrade', (request, socket, first) => handlers.onUpgrade(request, socket, first));
  server.on('connect', (_request, socket) => socket.end('HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n'));
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    else socket.destroy();
  });
  return server;
}

/** The head of an HTTP/1.1 request. */
export function http1RequestHead(request: IncomingMessage): RequestHead {
  const { rawHeaders } = request;
  const length = headerValue(rawHeaders, 'content-length');
  const chunked = headerValue(rawHeaders, 'transfer-encoding') !== undefined;
  return {
    method: request.method ?? 'GET',
    scheme: headerValue(rawHeaders, 'x-forwarded-proto') ?? 'http',
    authority: headerValue(rawHeaders, 'host') ?? '',
    path: request.url ?? '/',
    headers: withoutHeaders(rawHeaders, (name) => name === 'host' || name === 'expect' || connectionHeaders.has(name)),
    version: 'http1',
    hasBody: chunked || (length !== undefined && length !== '0'),
  };
}

function http1Downstream(request: IncomingMessage, response: ServerResponse): Downstream {
  response.sendDate = false;
  response.on('error', () => {});
  request.on('error', () => {});
  return {
    head: http1RequestHead(request),
    body: request,
    sink: response,
    respond(head: ResponseHead) {
      const { status, reason, headers } = head;
      if (reason === undefined) response.writeHead(status, headers);
      else response.writeHead(status, reason, headers);
    },
    finish(trailers: FlatHeaders) {
      if (trailers.length > 0 && response.hasHeader('trailer')) response.addTrailers(pairs(trailers));
      response.end();
    },
    reset() {
      response.destroy();
      request.socket.destroy();
    },
    onGone(listener) {
      response.on('close', () => {
        if (!response.writableFinished) listener();
      });
    },
  };
}

function pairs(headers: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let index = 0; index < headers.length; index += 2) list.push([headers[index] ?? '', headers[index + 1] ?? '']);
  return list;
}
