/** The HTTPS side of the API server: HTTP/2, HTTP/1.1 and upgrades on one port. */

import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { background, messageOf, type Logger } from '@towpath/kit';
import { maxBodyBytes, tooLarge } from '../handlers/decode.ts';
import { jsonResponse, type ApiRequest, type ApiResponse, type UserInfo } from '../http/message.ts';
import type { CertificatePair } from './certificate-pair.ts';

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

export interface HttpsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly certificate: CertificatePair;
  /** PEM; clients that show a certificate of this authority are known by it. */
  readonly clientAuthority: string;
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  /** Takes over the socket of an upgrade request. */
  readonly upgrade: (request: ApiRequest, incoming: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  readonly log: Logger;
}

export interface HttpsServer {
  readonly port: number;
  dispose(): Promise<void>;
}

/** Listens; rejects with Node's error (`EADDRINUSE`) when the port cannot be had. */
export async function listenHttps(options: HttpsServerOptions): Promise<HttpsServer> {
  const server = createSecureServer({
    allowHTTP1: true,
    cert: options.certificate.certificate,
    key: options.certificate.key,
    ca: options.clientAuthority,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.on('request', (incoming: Incoming, outgoing: Outgoing) => {
    background('request', answer(options, incoming, outgoing), options.log);
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    background(
      'upgrade',
      options.upgrade(requestOf(incoming, undefined, undefined), incoming, socket, head),
      options.log,
    );
  });
  server.on('sessionError', () => {});
  // Clients that do not trust our authority, or leave in the middle of a handshake.
  server.on('tlsClientError', () => {});
  await listen(server, options);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    dispose: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listen(server: Http2SecureServer, options: HttpsServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(options: HttpsServerOptions, incoming: Incoming, outgoing: Outgoing): Promise<void> {
  const left = new ClientLeft(outgoing);
  try {
    const body = await readBody(incoming);
    const response = body === 'too large' ? refuseLarge() : await options.handle(requestOf(incoming, body, left));
    await send(response, outgoing, left);
  } catch (error) {
    // The client is gone, or the stream behind the answer broke: the connection says so.
    options.log.debug('answer ended early', { path: incoming.url ?? '', error: messageOf(error) });
    outgoing.destroy();
  }
}

/** Whether the client went away before its answer was complete; a signal is made only for those who ask for it. */
class ClientLeft {
  readonly #outgoing: Outgoing;
  #controller: AbortController | undefined;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
    outgoing.on('error', () => this.#controller?.abort());
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      this.#outgoing.on('close', () => controller.abort());
      if (this.#outgoing.closed) controller.abort();
    }
    return this.#controller.signal;
  }
}

function refuseLarge(): ApiResponse {
  const { status } = tooLarge();
  return jsonResponse(status.code, status);
}

function readBody(incoming: Incoming): Promise<Uint8Array | undefined | 'too large'> {
  if (incoming.method === 'GET' || incoming.method === 'HEAD') return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBodyBytes) resolve('too large');
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    incoming.on('error', reject);
    incoming.on('close', () => {
      if (!incoming.readableEnded) reject(new Error('the client left in the middle of its request'));
    });
  });
}

function requestOf(incoming: Incoming, body: Uint8Array | undefined, left: ClientLeft | undefined): ApiRequest {
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined && !name.startsWith(':')) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    headers,
    body,
    get signal() {
      return left?.signal;
    },
    user: headers['authorization'] === undefined ? certificateUser(incoming.socket as TLSSocket) : undefined,
  };
}

/** The user a verified client certificate names: CN is the name, O are the groups. */
function certificateUser(socket: TLSSocket): UserInfo | undefined {
  if (socket.authorized !== true) return undefined;
  const certificate = socket.getPeerCertificate();
  const { CN: name, O: organisation } = certificate.subject ?? {};
  if (typeof name !== 'string') return undefined;
  const groups = organisation === undefined ? [] : Array.isArray(organisation) ? organisation : [String(organisation)];
  return { name, groups: [...groups, 'system:authenticated'] };
}

/**
 * Clients that see these leave the order of requests to the server and stop limiting themselves to a few a second, as those of
 * Flux do. Nothing is limited here; no objects have these uids. Source: apiserver, flow control, response headers.
 */
const flowControlHeaders = {
  'x-kubernetes-pf-flowschema-uid': '6b1f0d4e-6f2a-4c8e-9a43-0f6f5d1c7a01',
  'x-kubernetes-pf-prioritylevel-uid': '6b1f0d4e-6f2a-4c8e-9a43-0f6f5d1c7a02',
} as const;

async function send(response: ApiResponse, outgoing: Outgoing, left: ClientLeft): Promise<void> {
  const { 'transfer-encoding': _chunked, ...own } = response.headers;
  const headers = response.status === 401 ? own : { ...own, ...flowControlHeaders };
  const { body } = response;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const sizeBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    outgoing.writeHead(response.status, { ...headers, 'content-length': String(sizeBytes) });
    // A text goes out in one piece with the headers.
    (outgoing as ServerResponse).end(body);
    return;
  }
  const { signal } = left;
  outgoing.writeHead(response.status, headers);
  // Watchers wait for the headers before the first event.
  (outgoing as ServerResponse).flushHeaders();
  for await (const chunk of body) {
    if (signal.aborted) break;
    if (!write(outgoing, chunk)) await drained(outgoing, signal);
  }
  outgoing.end();
}

function write(outgoing: Outgoing, chunk: string | Uint8Array): boolean {
  return (outgoing as ServerResponse).write(chunk);
}

function drained(outgoing: Outgoing, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.removeListener('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    outgoing.once('drain', done);
    signal.addEventListener('abort', done);
  });
}
