/** One HTTP port for everything a person or a client opens: Git, registry, charts, Prometheus, dashboard. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '@towpath/kit';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface FrontHandlers {
  /** `/OWNER/NAME.git/…` */
  readonly git: Handler;
  /** `/v2/…` */
  readonly registry: Handler;
  /** `/charts/…`, the prefix removed */
  readonly charts: Handler;
  /** `/prometheus/…`, the prefix removed */
  readonly metrics: Handler;
  /** Everything else. */
  readonly dashboard: Handler;
}

/**
 * Answers only to loopback and in-cluster host names: a page of a foreign site that makes its own name point to
 * 127.0.0.1 is refused (DNS rebinding).
 */
export function createFront(handlers: FrontHandlers): Server {
  const server = createServer((request, response) => {
    if (!isOwnHost(request.headers.host)) {
      refuse(response, 421, `host ${JSON.stringify(request.headers.host ?? '')} is not served here; use 127.0.0.1`);
      return;
    }
    void answer(route(handlers, request), request, response);
  });
  // Pushes of large images and followed logs may take long.
  server.requestTimeout = 0;
  return server;
}

/** Never rejects: a failure of one part, thrown at once or later, must not end the process. */
async function answer(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await handler(request, response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else refuse(response, 500, messageOf(error));
  }
}

function route(handlers: FrontHandlers, request: IncomingMessage): Handler {
  const url = request.url ?? '/';
  const path = url.split('?', 1)[0] ?? '/';
  if (path === '/v2' || path.startsWith('/v2/')) return handlers.registry;
  if (/^\/[^/]+\/[^/]+\.git(\/|$)/.test(path)) return handlers.git;
  for (const name of ['charts', 'prometheus'] as const) {
    if (path !== `/${name}` && !path.startsWith(`/${name}/`)) continue;
    request.url = url.slice(name.length + 1) || '/';
    return name === 'charts' ? handlers.charts : handlers.metrics;
  }
  return handlers.dashboard;
}

const ownHost =
  /^(localhost|127(?:\.\d{1,3}){3}|\[::1\]|[a-z0-9-]+\.towpath-system(?:\.svc(?:\.cluster\.local)?)?)(?::\d+)?$/i;

function isOwnHost(host: string | undefined): boolean {
  return host !== undefined && ownHost.test(host);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}
