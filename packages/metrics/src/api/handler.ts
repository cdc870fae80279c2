/** Prometheus' HTTP API: paths to answers, answers in its envelopes. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { background, messageOf, type Clock, type Logger } from '@towpath/kit';
import { apiErrorType, type ApiErrorType } from '../errors.ts';
import type { Engine } from '../promql/engine.ts';
import type { Scraper } from '../scrape/scraper.ts';
import type { SeriesStore } from '../store/series-store.ts';
import { readParameters } from './parameters.ts';
import { ownMetrics } from './own-metrics.ts';
import { routes, type Route } from './routes.ts';

/** What the API shows. */
export interface ApiDeps {
  readonly store: SeriesStore;
  readonly engine: Engine;
  readonly scraper: Pick<Scraper, 'targets'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly startedAtMs: number;
  readonly retention: string;
  /** What discovery refused; shown as warnings of /api/v1/targets. */
  readonly refusals: () => readonly string[];
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** HTTP status by error type. Source: Prometheus, web/api/v1, respondError. */
const statusOf: Readonly<Record<ApiErrorType, number>> = {
  bad_data: 400,
  execution: 422,
  canceled: 499,
  timeout: 503,
  internal: 500,
  not_found: 404,
};

/** Handles requests of the whole server: API, health and its own metrics. */
export function createApiHandler(deps: ApiDeps): RequestHandler {
  return (request, response) => {
    background('metrics request', handle(request, response, deps), deps.log);
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, deps: ApiDeps): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://metrics');
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const plain = plainPage(url.pathname, deps);
  if (plain !== undefined) {
    send(response, plain);
    return;
  }
  const found = findRoute(url.pathname);
  if (found === undefined) {
    send(response, failure('not_found', `no such path: ${url.pathname}`));
    return;
  }
  if (request.method !== 'GET' && request.method !== 'POST') {
    send(response, { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' });
    return;
  }
  try {
    const parameters = await readParameters(request, url);
    const answer = await found.route.answer({ parameters, segment: found.segment, deps, signal: gone.signal });
    const body = JSON.stringify({
      status: 'success',
      data: answer.data,
      ...(answer.warnings && { warnings: answer.warnings }),
    });
    send(response, { status: 200, type: 'application/json', body });
  } catch (error) {
    const type = apiErrorType(error);
    if (type === 'internal') deps.log.error('metrics request failed', { path: url.pathname, error: messageOf(error) });
    send(response, failure(type, messageOf(error)));
  }
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function plainPage(path: string, deps: ApiDeps): Page | undefined {
  const text = (body: string): Page => ({ status: 200, type: 'text/plain; charset=utf-8', body });
  if (path === '/-/ready') return text('Prometheus Server is Ready.\n');
  if (path === '/-/healthy') return text('Prometheus Server is Healthy.\n');
  if (path === '/metrics') return { ...text(ownMetrics(deps)), type: 'text/plain; version=0.0.4; charset=utf-8' };
  if (path === '/') return text('Towpath metrics: the Prometheus HTTP API is at /api/v1/query\n');
  return undefined;
}

function findRoute(path: string): { route: Route; segment: string } | undefined {
  for (const route of routes) {
    const found = route.path.exec(path);
    if (found !== null) return { route, segment: decodeURIComponent(found[1] ?? '') };
  }
  return undefined;
}

function failure(type: ApiErrorType, message: string): Page {
  const body = JSON.stringify({ status: 'error', errorType: type, error: message });
  return { status: statusOf[type], type: 'application/json', body };
}

function send(response: ServerResponse, { status, type, body }: Page): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
