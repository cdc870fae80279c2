/** The API in process: requests pass the same handlers as over HTTPS, with the caller already known. */

import type { Transport, TransportRequest, TransportResponse } from '@towpath/api';
import type { ApiBody, ApiRequest, ApiResponse, UserInfo } from './http/message.ts';

/** The user of in-process callers that name none: may do everything. */
export const adminUser: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

export interface RequestHandler {
  handle(request: ApiRequest): Promise<ApiResponse>;
}

/** A transport that acts as `user`; without one, requests authenticate by their headers. */
export function inProcessTransport(server: RequestHandler, user?: UserInfo): Transport {
  return {
    async request(request: TransportRequest): Promise<TransportResponse> {
      request.signal?.throwIfAborted();
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(request.query ?? {}))
        if (value !== undefined) query.append(name, value);
      const response = await server.handle({
        method: request.method,
        path: request.path,
        query,
        headers: request.headers ?? {},
        body: request.body,
        signal: request.signal,
        user,
      });
      return {
        status: response.status,
        headers: response.headers,
        text: () => textOf(response.body),
        chunks: () => chunksOf(response.body, request.signal),
      };
    },
  };
}

async function textOf(body: ApiBody): Promise<string> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
}

async function* chunksOf(body: ApiBody, signal: AbortSignal | undefined): AsyncGenerator<string, void, undefined> {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    yield await textOf(body);
    return;
  }
  const decoder = new TextDecoder();
  for await (const part of body) yield typeof part === 'string' ? part : decoder.decode(part, { stream: true });
  signal?.throwIfAborted();
}
