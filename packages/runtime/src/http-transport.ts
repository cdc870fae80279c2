/** A Transport over HTTP(S), for API servers in another process. */

import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import type { Transport, TransportRequest, TransportResponse } from '@towpath/api';
import { TowpathError } from '@towpath/kit';

export interface HttpTransportOptions {
  /** e.g. https://127.0.0.1:6443 */
  readonly server: string;
  /** PEM */
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** A bearer token; a function is asked at each request. */
  readonly token?: string | (() => string) | undefined;
  /** Sent with every request, e.g. Authorization from a credential plugin. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Skips verification of the server's certificate. */
  readonly insecure?: boolean;
}

/** Connections are kept open and shared. Rejects with `API_UNREACHABLE` when no answer comes. */
export function httpTransport(options: HttpTransportOptions): Transport & { close(): void } {
  const server = new URL(options.server);
  const secure = server.protocol === 'https:';
  const agent = secure
    ? new HttpsAgent({
        keepAlive: true,
        ca: options.ca,
        cert: options.cert,
        key: options.key,
        rejectUnauthorized: options.insecure !== true,
      })
    : new HttpAgent({ keepAlive: true });
  const { token } = options;
  const headersNow = (): Record<string, string> => {
    const bearer = typeof token === 'function' ? token() : token;
    return { ...options.headers, ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
  };
  const base = server.pathname.replace(/\/$/, '');

  const send = (request: TransportRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const start = secure ? httpsRequest : httpRequest;
      const outgoing = start(
        {
          host: server.hostname,
          port: server.port === '' ? (secure ? 443 : 80) : Number(server.port),
          method: request.method,
          path: base + request.path + queryText(request.query),
          // Node gives a DELETE no length of its own: the server would take its body for the next request.
          headers: { ...headersNow(), ...request.headers, ...lengthOf(request.body) },
          agent,
          ...(request.signal === undefined ? {} : { signal: request.signal }),
        },
        resolve,
      );
      outgoing.on('error', (error) => {
        if (request.signal?.aborted === true) reject(error);
        else reject(unreachable(options.server, error));
      });
      outgoing.end(request.body);
    });

  return {
    async request(request) {
      return toResponse(await send(request));
    },
    close: () => agent.destroy(),
  };
}

function lengthOf(body: TransportRequest['body']): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

function unreachable(server: string, cause: Error): TowpathError {
  return new TowpathError('API_UNREACHABLE', `the Kubernetes API at ${server} cannot be reached: ${cause.message}`, {
    next: 'check that it runs, or name another kubeconfig',
    cause,
  });
}

function toResponse(message: IncomingMessage): TransportResponse {
  message.setEncoding('utf8');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    status: message.statusCode ?? 0,
    headers,
    async text() {
      const parts: string[] = [];
      for await (const chunk of message) parts.push(String(chunk));
      return parts.join('');
    },
    chunks: () => message as AsyncIterable<string>,
  };
}

/** `?a=b` or nothing; undefined members are left out. */
export function queryText(query: TransportRequest['query']): string {
  const entries = Object.entries(query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries).toString()}`;
}
